"""Variables in files of Keras 3, told by the names of their layers.

Keras 3 numbers the weights of a layer and, since 3.6, writes the layer's name beside them. What
``port --to keras`` writes is read back by those names, however the model was trained, wrapped and
saved in between:

  a.b                 a/b/kernel, a/b/bias, or what else tf.layers calls the weights of such a layer
  a.b>weights>biases  a/b/weights, a/b/biases; of an LSTM, two variables are Keras' three weights
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
from legacy_nets.checkpoints.translate import Entry, Layout, reshaped

_PLAIN = {  # kind of layer -> the variables that its name need not state
    **dict.fromkeys(("conv2d", "conv3d", "dense"), ("kernel", "bias")),
    "depthwiseconv2d": ("depthwise_kernel", "bias"),
    "batchnormalization": ("gamma", "beta", "moving_mean", "moving_variance"),
    **dict.fromkeys(("layernormalization", "groupnormalization"), ("gamma", "beta")),
}
_SHAPE = re.compile(r"\d{1,9}(x\d{1,9}){0,9}")
_NUMBER = re.compile(r"_\d+$")  # behind the kind, where a model has several of it


def _swapped(x: np.ndarray) -> np.ndarray:
    """The gates i, j, f, o of TensorFlow 1 as Keras' i, f, j, o, or the other way."""
    first, second, third, last = np.split(x, 4, axis=-1)
    return np.concatenate([first, third, second, last], axis=-1)


def _forget_more(x: np.ndarray, by: int) -> np.ndarray:
    """A bias i, j, f, o with another one for f."""
    i, j, f, o = np.split(x, 4)
    return np.concatenate([i, j, f + by, o])


LSTM_KERNEL = Layout(  # inputs and units apart <-> [inputs + units, 4 units]
    "lstm kernel",
    lambda kernel, recurrent: _swapped(np.concatenate([kernel, recurrent])),
    lambda x: tuple(np.split(_swapped(x), [len(x) - x.shape[1] // 4])),
)
LSTM_BIAS = Layout(  # TensorFlow 1 adds 1 to f itself: bits that this rounds off do not come back
    "lstm bias",
    lambda x: _forget_more(_swapped(x), -1),
    lambda x: _swapped(_forget_more(x, 1)),
)


def layer_names(kind: str, variables: Sequence[str], shape: Sequence[int] = ()) -> tuple[str, ...]:
    """Names for a layer of these variables, any of which leads back to them; the best one first.

    ``shape`` is that of an embedding's variable.
    """
    scope = posixpath.commonpath([posixpath.dirname(name) for name in variables])
    inner = [name[len(scope) :].lstrip("/") for name in variables]
    bare = scope or inner[0]
    marked = ">".join([bare, *inner, *(["x".join(map(str, shape))] if shape else [])])
    return (bare, marked) if inner == _plain(kind.lower(), len(inner)) else (marked,)


def entries_of(layers: Mapping[str, str], tensors: Mapping[str, TensorSpecLike]) -> list[Entry]:
    """The entries of a file's tensors by path; of those alone that a layer's name tells.

    ``layers``: group of weights (``layers/conv2d_4/vars``) -> name of the layer.
    """
    groups: dict[str, list[str]] = defaultdict(list)
    for path in tensors:
        group, _, number = path.rpartition("/")
        if group.endswith("/vars") and number.isdecimal():
            groups[group].append(path)
    found: list[Entry] = []
    for group, paths in groups.items():
        layer = group.replace("/cell/vars", "/vars")  # an LSTM's weights are its cell's
        name = layers.get(layer, "")
        kind = _NUMBER.sub("", layer.split("/")[-2]).replace("_", "")
        paths.sort(key=lambda path: int(path.rpartition("/")[2]))
        found += _entries(kind, name, paths, [tensors[path].shape for path in paths])
    count = Counter(entry.name for entry in found)
    return [entry for entry in found if count[entry.name] == 1]


def _plain(kind: str, count: int) -> list[str]:
    """What so many weights of a kind of layer are called; [] where that is open."""
    names = _PLAIN.get(kind, ())
    return list(names[:count]) if count == len(names) or names[1:] == ("bias",) else []


def _entries(
    kind: str, name: str, paths: Sequence[str], shapes: Sequence[tuple[int, ...]]
) -> Iterator[Entry]:
    """The variables of one layer, by its name."""
    scope, *inner = name.replace(".", "/").split(">")
    names = [f"{scope}/{part}" for part in inner or _plain(kind, len(paths))]
    if not scope or not names:
        return
    if len(names) == len(paths):
        yield from map(Entry, names, paths)
    elif kind == "lstm" and len(names) == 2 and _are_gates(shapes):
        yield Entry(names[0], (paths[0], paths[1]), LSTM_KERNEL)
        yield Entry(names[1], paths[2], LSTM_BIAS)
    elif len(inner) == 2 and len(paths) == 1 and _SHAPE.fullmatch(inner[1]):
        here = [int(side) for side in inner[1].split("x")]
        if math.prod(here) == math.prod(shapes[0]):
            yield Entry(names[0], paths[0], reshaped(shapes[0], here))


def _are_gates(shapes: Sequence[tuple[int, ...]]) -> bool:
    """Whether they are an LSTM's kernel, recurrent kernel and bias."""
    if [len(shape) for shape in shapes] != [2, 2, 1]:
        return False
    (_, width), recurrent, bias = shapes
    return recurrent == (width // 4, width) and bias == (width,) and width % 4 == 0
