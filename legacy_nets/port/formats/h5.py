"""A Keras 2 weight file: one group per layer, whose ``weight_names`` are the variables' names.

The file has the attributes ``layer_names``, ``backend`` and ``keras_version``, each group has
``weight_names``. An attribute may not be longer than 64 kB: long lists are split into
``layer_names0``, ``layer_names1``, ... as Keras does.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from legacy_nets.checkpoints.formats.h5 import ATTRIBUTE, read_h5
from legacy_nets.port.jobs import Metadata
from legacy_nets.port.report import Comparison
from legacy_nets.port.weights import Weight, compare_file

if TYPE_CHECKING:
    from h5py import Group

_MAX_ATTRIBUTE_BYTES = 60_000
_ORDER = (  # of the weights of a layer: Keras tells them apart by their order
    *("gamma", "beta", "kernel", "weights", "depthwise_kernel", "depthwise_weights"),
    *("bias", "biases", "moving_mean", "moving_variance"),
)


def write(path: Path, weights: Sequence[Weight], metadata: Metadata) -> Iterator[Comparison]:
    """Writes the file, then compares every tensor of it."""
    import h5py

    layers: dict[str, list[Weight]] = {}
    for weight in weights:
        layers.setdefault(weight.name.rpartition("/")[0] or weight.name, []).append(weight)
    with h5py.File(path, "w") as root:
        root.attrs["backend"] = "tensorflow"
        root.attrs["keras_version"] = "2.21.0"
        root.attrs[ATTRIBUTE] = json.dumps(metadata)
        _write_names(root, "layer_names", list(layers))
        for layer, layer_weights in layers.items():
            layer_weights.sort(key=_rank)
            group = root.require_group(layer)  # a layer may be in the scope of another
            _write_names(group, "weight_names", [f"{weight.name}:0" for weight in layer_weights])
            for weight in layer_weights:
                group.create_dataset(f"{weight.name}:0", data=np.asarray(weight.load()))
    yield from compare_file(read_h5(path), weights)


def _rank(weight: Weight) -> int:
    """Returns the position of a weight in its layer; unknown names come first, in their order."""
    name = weight.name.rpartition("/")[2]
    return _ORDER.index(name) if name in _ORDER else -1


def _write_names(group: Group, attribute: str, texts: list[str]) -> None:
    names = np.array([text.encode() for text in texts])
    parts = -(-names.nbytes // _MAX_ATTRIBUTE_BYTES)
    if parts < 2:
        group.attrs[attribute] = names
        return
    for number, part in enumerate(np.array_split(names, parts)):
        group.attrs[f"{attribute}{number}"] = part
