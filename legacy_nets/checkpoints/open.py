"""Opens a weight file of any readable format, detected by its bytes and not by its name.

Nothing in a file is executed: no pickles, no Lambda layers, no graphs.
"""

from __future__ import annotations

import re
import zipfile
from collections.abc import Callable
from pathlib import Path

from legacy_nets.checkpoints.formats.bundle import find_checkpoint, read_bundle
from legacy_nets.checkpoints.formats.frozen_graph import read_frozen_graph
from legacy_nets.checkpoints.formats.h5 import (
    KERAS_WEIGHTS,
    SIGNATURE,
    check_that_reading_ends,
    read_h5,
    read_keras_zip,
)
from legacy_nets.checkpoints.formats.npz import read_npy, read_npz
from legacy_nets.checkpoints.formats.object_graph import use_variable_names
from legacy_nets.checkpoints.formats.onnx.model import is_onnx
from legacy_nets.checkpoints.formats.onnx.read import read_onnx
from legacy_nets.checkpoints.formats.safetensors import read_safetensors
from legacy_nets.checkpoints.formats.sstable import TABLE_MAGIC
from legacy_nets.checkpoints.formats.tflite import read_tflite
from legacy_nets.checkpoints.formats.torch import read_torch
from legacy_nets.checkpoints.formats.v1 import read_v1
from legacy_nets.checkpoints.source import Source, report_damage
from legacy_nets.errors import CheckpointError
from legacy_nets.files import TFLITE, explain_other_format

_READERS: dict[str, Callable[[Path], Source]] = {  # format -> the function that opens it
    "v1": read_v1,
    "h5": read_h5,
    "keras": read_keras_zip,
    "npz": read_npz,
    "npy": read_npy,
    "safetensors": read_safetensors,
    "torch": read_torch,
    "tflite": read_tflite,
    "graphdef": read_frozen_graph,
    "onnx": read_onnx,
}
ENDINGS = {
    *(".h5", ".hdf5", ".keras", ".npz", ".npy", ".safetensors", ".pth", ".pt", ".bin"),
    *(".pb", ".onnx", ".tflite"),
}
CHECKPOINT_FILE = re.compile(r"\.(index|meta|data-\d{5}-of-\d{5})$")
_V2_FILE = re.compile(r"\.(index|data-\d{5}-of-\d{5})$")
V1_SHARD = re.compile(r"-(\d{5}|\?{5})-of-\d{5}$")  # a state file writes question marks
_READABLE = (
    "a TensorFlow checkpoint (V2, V1), Keras .h5, .npz, .npy, safetensors, a PyTorch "
    "state_dict, a frozen .pb, ONNX or .tflite"
)


def open_weights(path: str | Path, *, prefers_v1: bool = False) -> Source:
    """Opens any readable weight file. Its weights stay on the disk until they are read.

    An object-based checkpoint (tf.train.Checkpoint, Keras) shows its variables' own names.

    Args:
      path: what ``find_weights`` takes.
      prefers_v1: reads the V1 checkpoint where a V2 one has the same prefix.

    Raises CheckpointError: no such file, damaged, or a file that holds no weights.
    """
    location = find_weights(path)
    if Path(f"{location}.index").is_file() and not (prefers_v1 and _is_v1(location)):
        return use_variable_names(read_bundle(location))
    with report_damage(location):
        return _READERS[_detect_format(Path(location))](Path(location))


def find_weights(path: str | Path) -> str:
    """Finds the weight file or checkpoint prefix that a file, a prefix or a folder stands for.

    A folder holds checkpoints (see ``find_checkpoint``), a SavedModel, or one weight file.

    Raises CheckpointError.
    """
    text = str(path)
    path = Path(text)
    if Path(f"{text}.index").is_file():
        return text
    if path.name == "saved_model.pb" or (path / "saved_model.pb").is_file():
        folder = path if path.is_dir() else path.parent
        if not (folder / "variables" / "variables.index").is_file():
            raise CheckpointError(
                f"{folder} is a SavedModel without variables: its weights are constants of its "
                "graph; give the checkpoint that it was made from"
            )
        return find_checkpoint(folder / "variables" / "variables")
    prefix = CHECKPOINT_FILE.sub("", text)
    if prefix != text and not Path(f"{prefix}.index").is_file() and _is_v1(prefix):
        return prefix
    if path.is_dir():
        return _find_in_folder(path)
    if path.is_file() and prefix == text and path.name != "checkpoint":
        v1_prefix = V1_SHARD.sub("", text)
        return v1_prefix if v1_prefix != text and _is_v1(v1_prefix) else text
    return text if prefix == text and _is_v1(text) else find_checkpoint(text)


def strip_part(name: str) -> str:
    """Strips what the files of a checkpoint have after its prefix from a name."""
    return V1_SHARD.sub("", CHECKPOINT_FILE.sub("", name))


