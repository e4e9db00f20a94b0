"""Analyzes an ONNX model: a layer for each node with weights, and for each pooling.

The model is not run. Shapes inside the graph are those in the file; where the package onnx is
installed, it infers the others.
"""

from __future__ import annotations

import dataclasses
import importlib.util
import math
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from legacy_nets.anatomy.layers import Anatomy, Layer, make_empty_layer
from legacy_nets.checkpoints.formats.onnx.model import (
    Node,
    OnnxModel,
    decode_ints,
    is_onnx,
    parse_model,
)
from legacy_nets.checkpoints.formats.onnx.read import describe_format, list_others
from legacy_nets.checkpoints.source import report_damage
from legacy_nets.errors import CheckpointError, join_lines
from legacy_nets.files import explain_other_format
from legacy_nets.types import Shape

if TYPE_CHECKING:
    from onnx import ModelProto

_POOLS = {
    **{"MaxPool": "max pool", "AveragePool": "average pool", "LpPool": "lp pool"},
    **{"GlobalMaxPool": "global max pool", "GlobalAveragePool": "global average pool"},
}
_CONVOLUTIONS = ("Conv", "ConvTranspose", "ConvInteger", "QLinearConv")
_PRODUCTS = ("MatMul", "Gemm", "MatMulInteger", "QLinearMatMul")
_BATCH_NORM = "BatchNormalization"
_STATISTICS = (3, 4)  # its inputs that training does not change by gradients
_LARGEST_SETTING = 1024  # numbers of a shape or of axes
_UNCOUNTED = ("LSTM", "GRU", "RNN", "Attention", "Einsum")  # multiply-adds are not known


def analyze_onnx(path: Path) -> Anatomy:
    """Analyzes the layers of a model. Raises CheckpointError for a file that is damaged."""
    with report_damage(path):
        if not is_onnx(path):
            with open(path, "rb") as file:
                explanation = explain_other_format(file.read(64))
            raise CheckpointError(f"{path}: {explanation or 'damaged, or no ONNX model'}")
        model = parse_model(path)
        shapes = {
            value.name: tuple(side if isinstance(side, int) else None for side in value.shape)
            for value in model.values.values()
            if value.shape is not None
        }
        notes = [describe_format(model)]
        if importlib.util.find_spec("onnx"):
            inferred, cause = _infer_shapes(path)
            shapes = inferred | shapes
            if cause:
                notes.append(f"onnx infers no shapes ({cause}): those in the file are shown")
        else:
            notes.append("shapes inside the graph: pip install 'legacy-nets[onnx]'")
        analyzer = _Analyzer(model, shapes)
        layers = analyzer.make_layers()
        notes.append("receptive fields are not computed for ONNX")
        return Anatomy(
            path.name, layers, analyzer.list_unused(), tuple(notes), has_receptive_fields=False
        )


