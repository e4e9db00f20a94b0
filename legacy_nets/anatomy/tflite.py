"""Analyzes a TensorFlow Lite model: a layer for each operator with weights, and for each pooling.

The model is not run.
"""

from __future__ import annotations

import dataclasses
import math
from pathlib import Path

from legacy_nets.anatomy.layers import Anatomy, Layer, make_empty_layer
from legacy_nets.checkpoints.formats.tflite import is_weight
from legacy_nets.checkpoints.formats.tflite_model import (
    LiteGraph,
    LiteOperator,
    LiteTensor,
    parse_tflite,
)
from legacy_nets.checkpoints.source import report_damage
from legacy_nets.tf1.lite_schema import list_operator_names

_TYPES = {
    **{"CONV_2D": "convolution", "CONV_3D": "convolution", "FULLY_CONNECTED": "dense"},
    **{"DEPTHWISE_CONV_2D": "depthwise convolution", "BATCH_MATMUL": "matmul"},
    **{"TRANSPOSE_CONV": "transposed convolution", "CONV_3D_TRANSPOSE": "transposed convolution"},
    **{"MAX_POOL_2D": "max pool", "AVERAGE_POOL_2D": "average pool", "L2_POOL_2D": "l2 pool"},
}
_PRODUCTS = ("FULLY_CONNECTED", "BATCH_MATMUL")
_DEQUANTIZE = "DEQUANTIZE"
_UNCOUNTED = ("LSTM", "RNN", "SVDF")  # multiply-adds are not known


def analyze_tflite(path: Path) -> Anatomy:
    """Analyzes the layers of a model. Raises CheckpointError for a file that is damaged."""
    with report_damage(path):
        model = parse_tflite(path)
    main = model.graphs[0]
    owned: set[int] = set()  # buffers, which several tensors may share
    layers = [
        make_empty_layer(tensor.name, "input", _get_shape(tensor))
        for tensor in _list_tensors(main, main.inputs)
    ]
    for graph in map(_skip_dequantize, model.graphs):  # also the bodies of loops
        for operator in graph.operators:
            layer = _make_layer(graph, operator, owned)
            if layer is not None:
                layers.append(layer)
    unused = {
        tensor.name: tensor.shape
        for graph in model.graphs
        for tensor in graph.tensors
        if tensor.size and is_weight(tensor) and tensor.begin not in owned
    }
    notes = (
        "TensorFlow Lite",
        *_describe_ends(main),
        "receptive fields are not computed for TensorFlow Lite",
    )
    return Anatomy(
        path.name, tuple(layers), tuple(unused.items()), notes, has_receptive_fields=False
    )


def _make_layer(graph: LiteGraph, operator: LiteOperator, owned: set[int]) -> Layer | None:
    """Makes the layer of an operator; None for one without weights that is no pooling or custom.

    Adds its weights to ``owned``: each counts once.
    """
    name = _get_name(operator)
    weights = [
        tensor
        for tensor in _list_tensors(graph, operator.inputs)
        if tensor.size and is_weight(tensor)
    ]
    outputs = _list_tensors(graph, operator.outputs)
    is_known = weights or name in _TYPES or operator.custom_name
    if not outputs or not is_known or name == _DEQUANTIZE:
        return None
    new = [tensor for tensor in weights if tensor.begin not in owned]
    owned.update(tensor.begin for tensor in new)
    parameters = sum(math.prod(tensor.shape) for tensor in new)
    window = operator.window
    dtype = outputs[0].dtype if outputs[0].quantization else ""
    notes: tuple[str, ...] = ("shares weights of a layer above",) if len(new) < len(weights) else ()
    if operator.custom_name:
        notes += ("a custom operator: what it holds is not counted",)
    title = (weights or outputs)[0].name.partition(";")[0]  # the names of what was fused follow
    return dataclasses.replace(
        make_empty_layer(title, _TYPES.get(name, name), _get_shape(outputs[0])),
        kernel=_get_kernel(name, operator, weights),
        stride=window.stride if window else None,
        dilation=window.dilation if window else None,
        padding=window.padding if window else None,
        parameters=parameters,
        trainable=parameters,
        multiply_adds=_count(name, weights, graph, operator),
        variables=tuple(tensor.name for tensor in weights),
        tensor=outputs[0].name,
        operations=(name,),
        notes=notes + ((f"computes in {dtype}",) if dtype else ()),
    )


def _get_name(operator: LiteOperator) -> str:
    return operator.custom_name or list_operator_names().get(operator.code, str(operator.code))


def _skip_dequantize(graph: LiteGraph) -> LiteGraph:
    """Lets operators read weights themselves where DEQUANTIZE lies between (float16)."""
    sources = {
        operator.outputs[0]: operator.inputs[0]
        for operator in graph.operators
        if _get_name(operator) == _DEQUANTIZE
        and len(operator.inputs) == len(operator.outputs) == 1
        and graph.tensors[operator.inputs[0]].size
    }
    operators = (
        operator._replace(inputs=tuple(sources.get(index, index) for index in operator.inputs))
        for operator in graph.operators
    )
    return graph._replace(operators=tuple(operators))


def _list_tensors(graph: LiteGraph, indices: tuple[int, ...]) -> list[LiteTensor]:
    return [graph.tensors[index] for index in indices if index >= 0]


def _get_shape(tensor: LiteTensor) -> tuple[int | None, ...]:
    return tuple(None if side < 0 else side for side in tensor.shape)


def _get_kernel(
    name: str, operator: LiteOperator, weights: list[LiteTensor]
) -> tuple[int, ...] | None:
    """Returns the window over rows and columns (and time)."""
    if operator.window is None:
        return None
    if operator.window.kernel:
        return operator.window.kernel
    shape = weights[0].shape if weights else ()
    sides = shape[:-2] if name.startswith("CONV_3D") else shape[1:-1]  # DHWIO, else OHWI
    return sides or None


def _count(
    name: str, weights: list[LiteTensor], graph: LiteGraph, operator: LiteOperator
) -> int | None:
    """Counts multiply-adds, for one image where the batch is open; None: not known."""
    if any(word in name for word in _UNCOUNTED) or (name in _PRODUCTS and not weights):
        return None
    if not weights or name not in _TYPES:
        return 0
    shape = weights[0].shape
    is_transposed = "TRANSPOSE" in name
    if is_transposed or name == "CONV_3D":  # OHWI, DHWOI; DHWIO
        factor = math.prod(shape[:-1])
    elif name == "DEPTHWISE_CONV_2D":  # 1HWC
        factor = math.prod(shape[1:-1])
    else:  # OHWI, OI
        factor = math.prod(shape[1:])
    # A transposed convolution computes for each value of its input, which comes last.
    [values] = _list_tensors(graph, operator.inputs[2:3] if is_transposed else operator.outputs)
    if name == "BATCH_MATMUL":
        factor = shape[-2]
    if any(side < 0 for side in values.shape[1:]):
        return None
    return math.prod(abs(side) for side in values.shape) * factor


def _describe_ends(graph: LiteGraph) -> list[str]:
    """Describes inputs and outputs: name, dtype, shape, scale."""
    lines = []
    for title, indices in (("input", graph.inputs), ("output", graph.outputs)):
        for tensor in _list_tensors(graph, indices):
            sides = ", ".join("?" if side < 0 else str(side) for side in tensor.shape)
            scale = f", {tensor.quantization}" if tensor.quantization else ""
            lines.append(f"{title} {tensor.name} {tensor.dtype} [{sides}]{scale}")
    return lines
