"""Parses a TensorFlow Lite model (LiteRT, .tflite): tensors, operators; runs nothing.

Source: tensorflow/compiler/mlir/lite/schema/schema.fbs, whose field numbers are used here.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple, TypeAlias

import numpy as np
from flatbuffers import number_types
from flatbuffers.table import Table

from legacy_nets.checkpoints.formats.tensor_info import find_numpy_dtype
from legacy_nets.checkpoints.source import Quantization, parse_json_table
from legacy_nets.errors import CheckpointError
from legacy_nets.files import TFLITE, explain_other_format
from legacy_nets.types import Array
from legacy_nets.wire import FormatError

_Fields: TypeAlias = "tuple[tuple[int, ...], tuple[int, ...], tuple[int, ...]]"
METADATA = "legacy_nets"  # the name of the buffer that holds port's metadata, as JSON
_DTYPES = (  # by TensorType
    *("float32", "float16", "int32", "uint8", "int64", "string", "bool", "int16", "complex64"),
    *("int8", "float64", "complex128", "uint64", "resource", "variant", "uint32", "uint16"),
    *("int4", "bfloat16", "int2", "uint4"),
)
# Code of an operator with a window -> the fields of its options: kernel, stride, dilation.
_POOL: _Fields = ((4, 3), (2, 1), ())
_WINDOWS: Mapping[int, _Fields] = {
    **dict.fromkeys((1, 12, 17), _POOL),  # AVERAGE_POOL_2D, L2_POOL_2D, MAX_POOL_2D
    3: ((), (2, 1), (5, 4)),  # CONV_2D
    4: ((), (2, 1), (6, 5)),  # DEPTHWISE_CONV_2D
    67: ((), (2, 1), ()),  # TRANSPOSE_CONV
    **dict.fromkeys((132, 141), ((), (1, 3, 2), (5, 7, 6))),  # CONV_3D, CONV_3D_TRANSPOSE
}
_WHILE = 119  # the code of a loop
PER_BYTE = {"int4": 2, "uint4": 2, "int2": 4}  # integers that share bytes


class LiteTensor(NamedTuple):
    """A tensor of a model: a weight where it has bytes, otherwise a value that is computed."""

    name: str
    shape: tuple[int, ...]  # -1: an open size
    dtype: str
    begin: int  # of its bytes in the file
    size: int  # in bytes; 0 where the file has none
    quantization: Quantization | None
    is_initial_state: bool = False  # zeros that a loop starts from and changes


class LiteWindow(NamedTuple):
    """The window of a convolution or pooling, along rows and columns; time comes first."""

    kernel: tuple[int, ...]  # () of a convolution, whose weights have it
    stride: tuple[int, ...]
    dilation: tuple[int, ...] | None
    padding: str  # SAME or VALID


class LiteOperator(NamedTuple):
    """An operator of a model."""

    code: int  # of BuiltinOperator
    custom_name: str
    inputs: tuple[int, ...]  # indices of tensors; -1: left out
    outputs: tuple[int, ...]
    window: LiteWindow | None = None
    body: int | None = None  # of a loop: the number of the graph that each round runs


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


def is_tflite(path: Path) -> bool:
    """Whether a file begins as a model does."""
    if not path.is_file():
        return False
    with open(path, "rb") as file:
        return file.read(8)[4:] == TFLITE


def parse_tflite(path: Path) -> LiteModel:
    """Parses a model without its weights. Raises CheckpointError, FormatError."""
    if not is_tflite(path):
        with open(path, "rb") as file:
            explanation = explain_other_format(file.read(64))
        raise CheckpointError(f"{path}: {explanation or 'damaged, or no TensorFlow Lite model'}")
    data = np.memmap(path, np.uint8, "r").data
    try:
        return _Parser(data).parse()
    except (TypeError, ValueError, IndexError) as error:  # of the library, for bad offsets
        raise FormatError(f"no flatbuffer: {error}") from error


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
        graphs = tuple(self._mark_initial_states(graph, graphs) for graph in graphs)
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
            window = self._get_window(operator, codes[index][0])
            body = self._get_body(operator, codes[index][0])
            operators.append(LiteOperator(*codes[index], *ends, window, body))
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

    def _get_window(self, operator: Table, code: int) -> LiteWindow | None:
        """Gets the window of an operator; None where it has none."""
        options = self._get_table(operator, 4)
        if code not in _WINDOWS or options is None:
            return None
        kernel, stride, dilation = (
            tuple(self._get_number(options, field, number_types.Int32Flags) for field in fields)
            for fields in _WINDOWS[code]
        )
        padding = "VALID" if self._get_number(options, 0, number_types.Int8Flags) else "SAME"
        # A dilation of 1 is the default, which is not stored.
        dilations = tuple(max(size, 1) for size in dilation) or None
        return LiteWindow(kernel, stride, dilations, padding)

    def _get_body(self, operator: Table, code: int) -> int | None:
        """Gets the number of a loop's graph; None for other operators."""
        options = self._get_table(operator, 4)
        if code != _WHILE or options is None:
            return None
        return self._get_number(options, 1, number_types.Int32Flags)

    def _mark_initial_states(self, graph: LiteGraph, graphs: Sequence[LiteGraph]) -> LiteGraph:
        """Marks the zeros that loops of a graph start from: they are no weights."""
        tensors = list(graph.tensors)
        for loop in graph.operators:
            if loop.body is None:
                continue
            if not 0 <= loop.body < len(graphs):
                raise FormatError(f"a loop runs graph {loop.body} of {len(graphs)}")
            body = graphs[loop.body]
            for index, before, after in zip(loop.inputs, body.inputs, body.outputs, strict=False):
                if index < 0 or before == after:
                    continue
                tensor = tensors[index]
                values = self._data[tensor.begin : tensor.begin + tensor.size]
                is_zero = tensor.size > 0 and not np.any(np.frombuffer(values, np.uint8))
                tensors[index] = tensor._replace(is_initial_state=is_zero)
        return graph._replace(tensors=tuple(tensors))

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
    per_byte = PER_BYTE.get(tensor.dtype)
    wanted = -(-count // per_byte) if per_byte else count * item.itemsize if item else tensor.size
    if wanted != tensor.size:
        raise FormatError(f"{tensor.name}: {tensor.size} bytes of {wanted}")
