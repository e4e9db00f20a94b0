"""Opens a weight file of any readable format, told by what it is and not by what it is called.

Nothing in a file is executed: no pickles, no Lambda layers, no graphs.
"""

from __future__ import annotations

import importlib
import re
import zipfile
from collections.abc import Callable, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

from legacy_nets import registry
from legacy_nets.checkpoints.formats.bundle import find_checkpoint, read_bundle
from legacy_nets.checkpoints.formats.sstable import TABLE_MARK
from legacy_nets.checkpoints.source import Source, report_damage
from legacy_nets.checkpoints.translate import Entry, Translated
from legacy_nets.errors import CheckpointError
from legacy_nets.files import explain_other_format
from legacy_nets.nets.weights import torch_rule

_FORMATS = {  # kind -> "module:function" that opens it
    "v1": "v1:read_v1",
    "h5": "h5:read_h5",
    "keras": "h5:read_keras_zip",
    "npz": "npz:read_npz",
    "npy": "npz:read_npy",
    "safetensors": "safetensors:read_safetensors",
    "torch": "torch:read_torch",
    "graphdef": "graphdef:read_graphdef",
}
_ENDINGS = {
    *(".h5", ".hdf5", ".keras", ".npz", ".npy", ".safetensors", ".pth", ".pt", ".bin", ".pb"),
}
_CHECKPOINT_FILE = re.compile(r"\.(index|meta|data-\d{5}-of-\d{5})$")
_V2_FILE = re.compile(r"\.(index|data-\d{5}-of-\d{5})$")
_V1_SHARD = re.compile(r"-\d{5}-of-\d{5}$")
_MOST = 0.5  # of a table's names that a file must have to be of that layout
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
    found = find_weights(path)
    if Path(f"{found}.index").is_file():
        from legacy_nets.checkpoints.formats.object_graph import with_variable_names

        return with_variable_names(read_bundle(found))
    with report_damage(found):
        kind = _kind(Path(found))
    module, function = _FORMATS[kind].split(":")
    opened: Callable[[Path], Source] = getattr(
        importlib.import_module(f"legacy_nets.checkpoints.formats.{module}"), function
    )
    with report_damage(found):
        return opened(Path(found))


def for_net(source: Source, net_name: str) -> Source:
    """A source under the variable names of a net, wherever it bears those of another framework.

    Of the net's ``layouts`` the one is taken that finds most of its names in the file. The
    source itself is given where its names are the graph's own, or nobody's that is known.

    Raises BadInputError for an unknown net; CheckpointError for weights that are no longer any
    net's variables.
    """
    if source.unsupported:
        raise CheckpointError(f"{source.prefix}: {source.unsupported}")
    entries = _layout(source, net_name)[1] or _by_rule(source, net_name)
    return Translated(source, entries) if entries else source


def _by_rule(source: Source, net_name: str) -> tuple[Entry, ...]:
    """The table of a state_dict that ``port`` named by a rule; () of any other."""
    record = registry.get_net(net_name)
    ranks = {
        name: len(info.shape)
        for name, info in source.tensors.items()
        if not name.endswith(".num_batches_tracked")
    }
    if "torch" in record.layouts or any("/" in name or "." not in name for name in ranks):
        return ()
    return torch_rule.entries_back(ranks, record.scope)


def layout_options(source: Source, net_name: str) -> dict[str, Any]:
    """Options of the net's function (and "pixels") that weights of the source's layout need.

    PyTorch pads both sides alike, slim's ResNet v1 strides elsewhere: under other options the
    same weights give other numbers. Empty where the net's own defaults are right.
    """
    layout = _layout(source, net_name)[0]
    return dict(getattr(net_module(net_name), "TRAINED_WITH", {}).get(layout, {}))


def net_module(net_name: str) -> ModuleType:
    """The file of ``nets`` that a net is built in."""
    module = registry.get_net(net_name).builder.split(":")[0]
    return importlib.import_module(f"legacy_nets.nets.{module}")


def _layout(source: Source, net_name: str) -> tuple[str, tuple[Entry, ...]]:
    """The foreign layout of a source and its table; ("", ()) for the graph's own names."""
    best: tuple[float, str, tuple[Entry, ...]] = (_MOST, "", ())
    for layout in registry.get_net(net_name).layouts:
        entries: tuple[Entry, ...] = getattr(net_module(net_name), f"{layout}_names")(net_name)
        own = _share(source, [entry.name for entry in entries])
        there = _share(source, [part for entry in entries for part in entry.parts])
        if there > max(own, best[0]):
            best = (there, layout, entries)
    return best[1:]


def fit_to(source: Source, net_name: str, variables: Sequence[Any]) -> Source:
    """A source (of ``for_net``) with what its net can fit to the graph's variables fitted.

    That is for the nets whose module has ``fitted(source, variables)``: a ViT's position
    embeddings are resized to the graph's image size.
    """
    module = net_module(net_name)
    return module.fitted(source, variables) if hasattr(module, "fitted") else source


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
    return any(file.is_file() and _tail(file) == TABLE_MARK for file in (path, *shards))


def _tail(path: Path) -> bytes:
    with open(path, "rb") as file:
        file.seek(max(0, path.stat().st_size - 8))
        return file.read(8)


def _kind(path: Path) -> str:
    """The format of a file, by its bytes. Raises CheckpointError that says what else it is."""
    if not path.is_file() or _tail(path) == TABLE_MARK:
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


def _share(source: Source, names: list[str]) -> float:
    """The part of the names that a file has."""
    return sum(name in source.tensors for name in names) / max(1, len(names))