class _Analyzer:
    """Makes the layers of one model; remembers which of its tensors a layer above already owns."""

    def __init__(self, model: OnnxModel, shapes: dict[str, tuple[int | None, ...]]) -> None:
        self._model = model
        self._shapes = shapes
        others = list_others(model)
        self._sizes = {
            name: tensor.spec.shape for name, tensor in model.tensors.items() if name not in others
        }
        self._owned: set[str] = set()
        # value that is computed from tensors alone -> the weights among them
        self._weights: dict[str, tuple[str, ...]] = {
            name: (name,) if name in self._sizes else () for name in model.tensors
        }

    def make_layers(self) -> tuple[Layer, ...]:
        """Makes the layers, in the order of the graph, the inputs first."""
        layers = [self._make_input(value.name) for value in self._model.inputs]
        row_of: dict[str, int] = {}  # value -> index of the layer that outputs it
        for node in self._model.nodes:
            names = [name for name in node.inputs if name]
            if node.op_type != "If" and all(name in self._weights for name in names):
                weights = tuple(name for value in names for name in self._weights[value])
                self._weights.update(dict.fromkeys(node.outputs, weights))
                continue
            weights = self._find_weights(node)
            row = next((row_of[name] for name in names if name in row_of), None)
            if node.op_type == "Add" and weights and row is not None:
                layers[row] = self._add_bias(layers[row], node, weights)
            elif weights or node.op_type in _POOLS or node.op_type in _PRODUCTS:
                row = len(layers)
                layers.append(self._make_layer(node, weights))
            else:
                continue
            row_of[node.outputs[0]] = row
        return tuple(layers)

    def list_unused(self) -> tuple[tuple[str, Shape], ...]:
        """Lists the weights, with shapes, that no layer owns."""
        return tuple(item for item in self._sizes.items() if item[0] not in self._owned)

    def _make_input(self, name: str) -> Layer:
        return make_empty_layer(name, "input", self._shapes.get(name))

    def _find_weights(self, node: Node) -> tuple[str, ...]:
        names = (name for value in node.inputs for name in self._weights.get(value, ()))
        return tuple(dict.fromkeys(names))

    def _make_layer(self, node: Node, weights: tuple[str, ...]) -> Layer:
        kernel = self._get_kernel(node)
        axes = len(kernel or ())
        output = self._shapes.get(node.outputs[0])
        new = self._own(weights)
        fixed = [
            size
            for name, size in new.items()
            if node.op_type == _BATCH_NORM and name in [node.inputs[at] for at in _STATISTICS]
        ]
        groups = (decode_ints(node.attributes.get("group")) or (1,))[0]
        padding, zeros = _get_padding(node, axes)
        empty = make_empty_layer(node.name.lstrip("/"), self._get_type(node, groups), output)
        return dataclasses.replace(
            empty,
            name=empty.name or _get_scope(weights[0] if weights else node.outputs[0]),
            kernel=kernel,
            stride=(decode_ints(node.attributes.get("strides")) or (1,) * axes) if axes else None,
            dilation=decode_ints(node.attributes.get("dilations")) or None,
            padding=padding,
            zeros=zeros,
            groups=groups if node.op_type in _CONVOLUTIONS else 1,
            parameters=sum(new.values()),
            trainable=sum(new.values()) - sum(fixed),
            multiply_adds=self._count(node, output),
            variables=weights,
            tensor=node.outputs[0],
            operations=(node.op_type,),
            notes=("shares weights of a layer above",) if len(new) < len(weights) else (),
        )

    def _add_bias(self, layer: Layer, node: Node, weights: tuple[str, ...]) -> Layer:
        size = sum(self._own(weights).values())
        return dataclasses.replace(
            layer,
            parameters=layer.parameters + size,
            trainable=layer.trainable + size,
            variables=layer.variables + weights,
            tensor=node.outputs[0],
            operations=layer.operations + (node.op_type,),
        )

    def _own(self, weights: tuple[str, ...]) -> dict[str, int]:
        """Returns the sizes of weights that no layer above owns, and owns them."""
        new = {name: math.prod(self._sizes[name]) for name in weights if name not in self._owned}
        self._owned.update(new)
        return new

    def _get_filter(self, node: Node) -> Shape | None:
        """Returns the shape of what a convolution or product multiplies its data with."""
        at = 3 if node.op_type.startswith("QLinear") else 1
        if node.op_type not in (*_CONVOLUTIONS, *_PRODUCTS) or len(node.inputs) <= at:
            return None
        names = self._weights.get(node.inputs[at], ())
        return self._sizes[names[0]] if names else None

    def _get_kernel(self, node: Node) -> Shape | None:
        kernel = decode_ints(node.attributes.get("kernel_shape"))
        shape = self._get_filter(node)
        if not kernel and node.op_type in _CONVOLUTIONS and shape:
            kernel = shape[2:]
        return kernel or None

    def _get_type(self, node: Node, groups: int) -> str:
        if node.op_type == "ConvTranspose":
            return "transposed convolution"
        if node.op_type in _CONVOLUTIONS:
            shape = self._get_filter(node)
            if groups > 1:
                is_depthwise = shape is not None and shape[1:2] == (1,)
                return "depthwise convolution" if is_depthwise else "grouped convolution"
            return "convolution"
        if node.op_type in _PRODUCTS:
            return "dense" if self._get_filter(node) else "matmul"
        if node.op_type == _BATCH_NORM:
            return "batch norm"
        return _POOLS.get(node.op_type, node.op_type)

    def _count(self, node: Node, output: tuple[int | None, ...] | None) -> int | None:
        """Counts multiply-adds, for one image where the batch is not known; None: not known."""
        if node.op_type in _UNCOUNTED:
            return None
        if node.op_type not in (*_CONVOLUTIONS, *_PRODUCTS):
            return 0
        data, shape = self._shapes.get(node.inputs[0]), self._get_filter(node)
        if node.op_type in _CONVOLUTIONS:
            places = data if node.op_type == "ConvTranspose" else output
            return _multiply(places, math.prod(shape[1:]) if shape else None)
        if node.op_type == "Gemm" and decode_ints(node.attributes.get("transA")) == (1,):
            data = data and data[::-1]
        return _multiply(output, data[-1] if data else None)


def _multiply(shape: tuple[int | None, ...] | None, factor: int | None) -> int | None:
    """Multiplies the elements of a shape, one image where its batch is not known, with a factor."""
    if not shape or factor is None or None in shape[1:]:
        return None
    return math.prod(1 if side is None else side for side in shape) * factor


def _get_scope(name: str) -> str:
    """Returns the scope of a tensor's name: "layer1.conv" of "layer1.conv.weight"."""
    separator = "/" if "/" in name else "."
    return name.rpartition(separator)[0] or name


def _get_padding(node: Node, axes: int) -> tuple[str | None, tuple[tuple[int, int], ...] | None]:
    """Returns padding and zeros as ``Layer`` has them; (None, None) for a node without a window."""
    if not axes:
        return None, None
    automatic = node.attributes.get("auto_pad")
    name = automatic.get_text(4) if automatic else "NOTSET"
    if name != "NOTSET":
        return ("SAME" if name.startswith("SAME") else "VALID"), None
    pads = decode_ints(node.attributes.get("pads"))
    if not any(pads):
        return "VALID", None
    return "EXPLICIT", tuple(zip(pads[:axes], pads[axes:], strict=False))


def _infer_shapes(path: Path) -> tuple[dict[str, tuple[int | None, ...]], str]:
    """Infers shapes with the package onnx, or says why it cannot.

    Data in other files stay there.
    """
    import onnx

    try:
        model = onnx.load(path, load_external_data=False)
        for tensor in model.graph.initializer:
            if math.prod(tensor.dims) > _LARGEST_SETTING:
                tensor.ClearField("raw_data")  # no shape depends on it
        model = onnx.shape_inference.infer_shapes(model)
    except Exception as error:  # protobuf's and the C++ code's errors have no other base class
        return {}, f"{type(error).__name__}: {join_lines(error)[:200]}"
    return dict(_iterate_shapes(model)), ""


def _iterate_shapes(model: ModelProto) -> Iterator[tuple[str, tuple[int | None, ...]]]:
    for value in model.graph.value_info:
        tensor = value.type.tensor_type
        if tensor.HasField("shape"):
            yield (
                value.name,
                tuple(
                    side.dim_value if side.HasField("dim_value") else None
                    for side in tensor.shape.dim
                ),
            )
