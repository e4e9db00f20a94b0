"""Decodes a TensorProto, the form that tensors have in graphs and in V1 checkpoints.

Source: tensorflow/core/framework/tensor.proto and types.proto.
"""

from __future__ import annotations

import math

import numpy as np

from legacy_nets.checkpoints.formats.tensor_info import DTYPES, find_numpy_dtype
from legacy_nets.types import Array, NumpyDtype, Shape
from legacy_nets.wire import Buffer, FormatError, Message

_FIXED = {"float32": 5, "float64": 6, "complex64": 9, "complex128": 12}  # dtype -> field
_VARINTS = {
    **dict.fromkeys(("int32", "int16", "int8", "int4", "uint16", "uint8", "uint4"), 7),
    **dict.fromkeys(("qint32", "qint16", "qint8", "quint16", "quint8"), 7),
    **{"int64": 10, "bool": 11, "float16": 13, "bfloat16": 13, "uint32": 16, "uint64": 17},
}
_CONTENT = 4  # the bytes as they are in memory
_STRINGS = 8
_LARGEST_FILL = 1 << 28  # bytes of a tensor of which the file holds only the first values


def decode_shape(message: Message) -> Shape:
    """Decodes the sizes of a TensorShapeProto. Raises FormatError for an unknown one."""
    return tuple(dim.get_int(1) for dim in message.get_messages(2))


def name_dtype(code: int) -> str:
    """Names a DataType as ``TensorInfo.dtype`` does."""
    return DTYPES.get(code, f"type {code}")


def decode_values(proto: Message, dtype: str, shape: Shape) -> Array:
    """Decodes the values, [*shape]. The last one, or zero, stands for values that are left out.

    Raises FormatError: too many values, or a dtype that is not numbers or strings.
    """
    count = math.prod(shape)
    if dtype == "string":
        values: Array = np.empty(len(proto.get_buffers(_STRINGS)), object)
        values[:] = [bytes(value) for value in proto.get_buffers(_STRINGS)]
    else:
        values = _decode_numbers(proto, dtype)
    if values.size == count:
        return values.reshape(shape)
    if values.size > count:
        raise FormatError(f"{values.size} values of a tensor {list(shape)}")
    if count * values.itemsize > _LARGEST_FILL:
        raise FormatError(f"{values.size} values for a tensor {list(shape)}")
    last = values[-1] if values.size else np.zeros(1, values.dtype)[0]
    filled = np.full(count, last, values.dtype)
    filled[: values.size] = values
    return filled.reshape(shape)


def _decode_numbers(proto: Message, dtype: str) -> Array:
    """Decodes all values of the message, [n]."""
    numpy_dtype = find_numpy_dtype(dtype)
    if numpy_dtype is None:
        raise FormatError(f"a tensor of {dtype}, which is not an array of numbers")
    content = proto.get_buffers(_CONTENT)
    if content and len(content[-1]):
        return view_bytes(content[-1], numpy_dtype)
    return decode_field(proto, _FIXED.get(dtype) or _VARINTS[dtype], dtype, numpy_dtype)


def decode_field(proto: Message, field: int, dtype: str, numpy_dtype: NumpyDtype) -> Array:
    """Decodes a repeated field of numbers, [n]: fixed ones as they are, others from varints.

    Raises FormatError.
    """
    if dtype in _FIXED:
        pieces = [
            value.to_bytes(8 if dtype in ("float64", "complex128") else 4, "little")
            if isinstance(value, int)
            else value
            for value in proto.get_values(field)
        ]
        return view_bytes(pieces[0] if len(pieces) == 1 else b"".join(pieces), numpy_dtype)
    numbers = [
        np.array([value], np.uint64) if isinstance(value, int) else unpack_varints(value)
        for value in proto.get_values(field)
    ]
    bits = np.concatenate(numbers) if numbers else np.empty(0, np.uint64)
    if dtype == "bool":
        return bits != 0
    unsigned = np.dtype(f"u{numpy_dtype.itemsize}")
    return bits.astype(unsigned).view(numpy_dtype)  # the low bytes are right for negatives too


def view_bytes(data: Buffer, dtype: NumpyDtype) -> Array:
    """Views bytes as values, [n]. Raises FormatError if they end inside a value."""
    if len(data) % dtype.itemsize:
        raise FormatError(f"{len(data)} bytes of {dtype}")
    return np.frombuffer(data, dtype)


def unpack_varints(data: Buffer) -> Array:
    """Unpacks a row of varints into uint64 [n]. Raises FormatError."""
    row = np.frombuffer(data, np.uint8)
    ends = np.flatnonzero(row < 128)
    if row.size and (not ends.size or ends[-1] != row.size - 1):
        raise FormatError("a number has no end")
    starts = np.concatenate([[0], ends[:-1] + 1])[: ends.size]
    lengths = ends - starts + 1
    if lengths.size and lengths.max() > 10:
        raise FormatError("a number of more than 64 bits")
    values: Array = np.zeros(ends.size, np.uint64)
    for at in range(int(lengths.max(initial=0))):
        longer = np.flatnonzero(lengths > at)
        bits = (row[starts[longer] + at] & np.uint8(127)).astype(np.uint64)
        values[longer] |= bits << np.uint64(7 * at)
    return values
