"""Measurements that several documents share: sizes and counts of the registry's nets.

Every argument is a word. ``size`` is "64x64" or "16x112x112", "-" the document's own; each graph
is built once, without initial values, and never run.
"""

from __future__ import annotations

import functools
from typing import Any

import numpy as np

from legacy_nets import anatomy, registry
from legacy_nets import tf1 as tf

Built = tuple[Any, Any, dict[str, Any]]


def built(net: str, size: str = "-", options: str = "") -> Built:
    """(images, logits, end points) of a net; ``options`` as "num_classes=10 lstm_map=tile"."""
    return _built(net, size, options)  # one entry, however it was called


@functools.cache
def _built(net: str, size: str, options: str) -> Built:
    sides = None if size == "-" else tuple(None if s == "?" else int(s) for s in size.split("x"))
    chosen = dict(option.split("=", 1) for option in options.split())
    return anatomy.built(net, sides, **{key: _value(word) for key, word in chosen.items()})


def _value(word: str) -> Any:
    if word in ("True", "False", "None"):
        return {"True": True, "False": False, "None": None}[word]
    return int(word) if word.lstrip("-").isdigit() else word


def taken_apart(net: str, size: str = "-", options: str = "") -> anatomy.Anatomy:
    """The anatomy of the same graph."""
    return _taken_apart(net, size, options)


@functools.cache
def _taken_apart(net: str, size: str, options: str) -> anatomy.Anatomy:
    images, logits, points = built(net, size, options)
    wanted = [point for point in points.values() if isinstance(point, tf.Tensor)]
    return anatomy.layers(images.graph, [images], [*wanted, logits], name=net)


def sides(tensor: Any) -> tuple[int | None, ...]:
    """The static shape of a tensor."""
    return tuple(tensor.shape.as_list())


def input_shape(net: str, size: str = "-", options: str = "") -> tuple[int | None, ...]:
    """Shape of the images that a net takes."""
    return sides(built(net, size, options)[0])


def shape(net: str, point: str, size: str = "-", options: str = "") -> tuple[int | None, ...]:
    """Static shape of an end point, or of any tensor of the graph ("reference/Pad:0")."""
    images, _, points = built(net, size, options)
    return sides(points[point] if point in points else images.graph.get_tensor_by_name(point))


def channels(net: str, point: str, size: str = "-", options: str = "") -> int | None:
    """Last side of an end point or tensor."""
    return shape(net, point, size, options)[-1]


def parameters(net: str, size: str = "-", options: str = "") -> int:
    """Numbers in the trainable variables of the live graph."""
    with built(net, size, options)[0].graph.as_default():
        return sum(int(np.prod(v.shape.as_list())) for v in tf.trainable_variables())


def variables(net: str, size: str = "-", options: str = "") -> int:
    """How many global variables the live graph has."""
    with built(net, size, options)[0].graph.as_default():
        return len(tf.global_variables())


def variable_shape(net: str, name: str, size: str = "-", options: str = "") -> tuple[int, ...]:
    """Shape of one variable of the live graph."""
    with built(net, size, options)[0].graph.as_default():
        found = {v.op.name: v for v in tf.global_variables()}
        return tuple(found[name].shape.as_list())


def count(net: str, kind: str, under: str = "", size: str = "-", options: str = "") -> int:
    """Layers of a kind ("convolution", "dense", "max pool") whose name begins with ``under``."""
    found = taken_apart(net, size, options).layers
    return sum(layer.kind == kind and layer.name.startswith(under) for layer in found)


def layer(net: str, name: str, what: str, size: str = "-", options: str = "") -> Any:
    """A column of one layer in ``describe``: kernel, stride, padding, output, parameters, ..."""
    return getattr(taken_apart(net, size, options).layer(name), what)


def conv(net: str, name: str, size: str = "-", options: str = "") -> list[Any]:
    """[filters, kernel, stride] of a convolution, as ``describe`` names it."""
    found = taken_apart(net, size, options).layer(name)
    return [found.output[-1] if found.output else None, found.kernel, found.stride]


def kernels(net: str, under: str, size: str = "-", options: str = "") -> list[Any]:
    """Kernels of the convolutions whose name begins with ``under``, in order."""
    found = taken_apart(net, size, options).layers
    return [
        layer.kernel
        for layer in found
        if "convolution" in layer.kind and layer.name.startswith(under)
    ]


def order(net: str, *kinds: str) -> list[str]:
    """Kinds of the layers from input to output, of those named, each run of one kind once."""
    told: list[str] = []
    for layer in taken_apart(net).layers:
        if layer.kind in kinds and layer.kind not in told[-1:]:
            told.append(layer.kind)
    return told


def elsewhere(what: str) -> None:
    """For what only a file or a paper outside of this package could answer."""


def learning_rate(build: Any) -> float:
    """The learning rate of the optimizer that ``build(loss)`` puts into a graph of its own."""
    with tf.Graph().as_default() as graph:
        weight = tf.get_variable("weight", [], initializer=tf.zeros_initializer())
        build(tf.square(weight))
        step = next(op for op in graph.get_operations() if op.type.endswith("ApplyAdam"))
        rates = [tf.get_static_value(tensor) for tensor in step.inputs if "rate" in tensor.name]
    return float(rates[0])


def record(net: str, what: str) -> Any:
    """A field of the net's registry record: classes, pixels, ..."""
    return getattr(registry.get_net(net), what)
