"""Reads Keras .h5 files (weights, whole models), Keras 3's .weights.h5 and .keras, and plain HDF5.

Only datasets and the attributes that list them are read: the model's configuration, and with it
any Lambda layer's byte code, is not even looked at. Links to other files are not followed.

Of a damaged file the HDF5 library usually says so. It has no checksums over the data, and a
crafted file may crash it: read files of strangers in a process of its own.
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
from typing import Any

import numpy as np

from legacy_nets.checkpoints.formats.keras3_names import entries_of
from legacy_nets.checkpoints.formats.tensor_info import numpy_dtype
from legacy_nets.checkpoints.formats.wire import Damaged
from legacy_nets.checkpoints.source import (
    TensorSpec,
    WeightFile,
    parse_json_table,
    read_json_member,
)
from legacy_nets.checkpoints.translate import Translated
from legacy_nets.errors import CheckpointError, join_lines

METADATA = "legacy_nets.json"  # the member that ``port`` adds to a .keras
ATTRIBUTE = "legacy_nets"  # the root's in a .h5, to the same end
_TRAINING = re.compile(  # optimizers of Keras 2 and 3, and dropout's seeds
    r"(^|/)(optimizer_weights|_?optimizer|seed_generator)/"
)
_LISTS = ("layer_names", "weight_names")
_TIGHTEST = 2000  # times that HDF5's filters can shrink data (deflate: 1032)


def read_h5(path: Path) -> WeightFile | Translated:
    """Opens an HDF5 file of weights.

    A Keras 2 file gives its weight names without ":0" (``conv1/kernel``); where two layers use
    one name, the layer's name stands before it. A Keras 3 file gives the names that its layers'
    tell (``keras3_names``). Any other gives the paths of its datasets. What belongs to training
    is set apart.

    Raises Damaged.
    """
    return _open(str(path), path)


def read_keras_zip(path: Path) -> WeightFile | Translated:
    """Opens the weights in a .keras archive, as ``read_h5``. Raises Damaged."""
    with zipfile.ZipFile(path) as archive:
        metadata = read_json_member(archive, METADATA)
        return _open(str(path), io.BytesIO(archive.read("model.weights.h5")), metadata)


def _open(
    prefix: str, file: Path | io.BytesIO, metadata: Mapping[str, object] | None = None
) -> WeightFile | Translated:
    lists: dict[str, dict[str, list[str]]] = {}  # group -> its lists of names
    datasets: dict[str, TensorSpec] = {}
    layers: dict[str, str] = {}  # group of Keras 3 -> the layer's name

    def look(place: str | bytes, item: Any) -> None:
        if isinstance(place, bytes):
            raise Damaged(f"the name {place!r} is no text")
        if hasattr(item, "keys"):
            lists[place] = {name: _names(item.attrs, name) for name in _LISTS}
            if place.endswith("/vars"):
                layers[place] = "".join(_names(item.attrs, "name"))
        elif item.shape is not None:
            datasets[place] = _described(place, item)

    with _opened(file) as root:
        metadata = metadata or parse_json_table(root.attrs.get(ATTRIBUTE))
        look("", root)
        root.visititems(look)  # hard links only, each object once
    apart = {place for place in datasets if _TRAINING.search(place)}
    places = _keras_names(lists, datasets) or {
        place.removesuffix(":0"): place for place in datasets if place not in apart
    }
    places |= {place.removesuffix(":0"): place for place in sorted(apart)}
    if not places:
        raise CheckpointError(f"{prefix}: an HDF5 file without weights")

    def load(name: str) -> np.ndarray:
        stored = datasets[places[name]]
        if numpy_dtype(stored.dtype) is None:
            raise CheckpointError(f"{prefix}: {name} is of type {stored.dtype}, no numbers")
        with _opened(file) as root:
            values = np.empty(stored.shape, numpy_dtype(stored.dtype))
            if values.size:
                root[places[name]].read_direct(values)
            return values

    described = {name: datasets[place] for name, place in places.items()}
    opened = WeightFile(
        prefix,
        {name: stored for name, stored in described.items() if places[name] not in apart},
        load,
        other_tensors={name: stored for name, stored in described.items() if places[name] in apart},
        metadata=metadata,
    )
    entries = entries_of(layers, opened.tensors)
    return Translated(opened, entries) if entries else opened


@contextlib.contextmanager
def _opened(file: Path | io.BytesIO) -> Iterator[Any]:
    """The file's root group; whatever the library raises becomes Damaged."""
    import h5py

    try:
        with h5py.File(file, "r") as root:
            yield root
    except CheckpointError:
        raise
    except (OSError, KeyError, RuntimeError, ValueError, TypeError, AttributeError) as error:
        raise Damaged(join_lines(error)) from error


def _names(attributes: Mapping[str, Any], name: str) -> list[str]:
    """A list of names, which Keras cuts into ``name0``, ``name1``, ... where it is long."""
    pieces = [name] if name in attributes else []
    while f"{name}{len(pieces)}" in attributes and pieces != [name]:
        pieces.append(f"{name}{len(pieces)}")
    found = [item for piece in pieces for item in np.ravel(attributes[piece]).tolist()]
    return [item.decode() if isinstance(item, bytes) else str(item) for item in found]


def _described(place: str, item: Any) -> TensorSpec:
    """Shape and dtype of a dataset, held against the bytes that the file has for it."""
    size = math.prod(item.shape) * item.dtype.itemsize
    there = item.id.get_storage_size()
    if item.external or item.is_virtual:
        raise Damaged(f"{place} lies in another file")
    if size > there * (_TIGHTEST if item.chunks else 1):
        raise Damaged(f"{place} {item.dtype} {list(item.shape)} has {there} bytes in the file")
    return TensorSpec(item.shape, "string" if item.dtype.kind in "OSU" else item.dtype.name)


def _keras_names(
    lists: Mapping[str, Mapping[str, list[str]]], datasets: Mapping[str, TensorSpec]
) -> dict[str, str]:
    """Weight name -> dataset, as a Keras 2 file lists them; empty for any other file."""
    base = "model_weights" if "model_weights" in lists else ""
    layers = lists[base]["layer_names"] + ["top_level_model_weights"]
    found = []  # (layer, weight, dataset)
    for layer in layers:
        group = "/".join(part for part in (base, layer) if part)
        for weight in lists.get(group, {}).get("weight_names", []):
            place = f"{group}/{weight}"
            if place not in datasets:
                raise Damaged(f"the weights {place} are missing")
            found.append((layer, weight.removesuffix(":0"), place))
    count = Counter(weight for _, weight, _ in found)
    return {
        weight if count[weight] == 1 else f"{layer}/{weight}": place
        for layer, weight, place in found
    }
