"""Reads TensorFlow Lite models (LiteRT, .tflite): tensors, operators, weights; runs nothing.

Source: tensorflow/compiler/mlir/lite/schema/schema.fbs, whose field numbers are used here.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from flatbuffers import number_types
from flatbuffers.table import Table

from legacy_nets.checkpoints.formats.tensor_info import find_numpy_dtype
from legacy_nets.checkpoints.formats.wire import FormatError
from legacy_nets.checkpoints.source import (
    GraphSummary,
    GraphValue,
    Quantization,
    TensorSpec,
    WeightFile,
    parse_json_table,
)
from legacy_nets.errors import CheckpointError
from legacy_nets.types import Array, Shape

METADATA = "legacy_nets"  # the name of the buffer that holds port's metadata, as JSON
_DTYPES = (  # by TensorType
    *("float32", "float16", "int32", "uint8", "int64", "string", "bool", "int16", "complex64"),
    *("int8", "float64", "complex128", "uint64", "resource", "variant", "uint32", "uint16"),
    *("int4", "bfloat16", "int2", "uint4"),
)
_PER_BYTE = {"int4": 2, "uint4": 2, "int2": 4}


class LiteTensor(NamedTuple):
    """A tensor of a model: a weight where it has bytes, otherwise a value that is computed."""

    name: str
    shape: tuple[int, ...]  # -1: an open size
    dtype: str
    begin: int  # of its bytes in the file
    size: int  # in bytes; 0 where the file has none
    quantization: Quantization | None


class LiteOperator(NamedTuple):
    """An operator of a model."""

    code: int  # of BuiltinOperator
    custom_name: str
    inputs: tuple[int, ...]  # indices of tensors; -1: left out
    outputs: tuple[int, ...]


class LiteGraph(NamedTuple):
    """A graph of a model: the first is the main one, others are bodies of loops and branches."""

    tensors: tuple[LiteTensor, ...]
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]
    operators: tuple[LiteOperator, ...]


class LiteModel(NamedTuple):
    """The contents of a .tflite file."""

    graphs: tuple[LiteGraph, ...]
    metadata: Mapping[str, object]  # as ``port`` wrote them; {} in files of other programs


def read_tflite(path: Path) -> WeightFile:
    """Opens the weights of a model under their tensors' names.

    Integers that stand for real numbers are read as they are stored. Tensors that are no weights
    (indices, shapes and other integers without a scale) are ``other_tensors``.

    Raises CheckpointError for a model without weights, FormatError for a damaged one.
    """
    model = parse_tflite(path)
    tensors = _name_weights(model.graphs)
    if not tensors:
        raise CheckpointError(f"{path}: a TensorFlow Lite model without weights")
    specs = {name: TensorSpec(tensor.shape, tensor.dtype) for name, tensor in tensors.items()}
    weights = {name: specs[name] for name, tensor in tensors.items() if _is_weight(tensor)}
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


def parse_tflite(path: Path) -> LiteModel:
    """Parses a model without its weights. Raises FormatError."""
    data = np.memmap(path, np.uint8, "r").data
    try:
        return _Parser(data).parse()
    except (TypeError, ValueError, IndexError) as error:  # of the library, for bad offsets
        raise FormatError(f"no flatbuffer: {error}") from error


def _name_weights(graphs: Sequence[LiteGraph]) -> dict[str, LiteTensor]:
    """Names every tensor that has bytes; a name that is taken gets a number."""
    named: dict[str, LiteTensor] = {}
    for graph in graphs:
        for tensor in graph.tensors:
            if not tensor.size:
                continue
            name, number = tensor.name, 1
            while name in named:
                name, number = f"{tensor.name}_{number}", number + 1
            named[name] = tensor
    return named


def _is_weight(tensor: LiteTensor) -> bool:
    """Whether a constant is a number that was learnt, not an index or a shape."""
    is_real = tensor.dtype.startswith(("float", "bfloat", "complex"))
    return is_real or tensor.quantization is not None


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
    if tensor.dtype in _PER_BYTE:
        return _unpack(data, tensor)
    dtype = find_numpy_dtype(tensor.dtype)
    if dtype is None:
        raise CheckpointError(f"{label} is of type {tensor.dtype}, which is not read")
    return data.view(dtype).reshape(tensor.shape)


def _unpack(data: Array, tensor: LiteTensor) -> Array:
    """Unpacks integers that share bytes, the first in the lowest bits: int8 or uint8."""
    bits = 8 // _PER_BYTE[tensor.dtype]
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


class _Parser:
    """Parses a flatbuffer with the fields of a model.

    A damaged file may name one table many times over: a file of n bytes holds at most n / 4
    different ones, and not more than that are read.
    """

    def __init__(self, data: memoryview) -> None:
        self._data = data
        self._tables_left = len(data) // 4
        self._root = Table(data, 0)

    def parse(self) -> LiteModel:
        """Parses the model."""
        model = Table(self._data, self._root.Indirect(0))
        buffers = [self._get_range(buffer) for buffer in self._list_tables(model, 4)]
        codes = [self._get_code(code) for code in self._list_tables(model, 1)]
        graphs = tuple(
            self._parse_graph(graph, buffers, codes) for graph in self._list_tables(model, 2)
        )
        if not graphs:
            raise FormatError("no graph in it")
        metadata: dict[str, object] = {}
        for entry in self._list_tables(model, 6):
            if self._get_text(entry, 0) == METADATA:
                begin, size = buffers[self._get_number(entry, 1, number_types.Uint32Flags)]
                metadata = parse_json_table(bytes(self._data[begin : begin + size]))
        return LiteModel(graphs, metadata)

    def _parse_graph(
        self,
        graph: Table,
        buffers: Sequence[tuple[int, int]],
        codes: Sequence[tuple[int, str]],
    ) -> LiteGraph:
        tensors = tuple(
            self._parse_tensor(tensor, buffers) for tensor in self._list_tables(graph, 0)
        )
        operators = []
        for operator in self._list_tables(graph, 3):
            index = self._get_number(operator, 0, number_types.Uint32Flags)
            ends = self._list_integers(operator, 1), self._list_integers(operator, 2)
            operators.append(LiteOperator(*codes[index], *ends))
        inputs, outputs = self._list_integers(graph, 1), self._list_integers(graph, 2)
        named = [
            *(inputs + outputs),
            *(index for item in operators for index in item.inputs + item.outputs),
        ]
        if any(not -1 <= index < len(tensors) for index in named):
            raise FormatError(f"a tensor that is none of the {len(tensors)} is used")
        return LiteGraph(tensors, inputs, outputs, tuple(operators))

    def _parse_tensor(self, tensor: Table, buffers: Sequence[tuple[int, int]]) -> LiteTensor:
        name = self._get_text(tensor, 3)
        code = self._get_number(tensor, 1, number_types.Int8Flags)
        if not 0 <= code < len(_DTYPES):
            raise FormatError(f"{name} is of unknown type {code}")
        begin, size = buffers[self._get_number(tensor, 2, number_types.Uint32Flags)]
        # Older files have no signature: their shape is all that is known.
        shape = self._list_integers(tensor, 0) if size else ()
        shape = shape or self._list_integers(tensor, 7) or self._list_integers(tensor, 0)
        parsed = LiteTensor(
            name, shape, _DTYPES[code], begin, size, self._get_quantization(tensor, len(shape))
        )
        _check_size(parsed)
        return parsed

    def _get_quantization(self, tensor: Table, rank: int) -> Quantization | None:
        """Gets scales and zero points; None for a tensor of real numbers."""
        table = self._get_table(tensor, 4)
        if table is None:
            return None
        scales = self._get_vector(table, 2, number_types.Float32Flags).tolist()
        zeros = self._get_vector(table, 3, number_types.Int64Flags).tolist()
        if not scales:
            return None
        axis = self._get_number(table, 6, number_types.Int32Flags)
        if len(zeros) not in (0, 1, len(scales)) or not 0 <= axis <= rank:
            raise FormatError(f"{len(scales)} scales and {len(zeros)} zero points on axis {axis}")
        return Quantization(tuple(scales), tuple(zeros), axis)

    def _get_range(self, buffer: Table) -> tuple[int, int]:
        """Gets begin and size of a buffer; large models have their bytes after the flatbuffer."""
        begin = self._get_number(buffer, 1, number_types.Uint64Flags)
        size = self._get_number(buffer, 2, number_types.Uint64Flags)
        field = buffer.Offset(_slot(0))
        if begin <= 1 and field:
            begin, size = buffer.Vector(field), buffer.VectorLen(field)
        if begin + size > len(self._data):
            raise FormatError(f"a buffer of {size} bytes extends past the end of the file")
        return begin, size

    def _get_code(self, code: Table) -> tuple[int, str]:
        """Gets the number of an operator and the name of a custom one.

        The first field had the number when there were less than 128.
        """
        old = self._get_number(code, 0, number_types.Int8Flags)
        return max(old, self._get_number(code, 3, number_types.Int32Flags)), self._get_text(code, 1)

    def _list_tables(self, table: Table, field: int) -> Iterator[Table]:
        """Yields the tables of a vector."""
        offset = table.Offset(_slot(field))
        count = table.VectorLen(offset) if offset else 0
        self._tables_left -= count
        if self._tables_left < 0:
            raise FormatError("more tables than the file has room for")
        start = table.Vector(offset) if offset else 0
        for index in range(count):
            yield Table(self._data, table.Indirect(start + 4 * index))

    def _get_table(self, table: Table, field: int) -> Table | None:
        offset = table.Offset(_slot(field))
        return Table(self._data, table.Indirect(table.Pos + offset)) if offset else None

    def _get_number(self, table: Table, field: int, flags: type[number_types.Int32Flags]) -> int:
        offset = table.Offset(_slot(field))
        return int(table.Get(flags, table.Pos + offset)) if offset else 0

    def _get_text(self, table: Table, field: int) -> str:
        offset = table.Offset(_slot(field))
        return str(table.String(table.Pos + offset), "utf-8") if offset else ""

    def _get_vector(self, table: Table, field: int, flags: type[number_types.Int32Flags]) -> Array:
        """Gets a vector of numbers, a view of the file; it counts as the tables that it may be."""
        offset = table.Offset(_slot(field))
        if not offset:
            return np.empty(0)
        vector: Array = table.GetVectorAsNumpy(flags, offset)
        self._tables_left -= len(vector)
        if self._tables_left < 0:
            raise FormatError("more numbers than the file has room for")
        return vector

    def _list_integers(self, table: Table, field: int) -> tuple[int, ...]:
        return tuple(self._get_vector(table, field, number_types.Int32Flags).tolist())


def _slot(field: int) -> int:
    """Returns where a vtable has a field."""
    return 4 + 2 * field


def _check_size(tensor: LiteTensor) -> None:
    """Raises FormatError where a weight's bytes are not as many as its shape says."""
    if not tensor.size or tensor.dtype == "string":
        return
    if any(side < 0 for side in tensor.shape):
        raise FormatError(f"{tensor.name} has bytes and the shape {tensor.shape}")
    count = math.prod(tensor.shape)
    item = find_numpy_dtype(tensor.dtype)
    per_byte = _PER_BYTE.get(tensor.dtype)
    wanted = -(-count // per_byte) if per_byte else count * item.itemsize if item else tensor.size
    if wanted != tensor.size:
        raise FormatError(f"{tensor.name}: {tensor.size} bytes of {wanted}")
