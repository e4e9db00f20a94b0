"""Reads the weights of TensorFlow Lite models (LiteRT, .tflite); runs nothing."""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from legacy_nets.checkpoints.formats.tensor_info import find_numpy_dtype
from legacy_nets.checkpoints.formats.tflite_model import (
    PER_BYTE,
    LiteGraph,
    LiteTensor,
    parse_tflite,
)
from legacy_nets.checkpoints.source import (
    GraphSummary,
    GraphValue,
    Quantization,
    TensorSpec,
    WeightFile,
)
from legacy_nets.errors import CheckpointError
from legacy_nets.types import Array, Shape
from legacy_nets.wire import FormatError

UNNAMED = "unnamed"


def read_tflite(path: Path) -> WeightFile:
    """Opens the weights of a model under their tensors' names.

    Integers that stand for real numbers are read as they are stored. Tensors that are no weights
    (indices, shapes and other integers without a scale) are ``other_tensors``.

    Raises CheckpointError for a model without weights, FormatError for a damaged one.
    """
    model = parse_tflite(path)
    tensors = _name_weights(model.graphs)
    if not tensors:
        custom = sorted({o.custom_name for graph in model.graphs for o in graph.operators} - {""})
        where = (
            f" outside of its custom operator {custom[0]}, which only its own library reads: "
            "name the .tflite from which it was compiled"
            if custom
            else ""
        )
        raise CheckpointError(f"{path}: a TensorFlow Lite model without weights{where}")
    specs = {name: TensorSpec(tensor.shape, tensor.dtype) for name, tensor in tensors.items()}
    weights = {name: specs[name] for name, tensor in tensors.items() if is_weight(tensor)}
    quantization = {
        name: tensor.quantization for name, tensor in tensors.items() if tensor.quantization
    }

    def load(name: str) -> Array:
        tensor = tensors[name]
        data = np.memmap(path, np.uint8, "r", tensor.begin, (tensor.size,))
        return _decode(f"{path}: {name}", data, tensor)

    return WeightFile(
        str(path),
        weights,
        load,
        other_tensors={name: spec for name, spec in specs.items() if name not in weights},
        others_are_constants=True,
        graph=_summarize(model.graphs[0]),
        notes=_describe_quantization(weights, quantization),
        metadata=model.metadata,
        quantization=quantization,
    )


def _summarize(graph: LiteGraph) -> GraphSummary:
    """Summarizes the main graph."""

    def list_values(indices: Sequence[int]) -> tuple[GraphValue, ...]:
        tensors = [graph.tensors[index] for index in indices if index >= 0]
        return tuple(
            GraphValue(
                tensor.name,
                tensor.dtype,
                tuple(None if side < 0 else side for side in tensor.shape),
                tensor.quantization,
            )
            for tensor in tensors
        )

    return GraphSummary("TensorFlow Lite", list_values(graph.inputs), list_values(graph.outputs))


def _name_weights(graphs: Sequence[LiteGraph]) -> dict[str, LiteTensor]:
    """Names every tensor that has bytes; a name that is taken gets a number, none is UNNAMED."""
    named: dict[str, LiteTensor] = {}
    for graph in graphs:
        for tensor in graph.tensors:
            if not tensor.size:
                continue
            base = tensor.name or UNNAMED
            name, number = base, 1
            while name in named:
                name, number = f"{base}_{number}", number + 1
            named[name] = tensor
    return named


def is_weight(tensor: LiteTensor) -> bool:
    """Whether a constant was learnt: no index, shape, initial state or number of a formula."""
    is_real = tensor.dtype.startswith(("float", "bfloat", "complex"))
    if tensor.is_initial_state:
        return False
    return bool(tensor.shape) and (is_real or tensor.quantization is not None)


def _describe_quantization(
    weights: Mapping[str, TensorSpec], quantization: Mapping[str, Quantization]
) -> tuple[str, ...]:
    """Notes how many weights are integers that stand for real numbers."""
    count = sum(name in quantization for name in weights)
    if not count:
        return ()
    return (
        f"{count} of {len(weights)} weights are quantized and read as they are stored: the real "
        "value is scale * (integer - zero point)",
    )


def _decode(label: str, data: Array, tensor: LiteTensor) -> Array:
    """Decodes the bytes of a tensor. Raises CheckpointError for a dtype that is not read."""
    if tensor.dtype == "string":
        return _decode_strings(data.tobytes(), tensor.shape)
    if tensor.dtype in PER_BYTE:
        return _unpack(data, tensor)
    dtype = find_numpy_dtype(tensor.dtype)
    if dtype is None:
        raise CheckpointError(f"{label} is of type {tensor.dtype}, which is not read")
    return data.view(dtype).reshape(tensor.shape)


def _unpack(data: Array, tensor: LiteTensor) -> Array:
    """Unpacks integers that share bytes, the first in the lowest bits: int8 or uint8."""
    bits = 8 // PER_BYTE[tensor.dtype]
    values: Array = data[:, None] >> np.arange(0, 8, bits, dtype=np.uint8) & np.uint8(
        (1 << bits) - 1
    )
    if tensor.dtype.startswith("int"):
        values = (values << (8 - bits)).view(np.int8) >> (8 - bits)  # copies the sign
    return values.reshape(-1)[: math.prod(tensor.shape)].reshape(tensor.shape)


def _decode_strings(data: bytes, shape: Shape) -> Array:
    """Decodes a count, the begin of each string and the end of the last one, then the bytes."""
    count = math.prod(shape)
    if len(data) < 4 * (count + 2) or int.from_bytes(data[:4], "little") != count:
        raise FormatError(f"a tensor of {count} strings has bytes of another number")
    offsets = np.frombuffer(data, "<i4", count + 2)
    strings = np.empty(count, object)
    strings[:] = [data[begin:end] for begin, end in itertools.pairwise(offsets[1:])]
    return strings.reshape(shape)
