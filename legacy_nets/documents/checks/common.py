"""Checks that several documents share: sizes and counts of the registry's nets.

Every argument of a check is a word of the tables. ``size`` is "64x64" or "16x112x112"; "-" is the
document's size. Each graph is built once, without initial values, and is never run.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from typing import NamedTuple, TypeAlias

import numpy as np

from legacy_nets import anatomy
from legacy_nets import tf1 as tf
from legacy_nets.errors import BadInputError
from legacy_nets.shapes import parse_sides
from legacy_nets.tf1.speed import without_initial_values
from legacy_nets.types import EndPoints, Tensor

Check: TypeAlias = Callable[..., object]  # takes words, returns a value for judge.format_value
Sides: TypeAlias = tuple[int | None, ...]


class BuiltNet(NamedTuple):
    """A net in a graph of its own."""

    images: Tensor  # [N, H, W, C], or [N, T, H, W, C] for clips
    logits: Tensor  # [N, classes]
    end_points: EndPoints


def build_net(net: str, size: str = "-", options: str = "") -> BuiltNet:
    """Builds a net; ``options`` are written as "num_classes=10 lstm_map=tile"."""
    return _build_net(net, size, options)  # one cache entry for default and explicit arguments


@functools.cache
def _build_net(net: str, size: str, options: str) -> BuiltNet:
    sides = None if size == "-" else tuple(parse_sides(size))
    pairs = [option.split("=", 1) for option in options.split()]
    return BuiltNet(
        *anatomy.build_net(net, sides, **{name: _parse_value(word) for name, word in pairs})
    )


def _parse_value(word: str) -> bool | int | str | None:
    constants = {"True": True, "False": False, "None": None}
    if word in constants:
        return constants[word]
    return int(word) if word.lstrip("-").isdigit() else word


def analyze_net(net: str, size: str = "-", options: str = "") -> anatomy.Anatomy:
    """Analyzes the layers of the graph that ``build_net`` builds."""
    return _analyze_net(net, size, options)


@functools.cache
def _analyze_net(net: str, size: str, options: str) -> anatomy.Anatomy:
    images, logits, end_points = build_net(net, size, options)
    outputs = [point for point in end_points.values() if isinstance(point, tf.Tensor)]
    return anatomy.analyze_graph(images.graph, [images], [*outputs, logits], name=net)


def get_static_shape(tensor: Tensor) -> Sides:
    """Returns the static shape of a tensor; None stands for an unknown side."""
    return tuple(tensor.shape.as_list())


def get_input_shape(net: str, size: str = "-", options: str = "") -> Sides:
    """Returns the shape of a net's images."""
    return get_static_shape(build_net(net, size, options).images)


def get_shape(net: str, point: str, size: str = "-", options: str = "") -> Sides:
    """Returns the shape of an end point, or of any tensor of the graph ("Pad:0")."""
    images, _, end_points = build_net(net, size, options)
    if point in end_points:
        return get_static_shape(end_points[point])
    return get_static_shape(images.graph.get_tensor_by_name(point))


def count_channels(net: str, point: str, size: str = "-", options: str = "") -> int | None:
    """Returns the last side of an end point or tensor."""
    return get_shape(net, point, size, options)[-1]


def count_parameters(net: str, size: str = "-", options: str = "") -> int:
    """Counts the numbers in the trainable variables."""
    with build_net(net, size, options).images.graph.as_default():
        return sum(int(np.prod(v.shape.as_list())) for v in tf.trainable_variables())


def get_variable_shapes(net: str, size: str = "-", options: str = "") -> dict[str, tuple[int, ...]]:
    """Returns the shapes of all global variables by name."""
    with build_net(net, size, options).images.graph.as_default():
        return {v.op.name: tuple(v.shape.as_list()) for v in tf.global_variables()}


def get_variable_shape(net: str, name: str, size: str = "-", options: str = "") -> tuple[int, ...]:
    """Returns the shape of one variable."""
    return get_variable_shapes(net, size, options)[name]


def count_layers(
    net: str, layer_type: str, prefix: str = "", size: str = "-", options: str = ""
) -> int:
    """Counts layers of a type ("convolution", "dense", "max pool") whose name has a prefix."""
    layers = analyze_net(net, size, options).layers
    return sum(layer.layer_type == layer_type and layer.name.startswith(prefix) for layer in layers)


def get_layer(net: str, name: str, field: str, size: str = "-", options: str = "") -> object:
    """Returns a field of one layer in ``describe``: kernel, stride, padding, output, ..."""
    return get_field(analyze_net(net, size, options).get_layer(name), field)


def get_field(layer: anatomy.Layer, field: str) -> object:
    """Returns a field of a layer that the tables name."""
    fields = {
        "layer_type": layer.layer_type,
        "kernel": layer.kernel,
        "stride": layer.stride,
        "padding": layer.padding,
        "groups": layer.groups,
    }
    return fields[field]


def get_convolution(net: str, name: str, size: str = "-", options: str = "") -> list[object]:
    """Returns [filters, kernel, stride] of a convolution."""
    layer = analyze_net(net, size, options).get_layer(name)
    return [layer.output[-1] if layer.output else None, layer.kernel, layer.stride]


def get_kernels(
    net: str, prefix: str, size: str = "-", options: str = ""
) -> list[tuple[int, ...] | None]:
    """Returns the kernels of the convolutions whose name has a prefix, in order."""
    return [
        layer.kernel
        for layer in analyze_net(net, size, options).layers
        if "convolution" in layer.layer_type and layer.name.startswith(prefix)
    ]


def list_layer_types(net: str, *layer_types: str) -> list[str]:
    """Lists layers of the given types from input to output; a run of one type counts once."""
    types: list[str] = []
    for layer in analyze_net(net).layers:
        if layer.layer_type in layer_types and layer.layer_type not in types[-1:]:
            types.append(layer.layer_type)
    return types


def list_document_parameters(function: Callable[..., object]) -> list[str]:
    """Lists the parameters that the document gives a function; keyword-only ones are added here."""
    parameters = inspect.signature(function).parameters.values()
    return [
        parameter.name
        for parameter in parameters
        if parameter.kind is parameter.POSITIONAL_OR_KEYWORD
    ]


def find_least_rank(build: Callable[[Tensor], object]) -> int:
    """Finds the least rank of a map of 16 channels that ``build`` takes."""
    for rank in range(1, 6):
        with tf.Graph().as_default(), without_initial_values():
            try:
                build(tf.placeholder(tf.float32, [*(8,) * (rank - 1), 16]))
            except (ValueError, IndexError):
                continue
            return rank
    raise BadInputError("no rank below 6 is taken")


def skip_check(source: str) -> None:
    """Returns None: only a file or paper outside of this package could answer."""


def get_learning_rate(add_step: Callable[[Tensor], object]) -> float:
    """Returns the learning rate of the Adam step that ``add_step(loss)`` adds to a graph."""
    with tf.Graph().as_default() as graph:
        weight = tf.get_variable("weight", [], initializer=tf.zeros_initializer())
        add_step(tf.square(weight))
        step = next(op for op in graph.get_operations() if op.type.endswith("ApplyAdam"))
        rates = [tf.get_static_value(tensor) for tensor in step.inputs if "rate" in tensor.name]
    return float(rates[0])


CHECKS: dict[str, Check] = {
    "count_channels": count_channels,
    "count_layers": count_layers,
    "get_convolution": get_convolution,
    "get_input_shape": get_input_shape,
    "get_kernels": get_kernels,
    "get_layer": get_layer,
    "get_shape": get_shape,
    "list_layer_types": list_layer_types,
    "skip_check": skip_check,
}