def list_weight_files(path: str | Path) -> list[Path]:
    """Lists the files of what ``find_weights`` found: one, or all those of a prefix."""
    path = Path(path)
    return sorted(
        file for file in path.parent.iterdir() if path.name in (file.name, strip_part(file.name))
    )


def find_readable_weights(path: str | Path) -> str:
    """Finds weights that a user names, as ``find_weights`` does.

    Raises CheckpointError also for an HDF5 file that its library never ends on or crashes on.
    """
    location = find_weights(path)
    check_that_reading_ends(Path(location))
    return location


def _find_in_folder(folder: Path) -> str:
    """Finds the newest checkpoint of a folder, or its only weight file."""
    try:
        return find_checkpoint(folder)
    except CheckpointError:
        files = sorted(folder.iterdir())
        if any(_V2_FILE.search(file.name) for file in files):
            raise
        candidates = [file for file in files if file.suffix in ENDINGS] + _list_v1(folder)
        if not candidates:
            refuse_exports(folder)
            raise
    if len(candidates) > 1:
        names = ", ".join(file.name for file in candidates[:5])
        raise CheckpointError(
            f"{folder}: holds {len(candidates)} weight files; name one of {names}"
        )
    return str(candidates[0])


def _list_v1(folder: Path) -> list[Path]:
    """Lists the V1 checkpoints that a folder's state file names."""
    state = folder / "checkpoint"
    if not state.is_file():
        return []
    text = state.read_text("utf-8", "replace")
    names = re.findall(r'^model_checkpoint_path: "(.*)"$', text, re.M)
    paths = [folder / V1_SHARD.sub("", re.split(r"[\\/]", name)[-1]) for name in names]
    return [path for path in paths if _is_v1(str(path))]


def refuse_exports(folder: Path) -> None:
    """Raises CheckpointError if a folder holds numbered SavedModels; it names the newest."""
    exports = [
        path
        for path in folder.iterdir()
        if path.name.isdecimal() and (path / "saved_model.pb").is_file()
    ]
    if exports:
        newest = max(exports, key=lambda path: int(path.name))
        raise CheckpointError(
            f"{folder}: holds numbered SavedModels ({len(exports)}), as Estimators export them; "
            f"name the newest, {newest}"
        )


def has_two_formats(prefix: str) -> bool:
    """Whether a V1 and a V2 checkpoint have this prefix: TensorFlow's RestoreV2 reads the V2 one,
    Restore and RestoreSlice read the V1 one.
    """
    return Path(f"{prefix}.index").is_file() and _is_v1(prefix)


def _is_v1(prefix: str) -> bool:
    """Whether a V1 checkpoint has this prefix: one table, or several shards of one."""
    path = Path(prefix)
    if not path.parent.is_dir():
        return False
    shards = [file for file in path.parent.iterdir() if V1_SHARD.sub("", file.name) == path.name]
    return any(file.is_file() and read_tail(file) == TABLE_MAGIC for file in (path, *shards))


def read_tail(path: Path) -> bytes:
    """Reads the last 8 bytes of a file; a table ends with ``TABLE_MAGIC``. Raises OSError."""
    with open(path, "rb") as file:
        file.seek(max(0, path.stat().st_size - 8))
        return file.read(8)


def _detect_format(path: Path) -> str:
    """Detects the format of a file by its bytes.

    Raises CheckpointError that says what another file is.
    """
    if not path.is_file() or read_tail(path) == TABLE_MAGIC:
        return "v1"
    with open(path, "rb") as file:
        start = file.read(64)
    if start.startswith(SIGNATURE):
        return "h5"
    if start[4:8] == TFLITE:
        return "tflite"
    if start.startswith(b"\x93NUMPY"):
        return "npy"
    if start.startswith(b"PK\x03\x04") or zipfile.is_zipfile(path):
        return _detect_zip_format(path)
    if start[8:9] == b"{" and 2 <= int.from_bytes(start[:8], "little") <= path.stat().st_size - 8:
        return "safetensors"
    if start[:1] == b"\x80" and start[1:2] in b"\2\3\4\5":
        return "torch"
    other_format = explain_other_format(start)
    if not other_format and (path.suffix == ".onnx" or is_onnx(path)):
        return "onnx"
    if not other_format and (start[:1] == b"\x0a" or path.suffix == ".pb"):
        return "graphdef"
    explanation = other_format or f"not a known weight file; readable are {_READABLE}"
    raise CheckpointError(f"{path}: {explanation}")


def _detect_zip_format(path: Path) -> str:
    with zipfile.ZipFile(path) as archive:
        names = archive.namelist()
    if any(name == "data.pkl" or name.endswith("/data.pkl") for name in names):
        return "torch"
    if KERAS_WEIGHTS in names:
        return "keras"
    if any(name.endswith(".npy") for name in names):
        return "npz"
    preview = ", ".join(names[:3])
    raise CheckpointError(
        f"{path}: a zip archive without weights (it holds {preview}): unpack it first"
    )
