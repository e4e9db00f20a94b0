"""Reads Keras .h5 files (weights, complete models), Keras 3's .weights.h5 and .keras, plain HDF5.

Only datasets and the attributes that list them are read. The model's configuration is searched for
the layout of the weights, and not parsed. Links to other files are not followed.

The HDF5 library usually detects a damaged file. It has no checksums over the data, and a crafted
file may crash it: read untrusted files in a subprocess.
"""

from __future__ import annotations

import contextlib
import io
import math
import re
import zipfile
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from legacy_nets.checkpoints.formats.keras3_names import make_entries
from legacy_nets.checkpoints.formats.keras_kernels import Origin, find_changes, is_of_theano
from legacy_nets.checkpoints.formats.tensor_info import find_numpy_dtype
from legacy_nets.checkpoints.source import (
    TensorSpec,
    WeightFile,
    parse_json_table,
    read_json_member,
    report_damage,
)
from legacy_nets.checkpoints.translate import Translated
from legacy_nets.errors import CheckpointError, join_lines
from legacy_nets.sandbox import estimate_memory, run_sandboxed
from legacy_nets.types import Array
from legacy_nets.wire import FormatError

if TYPE_CHECKING:
    import h5py

METADATA = "legacy_nets.json"  # the member that ``port`` adds to a .keras
SIGNATURE = b"\x89HDF\r\n\x1a\n"
KERAS_WEIGHTS = "model.weights.h5"  # the member of a .keras that holds the weights
ATTRIBUTE = "legacy_nets"  # the attribute of a .h5's root for the same purpose
_TRAINING = re.compile(  # optimizers of Keras 2 and 3, and dropout's seeds
    r"(^|/)(optimizer_weights|_?optimizer|seed_generator)/"
)
_LISTS = ("layer_names", "weight_names")
_SECONDS = 20.0  # that names and attributes may take to read
_BYTES_PER_SECOND = 2e7  # of a .keras, whose weights are read into memory
_GIB = 4.0  # limit of the reader's address space, without the file
_LARGEST_COMPRESSION = 2000  # of HDF5's filters (deflate: 1032)


class _Contents:
    """What a file lists: its datasets, and the names of layers and weights in its attributes."""

    def __init__(self) -> None:
        self.name_lists: dict[str, dict[str, list[str]]] = {}  # group -> attribute -> names
        self.datasets: dict[str, TensorSpec] = {}
        self.keras3_layers: dict[str, str] = {}  # group -> the layer's name

    def add(self, path: str | bytes, item: h5py.Group | h5py.Dataset) -> None:
        """Adds a group or dataset. Raises FormatError."""
        if isinstance(path, bytes):
            raise FormatError(f"the name {path!r} is not text")
        if hasattr(item, "keys"):
            self.name_lists[path] = {name: _read_names(item.attrs, name) for name in _LISTS}
            if path.endswith("/vars"):
                self.keras3_layers[path] = "".join(_read_names(item.attrs, "name"))
        elif item.shape is not None:
            self.datasets[path] = _read_spec(path, item)


def read_h5(path: Path) -> WeightFile | Translated:
    """Opens an HDF5 file of weights.

    A Keras 2 file shows its weight names without ":0" (``conv1/kernel``). Where two layers use
    one name, the layer's name comes before it. A Keras 3 file shows the variables' names that its
    layers' names tell (``keras3_names``). Any other shows the paths of its datasets. What belongs
    to training is in ``other_tensors``.

    Raises FormatError.
    """
    return _open_weights(str(path), path)


def has_model(path: Path) -> bool:
    """Whether a file is a complete Keras model: an .h5 with the layers' configuration.

    Raises CheckpointError for a damaged file.
    """
    return _is_h5(path) and read_attribute(path, "model_config") is not None


def check_that_reading_ends(path: Path) -> None:
    """Reads the names and attributes of an HDF5 file or .keras in a child process.

    Does nothing for other files. HDF5 never ends on some damaged files, and crashes on others.
    Raises CheckpointError for those, too.
    """
    with report_damage(path):
        is_keras_zip = _is_keras_zip(path)
    if is_keras_zip or _has_signature(path):
        seconds = _SECONDS + (path.stat().st_size / _BYTES_PER_SECOND if is_keras_zip else 0)
        gib = estimate_memory(path, least=_GIB)
        run_sandboxed(_read_names_and_attributes, path, label=str(path), seconds=seconds, gib=gib)


def _has_signature(path: Path) -> bool:
    if not path.is_file():
        return False
    with open(path, "rb") as file:
        return file.read(len(SIGNATURE)) == SIGNATURE


def _is_keras_zip(path: Path) -> bool:
    if not (path.is_file() and zipfile.is_zipfile(path)):
        return False
    with zipfile.ZipFile(path) as archive:
        return KERAS_WEIGHTS in archive.namelist()


def _is_h5(path: Path) -> bool:
    import h5py

    return path.suffix in (".h5", ".hdf5") and path.is_file() and h5py.is_hdf5(path)


def _read_names_and_attributes(path: Path) -> None:
    with report_damage(path), _open_root(_find_hdf5(path)) as root:
        root.visititems(_Contents().add)
        root.attrs.get("model_config")


def _find_hdf5(path: Path) -> Path | io.BytesIO:
    """Returns an HDF5 file itself, or that in a .keras archive."""
    if not _is_keras_zip(path):
        return path
    with zipfile.ZipFile(path) as archive:
        return io.BytesIO(archive.read(KERAS_WEIGHTS))


def read_attribute(path: Path, name: str) -> object:
    """Reads an attribute of a file; None if it has none. Raises CheckpointError for damage."""
    with report_damage(path), _open_root(path) as root:
        return root.attrs.get(name)


