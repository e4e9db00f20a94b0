"""A Keras 2 file of weights: a group a layer, whose ``weight_names`` are the variables' names.

What it is made of: the attributes ``layer_names`` of the file and ``weight_names`` of a group,
``backend`` and ``keras_version``. An attribute may not be longer than 64 kB, so long lists are cut
into ``layer_names0``, ``layer_names1``, ... as Keras does.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from legacy_nets.checkpoints.formats.h5 import ATTRIBUTE, read_h5
from legacy_nets.port.report import Comparison
from legacy_nets.port.weights import Tensor, check

_LONGEST = 60_000  # bytes of one attribute
_ORDER = (  # of the weights of one layer, by which Keras tells them apart
    *("gamma", "beta", "kernel", "weights", "depthwise_kernel", "depthwise_weights"),
    *("bias", "biases", "moving_mean", "moving_variance"),
)


def write(
    path: Path, tensors: Sequence[Tensor], metadata: Mapping[str, Any]
) -> Iterator[Comparison]:
    """Writes the file, then compares every tensor of it."""
    import h5py

    layers: dict[str, list[Tensor]] = {}
    for tensor in tensors:
        layers.setdefault(tensor.name.rpartition("/")[0] or tensor.name, []).append(tensor)
    with h5py.File(path, "w") as root:
        root.attrs["backend"] = "tensorflow"
        root.attrs["keras_version"] = "2.21.0"
        root.attrs[ATTRIBUTE] = json.dumps(metadata)
        _list(root, "layer_names", list(layers))
        for layer, found in layers.items():
            weights = sorted(found, key=_place)
            group = root.require_group(layer)  # a layer may lie in another's scope
            _list(group, "weight_names", [f"{weight.name}:0" for weight in weights])
            for weight in weights:
                group.create_dataset(f"{weight.name}:0", data=np.asarray(weight.load()))
    yield from check(read_h5(path), tensors)


def _place(tensor: Tensor) -> int:
    """Where a weight stands in its layer; weights of unknown names stay in their order, first."""
    part = tensor.name.rpartition("/")[2]
    return _ORDER.index(part) if part in _ORDER else -1


def _list(group: Any, name: str, texts: list[str]) -> None:
    names = np.array([text.encode() for text in texts])
    pieces = -(-names.nbytes // _LONGEST)
    if pieces < 2:
        group.attrs[name] = names
        return
    for number, piece in enumerate(np.array_split(names, pieces)):
        group.attrs[f"{name}{number}"] = piece
