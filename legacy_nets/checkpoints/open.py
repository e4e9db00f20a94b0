"""Opens a weight file of any readable format, told by what it is and not by what it is called.

Nothing in a file is executed: no pickles, no Lambda layers, no graphs.
"""

from __future__ import annotations

import re
import zipfile
from collections.abc import Callable
from pathlib import Path

from legacy_nets.checkpoints.formats.bundle import find_checkpoint, read_bundle
from legacy_nets.checkpoints.formats.frozen_graph import read_frozen_graph
from legacy_nets.checkpoints.formats.h5 import read_h5, read_keras_zip
from legacy_nets.checkpoints.formats.npz import read_npy, read_npz
from legacy_nets.checkpoints.formats.object_graph import use_variable_names
from legacy_nets.checkpoints.formats.safetensors import read_safetensors
from legacy_nets.checkpoints.formats.sstable import TABLE_MAGIC
from legacy_nets.checkpoints.formats.torch import read_torch
from legacy_nets.checkpoints.formats.v1 import read_v1
from legacy_nets.checkpoints.source import Source, report_damage
from legacy_nets.errors import CheckpointError
from legacy_nets.files import explain_other_format

_READERS: dict[str, Callable[[Path], Source]] = {  # format -> the function that opens it
    "v1": read_v1,
    "h5": read_h5,
    "keras": read_keras_zip,
    "npz": read_npz,
    "npy": read_npy,
    "safetensors": read_safetensors,
    "torch": read_torch,
    "graphdef": read_frozen_graph,
}
_ENDINGS = {
    *(".h5", ".hdf5", ".keras", ".npz", ".npy", ".safetensors", ".pth", ".pt", ".bin", ".pb"),
}
_CHECKPOINT_FILE = re.compile(r"\.(index|meta|data-\d{5}-of-\d{5})$")
_V2_FILE = re.compile(r"\.(index|data-\d{5}-of-\d{5})$")
_V1_SHARD = re.compile(r"-\d{5}-of-\d{5}$")
_READABLE = (
    "a TensorFlow checkpoint (V2, V1), Keras .h5, .npz, .npy, safetensors, a PyTorch state_dict "
    "or a frozen .pb"
)


def open_weights(path: str | Path) -> Source:
    """Opens any readable weight file; its weights stay on the disk until they are read.

    Args:
      path: what ``find_weights`` takes.

    An object-based checkpoint (tf.train.Checkpoint, Keras) bears its variables' own names.

    Raises CheckpointError: no such file, damaged, or of a kind that holds no weights.
    """
    location = find_weights(path)
    if Path(f"{location}.index").is_file():
        return use_variable_names(read_bundle(location))
    with report_damage(location):
        return _READERS[_kind(Path(location))](Path(location))


def find_weights(path: str | Path) -> str:
    """The file or checkpoint prefix that a user means: by a file, a prefix, or a folder.

    A folder is one of checkpoints (as ``find_checkpoint``), a SavedModel, or has one weight file.
    Raises CheckpointError.
    """
    path = str(path)
    place = Path(path)
    if Path(f"{path}.index").is_file():
        return path
    if place.name == "saved_model.pb" or (place / "saved_model.pb").is_file():
        folder = place if place.is_dir() else place.parent
        if not (folder / "variables" / "variables.index").is_file():
            raise CheckpointError(
                f"{folder} is a SavedModel without variables: its weights are constants of its "
                "graph, and what it was made from has them under their names"
            )
        return find_checkpoint(folder / "variables" / "variables")
    bare = _CHECKPOINT_FILE.sub("", path)
    if bare != path and not Path(f"{bare}.index").is_file() and _is_v1(bare):
        return bare
    if place.is_dir():
        return _in_folder(place)
    if place.is_file() and bare == path and place.name != "checkpoint":
        shards = _V1_SHARD.sub("", path)
        return shards if shards != path and _is_v1(shards) else path
    return path if bare == path and _is_v1(path) else find_checkpoint(path)