def is_model_of_theano(path: Path) -> bool:
    """Whether Keras wrote a complete model on Theano. Files of Keras 1 tell it by their names.

    Raises CheckpointError for a damaged file.
    """
    contents = _Contents()
    with report_damage(path), _open_root(path) as root:
        root.visititems(contents.add)
        return is_of_theano(_read_origin(root), contents.datasets)


def read_keras_zip(path: Path) -> WeightFile | Translated:
    """Opens the weights in a .keras archive, as ``read_h5`` does. Raises FormatError."""
    with zipfile.ZipFile(path) as archive:
        metadata = read_json_member(archive, METADATA)
        return _open_weights(str(path), io.BytesIO(archive.read(KERAS_WEIGHTS)), metadata)


def _open_weights(
    prefix: str, file: Path | io.BytesIO, metadata: Mapping[str, object] | None = None
) -> WeightFile | Translated:
    contents = _Contents()
    with _open_root(file) as root:
        metadata = metadata or parse_json_table(root.attrs.get(ATTRIBUTE))
        origin = _read_origin(root)
        contents.add("", root)
        root.visititems(contents.add)  # hard links only, each object once
    datasets = contents.datasets
    training = {path for path in datasets if _TRAINING.search(path)}
    paths = _list_keras2_weights(contents) or {
        path.removesuffix(":0"): path for path in datasets if path not in training
    }
    paths |= {path.removesuffix(":0"): path for path in sorted(training)}
    if not paths:
        raise CheckpointError(f"{prefix}: an HDF5 file without weights")

    changes = find_changes(
        origin,
        {name: path for name, path in paths.items() if path not in training},
        datasets,
    )

    def load(name: str) -> Array:
        spec = datasets[paths[name]]
        dtype = find_numpy_dtype(spec.dtype)
        if dtype is None:
            raise CheckpointError(f"{prefix}: {name} is of type {spec.dtype}, which is no number")
        with _open_root(file) as root:
            values = np.empty(spec.shape, dtype)
            if values.size:
                root[paths[name]].read_direct(values)
        return changes.kernels[name].apply(values) if name in changes.kernels else values

    specs = {name: datasets[path] for name, path in paths.items()}
    for name, change in changes.kernels.items():
        specs[name] = specs[name]._replace(shape=change.get_shape(specs[name].shape))
    source = WeightFile(
        prefix,
        {name: spec for name, spec in specs.items() if paths[name] not in training},
        load,
        other_tensors={name: spec for name, spec in specs.items() if paths[name] in training},
        notes=changes.notes,
        unsupported=changes.unsupported,
        metadata=metadata,
    )
    entries = make_entries(contents.keras3_layers, source.tensors)
    return Translated(source, entries) if entries else source


@contextlib.contextmanager
def _open_root(file: Path | io.BytesIO) -> Iterator[h5py.Group]:
    """Opens the file's root group; turns whatever the library raises into FormatError."""
    import h5py

    try:
        with h5py.File(file, "r") as root:
            yield root
    except CheckpointError:
        raise
    except (OSError, KeyError, RuntimeError, ValueError, TypeError, AttributeError) as error:
        raise FormatError(join_lines(error)) from error


def _read_origin(root: h5py.Group) -> Origin:
    """Reads what a file tells about the Keras that wrote it."""
    groups = [root, root["model_weights"]] if "model_weights" in root else [root]

    def read(name: str) -> str:
        return next(filter(None, ("".join(_read_names(group.attrs, name)) for group in groups)), "")

    return Origin(
        backend=read("backend"),
        version=read("keras_version"),
        config=read("model_config"),
        is_numbered="nb_layers" in root.attrs,
        has_layers=bool(read("layer_names")),
    )


def _read_names(attributes: Mapping[str, object], name: str) -> list[str]:
    """Reads a list of names. Keras cuts a long one into ``name0``, ``name1``, ..."""
    pieces = [name] if name in attributes else []
    while f"{name}{len(pieces)}" in attributes and pieces != [name]:
        pieces.append(f"{name}{len(pieces)}")
    names = [item for piece in pieces for item in np.ravel(np.asarray(attributes[piece])).tolist()]
    return [item.decode() if isinstance(item, bytes) else str(item) for item in names]


def _read_spec(path: str, dataset: h5py.Dataset) -> TensorSpec:
    """Reads shape and dtype of a dataset, and compares them with its bytes in the file."""
    size = math.prod(dataset.shape) * dataset.dtype.itemsize
    stored = dataset.id.get_storage_size()
    if dataset.external or dataset.is_virtual:
        raise FormatError(f"{path} is stored in another file")
    if size > stored * (_LARGEST_COMPRESSION if dataset.chunks else 1):
        raise FormatError(
            f"{path} {dataset.dtype} {list(dataset.shape)} has {stored} bytes in the file"
        )
    is_text = dataset.dtype.kind in "OSU"
    return TensorSpec(dataset.shape, "string" if is_text else dataset.dtype.name)


def _list_keras2_weights(contents: _Contents) -> dict[str, str]:
    """Lists weight name -> dataset as a Keras 2 file does; {} for any other file."""
    base = "model_weights" if "model_weights" in contents.name_lists else ""
    layers = contents.name_lists[base]["layer_names"] + ["top_level_model_weights"]
    weights = []  # (layer, weight, dataset)
    for layer in layers:
        group = "/".join(part for part in (base, layer) if part)
        for weight in contents.name_lists.get(group, {}).get("weight_names", []):
            path = f"{group}/{weight}"
            if path not in contents.datasets:
                raise FormatError(f"the weights {path} are missing")
            weights.append((layer, weight.removesuffix(":0"), path))
    counts = Counter(weight for _, weight, _ in weights)
    return {
        weight if counts[weight] == 1 else f"{layer}/{weight}": path
        for layer, weight, path in weights
    }
