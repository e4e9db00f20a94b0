"""Decodes a TensorProto, the form that tensors have in graphs and in V1 checkpoints.

Source: tensorflow/core/framework/tensor.proto and types.proto.
"""

from __future__ import annotations

import math

import numpy as np

from legacy_nets.checkpoints.formats.tensor_info import DTYPES, numpy_dtype
from legacy_nets.checkpoints.formats.wire import Damaged, Message

_FIXED = {"float32": 5, "float64": 6, "complex64": 9, "complex128": 12}  # dtype -> field
_VARINTS = {
    **dict.fromkeys(("int32", "int16", "int8", "int4", "uint16", "uint8", "uint4"), 7),
    **dict.fromkeys(("qint32", "qint16", "qint8", "quint16", "quint8"), 7),
    **{"int64": 10, "bool": 11, "float16": 13, "bfloat16": 13, "uint32": 16, "uint64": 17},
}
_CONTENT = 4  # the bytes as they lie in memory
_STRINGS = 8
_LARGEST_FILL = 1 << 28  # bytes that a tensor may have whose values the file does not all have


def shape_of(message: Message) -> tuple[int, ...]:
    """The sizes of a TensorShapeProto. Raises Damaged for an unknown one."""
    return tuple(dim.number(1) for dim in message.messages(2))


def dtype_of(code: int) -> str:
    """The name of a DataType."""
    return DTYPES.get(code, f"type {code}")


def values_of(proto: Message, dtype: str, shape: tuple[int, ...]) -> np.ndarray:
    """The values, [*shape]; where there are too few, the last one fills the rest (zero if none).

    Raises Damaged: too many values, a dtype that is not numbers or strings.
    """
    count = math.prod(shape)
    if dtype == "string":
        values: np.ndarray = np.empty(len(proto.buffers(_STRINGS)), object)
        values[:] = [bytes(value) for value in proto.buffers(_STRINGS)]
    else:
        values = _numbers(proto, dtype)
    if values.size == count:
        return values.reshape(shape)
    if values.size > count:
        raise Damaged(f"{values.size} values of a tensor {list(shape)}")
    if count * values.itemsize > _LARGEST_FILL:
        raise Damaged(f"{values.size} values, which are to fill {list(shape)}")
    last = values[-1] if values.size else np.zeros(1, values.dtype)[0]
    filled = np.full(count, last, values.dtype)
    filled[: values.size] = values
    return filled.reshape(shape)


def _numbers(proto: Message, dtype: str) -> np.ndarray:
    """All values that the message has, in a row."""
    kind = numpy_dtype(dtype)
    if kind is None:
        raise Damaged(f"a tensor of {dtype}, which is no array of numbers")
    content = proto.buffers(_CONTENT)
    if content and len(content[-1]):
        return _whole(content[-1], kind)
    if dtype in _FIXED:
        pieces = [
            value.to_bytes(8 if dtype in ("float64", "complex128") else 4, "little")
            if isinstance(value, int)
            else value
            for value in proto.values(_FIXED[dtype])
        ]
        return _whole(pieces[0] if len(pieces) == 1 else b"".join(pieces), kind)
    found = [
        np.array([value], np.uint64) if isinstance(value, int) else unpack_varints(value)
        for value in proto.values(_VARINTS[dtype])
    ]
    bits = np.concatenate(found) if found else np.empty(0, np.uint64)
    if dtype == "bool":
        return bits != 0
    width = np.dtype(f"u{kind.itemsize}")
    return bits.astype(width).view(kind)  # the low bytes, which also hold for negative numbers


def _whole(data: bytes | memoryview, dtype: np.dtype) -> np.ndarray:
    if len(data) % dtype.itemsize:
        raise Damaged(f"{len(data)} bytes of {dtype}")
    return np.frombuffer(data, dtype)


def unpack_varints(data: bytes | memoryview) -> np.ndarray:
    """uint64 [n]: the numbers that are packed in a row of varints. Raises Damaged."""
    row = np.frombuffer(data, np.uint8)
    ends = np.flatnonzero(row < 128)
    if row.size and (not ends.size or ends[-1] != row.size - 1):
        raise Damaged("a number has no end")
    starts = np.concatenate([[0], ends[:-1] + 1])[: ends.size]
    lengths = ends - starts + 1
    if lengths.size and lengths.max() > 10:
        raise Damaged("a number of more than 64 bits")
    values: np.ndarray = np.zeros(ends.size, np.uint64)
    for at in range(int(lengths.max(initial=0))):
        there = np.flatnonzero(lengths > at)
        values[there] |= (row[starts[there] + at] & np.uint8(127)).astype(np.uint64) << np.uint64(
            7 * at
        )
    return values
