"""Decodes one entry of a checkpoint's index: what a tensor is, and where its bytes are.

Source: tensorflow/core/protobuf/tensor_bundle.proto; tensorflow/core/framework/types.proto for
the numbers of the dtypes.
"""

from __future__ import annotations

import dataclasses
import math
import re

import numpy as np

from legacy_nets.crc32c import compute_crc32c, mask_crc
from legacy_nets.types import Array, NumpyDtype, Shape
from legacy_nets.wire import FormatError, Message, read_varint

DTYPES = {
    1: "float32",
    2: "float64",
    3: "int32",
    4: "uint8",
    5: "int16",
    6: "int8",
    7: "string",
    8: "complex64",
    9: "int64",
    10: "bool",
    11: "qint8",
    12: "quint8",
    13: "qint32",
    14: "bfloat16",
    15: "qint16",
    16: "quint16",
    17: "uint16",
    18: "complex128",
    19: "float16",
    22: "uint32",
    23: "uint64",
    24: "float8_e5m2",
    25: "float8_e4m3fn",
    26: "float8_e4m3fnuz",
    27: "float8_e4m3b11fnuz",
    28: "float8_e5m2fnuz",
    29: "int4",
    30: "uint4",
}
QUANTIZED = {"qint8", "quint8", "qint32", "qint16", "quint16"}
_OF_ML_DTYPES = re.compile("bfloat|float8|u?int4$")


@dataclasses.dataclass(frozen=True)
class TensorInfo:
    """One tensor, as the index describes it; ``offset`` and ``size`` are bytes in its shard."""

    name: str
    shape: Shape
    dtype: str  # NumPy's name, "bfloat16", "string", or "type 20" for what holds no numbers
    shard: int
    offset: int
    size: int
    crc: int  # masked CRC-32C of the bytes
    slices: tuple[tuple[Shape, TensorInfo], ...] = ()  # (start, part), if partitioned


def find_numpy_dtype(name: str) -> NumpyDtype | None:
    """Finds the NumPy dtype of a ``TensorInfo.dtype``; None for strings and other non-numbers.

    Quantized numbers are the integers that they are stored as.
    """
    if name not in DTYPES.values() or name == "string":
        return None
    if _OF_ML_DTYPES.match(name):
        import ml_dtypes  # comes with TensorFlow

        return np.dtype(getattr(ml_dtypes, name))
    return np.dtype(name.removeprefix("q"))


def decode_strings(data: bytes, info: TensorInfo, verify: bool) -> Array:
    """Decodes the strings of a tensor from its bytes in the shard: object [*shape] of bytes.

    The shard holds each length as a varint, the checksum of the lengths (as uint32), the strings.
    The checksum in the index covers the lengths (as uint32), their checksum and the strings.

    Raises FormatError.
    """
    lengths, at = [], 0
    for _ in range(math.prod(info.shape)):
        length, at = read_varint(data, at)
        lengths.append(length)
    if at + 4 + sum(lengths) != len(data):
        raise FormatError(f"the strings of {info.name} do not fill their {len(data)} bytes")
    packed_lengths = b"".join(length.to_bytes(4, "little") for length in lengths)
    if verify and (
        mask_crc(compute_crc32c(packed_lengths)) != int.from_bytes(data[at : at + 4], "little")
        or mask_crc(compute_crc32c(packed_lengths + data[at:])) != info.crc
    ):
        raise FormatError(f"bad checksum of {info.name}")
    strings: Array = np.empty(len(lengths), object)
    at += 4
    for number, length in enumerate(lengths):
        strings[number] = data[at : at + length]
        at += length
    return strings.reshape(info.shape)


def decode_tensor_info(name: bytes, pairs: dict[bytes, bytes], shards: int) -> TensorInfo:
    """Decodes the entry of one tensor, and compares its numbers with each other.

    Args:
      name: the tensor's key.
      pairs: the complete index, where the parts of a partitioned tensor have their own keys.
      shards: how many data files there are.

    Raises FormatError, or UnicodeDecodeError for a name that is not UTF-8.
    """
    entry = Message(pairs[name])
    info = _decode_entry(name.decode("utf-8"), entry, shards)
    slices = entry.get_messages(7)
    if not slices:
        _check_size(info)
        return info
    # A part's key is the escaped name, then starts and lengths in a code that keeps their
    # order: once both are sorted, the n-th key belongs to the n-th start.
    prefix = b"\0" + name.replace(b"\0", b"\0\xff").replace(b"\xff", b"\xff\0") + b"\0\1"
    keys = sorted(key for key in pairs if key.startswith(prefix))
    starts = sorted(tuple(extent.get_int(1) for extent in part.get_messages(1)) for part in slices)
    parts = [_decode_entry(info.name, Message(pairs[key]), shards) for key in keys]
    for part in parts:
        _check_size(part)
    located = tuple(zip(starts, parts, strict=False))
    if len(keys) != len(starts) or not _fills_shape(located, info.shape):
        raise FormatError(f"the parts of {info.name} do not make {list(info.shape)}")
    return dataclasses.replace(info, size=sum(part.size for part in parts), slices=located)


def _decode_entry(name: str, entry: Message, shards: int) -> TensorInfo:
    """Decodes a BundleEntryProto without its slices."""
    shapes = entry.get_messages(2)
    shape = tuple(dim.get_int(1) for message in shapes for dim in message.get_messages(2))
    dtype = DTYPES.get(entry.get_int(1), f"type {entry.get_int(1)}")
    shard = entry.get_int(3)
    if shard >= shards:
        raise FormatError(f"{name} is in shard {shard} of {shards}")
    offset, size, crc = (entry.get_int(field) for field in (4, 5, 6))
    return TensorInfo(name, shape, dtype, shard, offset, size, crc)


def _check_size(info: TensorInfo) -> None:
    """Raises FormatError if shape and dtype do not need the number of bytes in the index."""
    dtype = find_numpy_dtype(info.dtype)
    if dtype is not None and info.size != math.prod(info.shape) * dtype.itemsize:
        raise FormatError(f"{info.name} {info.dtype} {list(info.shape)} has {info.size} bytes")


def _fills_shape(slices: tuple[tuple[Shape, TensorInfo], ...], shape: Shape) -> bool:
    """Whether the parts are inside the shape and have as many values as it has."""
    for start, part in slices:
        if not len(start) == len(part.shape) == len(shape):
            return False
        if any(b + n > end for b, n, end in zip(start, part.shape, shape, strict=True)):
            return False
    return sum(math.prod(part.shape) for _, part in slices) == math.prod(shape)