def _in_folder(folder: Path) -> str:
    try:
        return find_checkpoint(folder)
    except CheckpointError:
        there = sorted(folder.iterdir())
        if any(_V2_FILE.search(file.name) for file in there):
            raise
        files = [file for file in there if file.suffix in _ENDINGS]
        state = folder / "checkpoint"
        if state.is_file():  # which may name a V1 checkpoint
            text = state.read_text("utf-8", "replace")
            named = re.findall(r'^model_checkpoint_path: "(.*)"$', text, re.M)
            found = [folder / re.split(r"[\\/]", name)[-1] for name in named]
            files += [file for file in found if _is_v1(str(file))]
        if not files:
            refuse_exports(folder)
            raise
    if len(files) > 1:
        names = ", ".join(file.name for file in files[:5])
        raise CheckpointError(f"{folder}: holds {len(files)} weight files; name one of {names}")
    return str(files[0])


def refuse_exports(folder: Path) -> None:
    """Raises CheckpointError that names the newest of a folder's numbered SavedModels, if any."""
    found = [made for made in folder.iterdir() if (made / "saved_model.pb").is_file()]
    numbered = [made for made in found if made.name.isdecimal()]
    if numbered:
        newest = max(numbered, key=lambda made: int(made.name))
        raise CheckpointError(
            f"{folder}: holds numbered SavedModels ({len(numbered)}), as Estimators export them; "
            f"name the newest, {newest}"
        )


def _is_v1(prefix: str) -> bool:
    """Whether a V1 checkpoint goes by this name: one table, or several of its name."""
    path = Path(prefix)
    if not path.parent.is_dir():
        return False
    shards = [file for file in path.parent.iterdir() if _V1_SHARD.sub("", file.name) == path.name]
    return any(file.is_file() and _tail(file) == TABLE_MAGIC for file in (path, *shards))


def _tail(path: Path) -> bytes:
    with open(path, "rb") as file:
        file.seek(max(0, path.stat().st_size - 8))
        return file.read(8)


def _kind(path: Path) -> str:
    """The format of a file, by its bytes. Raises CheckpointError that says what else it is."""
    if not path.is_file() or _tail(path) == TABLE_MAGIC:
        return "v1"
    with open(path, "rb") as file:
        start = file.read(64)
    if start.startswith(b"\x89HDF\r\n\x1a\n"):
        return "h5"
    if start.startswith(b"\x93NUMPY"):
        return "npy"
    if start.startswith(b"PK\x03\x04") or zipfile.is_zipfile(path):
        return _kind_of_zip(path)
    if start[8:9] == b"{" and 2 <= int.from_bytes(start[:8], "little") <= path.stat().st_size - 8:
        return "safetensors"
    if path.suffix == ".onnx":
        raise CheckpointError(
            f"{path}: the weights of an ONNX graph are not read: use the checkpoint that it was "
            "made from, or port that to saved_model, npz or safetensors"
        )
    if start[:1] == b"\x80" and start[1:2] in b"\2\3\4\5":
        return "torch"
    if not explain_other_format(start) and (start[:1] == b"\x0a" or path.suffix == ".pb"):
        return "graphdef"
    what = explain_other_format(start) or f"no weight file that is known; readable are {_READABLE}"
    raise CheckpointError(f"{path}: {what}")


def _kind_of_zip(path: Path) -> str:
    with zipfile.ZipFile(path) as archive:
        names = archive.namelist()
    if any(name == "data.pkl" or name.endswith("/data.pkl") for name in names):
        return "torch"
    if "model.weights.h5" in names:
        return "keras"
    if any(name.endswith(".npy") for name in names):
        return "npz"
    few = ", ".join(names[:3])
    raise CheckpointError(f"{path}: a zip archive of no weights (it holds {few}): unpack it first")
