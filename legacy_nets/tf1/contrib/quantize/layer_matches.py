"""Finds layers: a product with weights, maybe a bias, a bypass and an activation."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from legacy_nets.tf1.contrib.quantize.graph_matcher import (
    Match,
    OneofPattern,
    OpTypePattern,
    match_graph,
)
from legacy_nets.types import Graph, Operation, Tensor

_PRODUCTS = "Conv2D|DepthwiseConv2dNative|MatMul"
_ADD = "Add|AddV2"

_VARIABLE = OpTypePattern("Variable|VariableV2")
_PART = OpTypePattern("Identity", [_VARIABLE])
_PARTS = OpTypePattern("ConcatV2", [_PART, "*", "*"])
_WEIGHT = OpTypePattern("Identity", [OneofPattern([_PART, _PARTS, _VARIABLE])])
_RESOURCE_WEIGHT = OpTypePattern("ReadVariableOp")
_FOLDED_WEIGHT = OpTypePattern("Mul")
_LAYER = OpTypePattern(
    _PRODUCTS,
    [OpTypePattern("*"), OneofPattern([_WEIGHT, _RESOURCE_WEIGHT, _FOLDED_WEIGHT])],
    ordered_inputs=False,
)
_OUTPUT = OneofPattern([OpTypePattern("BatchToSpaceND", [_LAYER, "*", "*"]), _LAYER])
# Of two products after each other, as in a separable convolution, the first.
_SEPARABLE = OpTypePattern(_PRODUCTS, [_OUTPUT, "*"], ordered_inputs=False)

_SCALED = OpTypePattern("Mul", ["*", _OUTPUT], ordered_inputs=False)
_CORRECTED = OpTypePattern(_ADD, [_SCALED, "*"], ordered_inputs=False)
_FOLDED_BIAS = OpTypePattern(_ADD, [_CORRECTED, "*"], ordered_inputs=False)
_NORM_IDENTITY = OpTypePattern("Identity", [_FOLDED_BIAS])
_BIAS = OpTypePattern("Add|AddV2|BiasAdd", [_OUTPUT, "*"], ordered_inputs=False)
_BYPASS = OpTypePattern(
    _ADD, [OneofPattern([_BIAS, _FOLDED_BIAS, _NORM_IDENTITY]), "*"], ordered_inputs=False
)
_ACTIVATION = OpTypePattern(
    "Relu|Relu6|Identity",
    [OneofPattern([_BIAS, _FOLDED_BIAS, _NORM_IDENTITY, _BYPASS, _LAYER])],
)
_LAST_BYPASS = OpTypePattern(_ADD, ["*", _ACTIVATION], ordered_inputs=False)


class Layer(NamedTuple):
    """A layer, and where its values are quantized."""

    op: Operation
    weights: Tensor | None
    activation: Operation
    bypass: Operation | None = None
    last_bypass: Operation | None = None  # after the activation
    bias_add: Operation | None = None


def find_layers(graph: Graph) -> list[Layer]:
    """Returns the layers of a graph, each once: with an activation before those without."""
    found: dict[str, Layer] = {}
    for layer in _walk_matches(graph):
        found.setdefault(layer.op.name, layer)
    return list(found.values())


def _walk_matches(graph: Graph) -> Iterator[Layer]:
    for match in match_graph(_LAST_BYPASS, graph):
        yield _make_layer(match)
    for match in match_graph(_ACTIVATION, graph):
        layer = _make_layer(match)
        if not _feeds_batch_norm(layer.activation):
            yield layer
    for match in match_graph(OneofPattern([_BIAS, _FOLDED_BIAS]), graph):
        bias = match.find_op(_BIAS, _FOLDED_BIAS)
        yield Layer(match.get_op(_LAYER), _get_weights(match), bias)
    for match in match_graph(_SEPARABLE, graph):
        layer_op = match.get_op(_LAYER)
        yield Layer(layer_op, match.find_tensor(_WEIGHT, _RESOURCE_WEIGHT), layer_op)


def _make_layer(match: Match) -> Layer:
    return Layer(
        match.get_op(_LAYER),
        _get_weights(match),
        match.get_op(_ACTIVATION),
        match.find_op(_BYPASS),
        match.find_op(_LAST_BYPASS),
        match.find_op(_BIAS, _FOLDED_BIAS),
    )


def _get_weights(match: Match) -> Tensor | None:
    return match.find_tensor(_WEIGHT, _RESOURCE_WEIGHT, _FOLDED_WEIGHT)


def _feeds_batch_norm(op: Operation) -> bool:
    """Whether an Identity only feeds a fused batch norm, which has not been folded."""
    if op.type != "Identity" or len(op.outputs[0].consumers()) != 1:
        return False
    return op.outputs[0].consumers()[0].type in ("FusedBatchNorm", "FusedBatchNormV3")
