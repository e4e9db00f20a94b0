"""Names the variables in files of Keras 3 by the names of their layers.

Keras 3 numbers the weights of a layer and, since 3.6, writes the layer's name next to them. By
those names we read what ``port --to keras`` wrote, even if the model has since been trained,
wrapped and saved again:

  a.b                 a/b/kernel, a/b/bias, or what else tf.layers calls such a layer's weights
  a.b>weights>biases  a/b/weights, a/b/biases; an LSTM's two variables are Keras' three weights
  a>cls>1x1x32        a/cls, of this shape: the only row of an embedding
"""

from __future__ import annotations

import math
import posixpath
import re
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from legacy_nets.checkpoints.source import TensorSpecLike
from legacy_nets.checkpoints.translate import Entry, Transform, reshape_transform
from legacy_nets.types import Array, Shape

_PLAIN = {  # layer type -> the variables that its name need not list
    **dict.fromkeys(("conv2d", "conv3d", "dense"), ("kernel", "bias")),
    "depthwiseconv2d": ("depthwise_kernel", "bias"),
    "batchnormalization": ("gamma", "beta", "moving_mean", "moving_variance"),
    **dict.fromkeys(("layernormalization", "groupnormalization"), ("gamma", "beta")),
}
_SHAPE = re.compile(r"\d{1,9}(x\d{1,9}){0,9}")
_NUMBER = re.compile(r"_\d+$")  # after the layer type, if a model has several of it


def _swap_gates(x: Array) -> Array:
    """Turns TensorFlow 1's gates i, j, f, o into Keras' i, f, j, o, or back; x: [..., 4 units]."""
    first, second, third, last = np.split(x, 4, axis=-1)
    return np.concatenate([first, third, second, last], axis=-1)


def _add_to_forget_gate(x: Array, value: int) -> Array:
    """Adds a value to the f of a bias i, j, f, o; x: [4 units]."""
    i, j, f, o = np.split(x, 4)
    return np.concatenate([i, j, f + value, o])


LSTM_KERNEL = Transform(  # [inputs, 4 units], [units, 4 units] <-> [inputs + units, 4 units]
    "lstm kernel",
    lambda kernel, recurrent: _swap_gates(np.concatenate([kernel, recurrent])),
    lambda x: tuple(np.split(_swap_gates(x), [len(x) - x.shape[1] // 4])),
)
LSTM_BIAS = Transform(  # TensorFlow 1 adds 1 to f itself; the addition may round off bits for good
    "lstm bias",
    lambda x: _add_to_forget_gate(_swap_gates(x), -1),
    lambda x: _swap_gates(_add_to_forget_gate(x, 1)),
)


def make_layer_names(
    layer_type: str, variables: Sequence[str], shape: Sequence[int] = ()
) -> tuple[str, ...]:
    """Makes names for a layer, the best one first; each tells the names of its variables.

    ``shape`` is that of an embedding's variable.
    """
    scope = posixpath.commonpath([posixpath.dirname(name) for name in variables])
    inner = [name[len(scope) :].lstrip("/") for name in variables]
    base = scope or inner[0]
    marked = ">".join([base, *inner, *(["x".join(map(str, shape))] if shape else [])])
    is_plain = inner == _list_plain_variables(layer_type.lower(), len(inner))
    return (base, marked) if is_plain else (marked,)


def make_entries(layers: Mapping[str, str], tensors: Mapping[str, TensorSpecLike]) -> list[Entry]:
    """Makes the entries of a file's tensors, by path, whose layer's name tells their variables.

    ``layers``: group of weights (``layers/conv2d_4/vars``) -> name of the layer.
    """
    groups: dict[str, list[str]] = defaultdict(list)
    for path in tensors:
        group, _, number = path.rpartition("/")
        if group.endswith("/vars") and number.isdecimal():
            groups[group].append(path)
    entries: list[Entry] = []
    for group, paths in groups.items():
        layer = group.replace("/cell/vars", "/vars")  # an LSTM's weights are its cell's
        name = layers.get(layer, "")
        layer_type = _NUMBER.sub("", layer.split("/")[-2]).replace("_", "")
        paths.sort(key=lambda path: int(path.rpartition("/")[2]))
        entries += _make_layer_entries(
            layer_type, name, paths, [tensors[path].shape for path in paths]
        )
    counts = Counter(entry.name for entry in entries)
    return [entry for entry in entries if counts[entry.name] == 1]


def _list_plain_variables(layer_type: str, count: int) -> list[str]:
    """Lists the names of a layer type's weights, if there are ``count``; [] if that is open."""
    names = _PLAIN.get(layer_type, ())
    return list(names[:count]) if count == len(names) or names[1:] == ("bias",) else []


def _make_layer_entries(
    layer_type: str, name: str, paths: Sequence[str], shapes: Sequence[Shape]
) -> Iterator[Entry]:
    """Makes the entries of one layer's variables from its name."""
    scope, *inner = name.replace(".", "/").split(">")
    parts = inner or _list_plain_variables(layer_type, len(paths))
    names = [f"{scope}/{part}" for part in parts]
    if not scope or not names:
        return
    if len(names) == len(paths):
        yield from map(Entry, names, paths)
    elif layer_type == "lstm" and len(names) == 2 and _are_lstm_weights(shapes):
        yield Entry(names[0], (paths[0], paths[1]), LSTM_KERNEL)
        yield Entry(names[1], paths[2], LSTM_BIAS)
    elif len(inner) == 2 and len(paths) == 1 and _SHAPE.fullmatch(inner[1]):
        shape = [int(side) for side in inner[1].split("x")]
        if math.prod(shape) == math.prod(shapes[0]):
            yield Entry(names[0], paths[0], reshape_transform(shapes[0], shape))


def _are_lstm_weights(shapes: Sequence[Shape]) -> bool:
    """Whether these are the shapes of an LSTM's kernel, recurrent kernel and bias."""
    if [len(shape) for shape in shapes] != [2, 2, 1]:
        return False
    (_, width), recurrent, bias = shapes
    return recurrent == (width // 4, width) and bias == (width,) and width % 4 == 0
