"""One entry of a checkpoint's index: what a tensor is and where its bytes are.

The messages are those of tensorflow/core/protobuf/tensor_bundle.proto, the numbers of the
dtypes those of tensorflow/core/framework/types.proto.
"""

from __future__ import annotations

import dataclasses
import math
import re

import numpy as np

from legacy_nets.checkpoints.formats.crc32c import crc32c, masked
from legacy_nets.checkpoints.formats.wire import Damaged, Message, varint

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
_OF_ML_DTYPES = re.compile("bfloat|float8|u?int4$")


@dataclasses.dataclass(frozen=True)
class TensorInfo:
    """One tensor as the index states it; ``offset`` and ``size`` are bytes in its shard."""

    name: str
    shape: tuple[int, ...]
    dtype: str  # numpy's name, "bfloat16", "string", or "type 20" for what holds no numbers
    shard: int
    offset: int
    size: int
    crc: int  # masked CRC-32C of the bytes
    slices: tuple[tuple[tuple[int, ...], TensorInfo], ...] = ()  # (start, part), if partitioned


def numpy_dtype(name: str) -> np.dtype | None:
    """The numpy dtype of a ``TensorInfo.dtype``; None for strings and other non-numbers.

    Quantised numbers are the integers that they are stored as.
    """
    if name not in DTYPES.values() or name == "string":
        return None
    if _OF_ML_DTYPES.match(name):
        import ml_dtypes  # comes with TensorFlow

        return np.dtype(getattr(ml_dtypes, name))
    return np.dtype(name.removeprefix("q"))


def strings(data: bytes, info: TensorInfo, verify: bool) -> np.ndarray:
    """The strings of a tensor, object [*shape] of bytes, from its bytes in the shard.

    They are: each length as a varint, the checksum of the lengths (as uint32), the strings. The
    entry's checksum is of lengths (uint32), their checksum and strings. Raises Damaged.
    """
    lengths, at = [], 0
    for _ in range(math.prod(info.shape)):
        length, at = varint(data, at)
        lengths.append(length)
    if at + 4 + sum(lengths) != len(data):
        raise Damaged(f"the strings of {info.name} do not fill their {len(data)} bytes")
    counted = b"".join(length.to_bytes(4, "little") for length in lengths)
    if verify and (
        masked(crc32c(counted)) != int.from_bytes(data[at : at + 4], "little")
        or masked(crc32c(counted + data[at:])) != info.crc
    ):
        raise Damaged(f"bad checksum of {info.name}")
    found: np.ndarray = np.empty(len(lengths), object)
    at += 4
    for number, length in enumerate(lengths):
        found[number] = data[at : at + length]
        at += length
    return found.reshape(info.shape)


def tensor_info(name: bytes, pairs: dict[bytes, bytes], shards: int) -> TensorInfo:
    """Decodes the entry of one tensor, its numbers held against each other.

    Args:
      name: the tensor's key.
      pairs: the whole index, where the parts of a partitioned tensor have keys of their own.
      shards: how many data files there are.

    Raises Damaged, or UnicodeDecodeError for a name that is not UTF-8.
    """
    entry = Message(pairs[name])
    whole = _decode(name.decode("utf-8"), entry, shards)
    cut = entry.messages(7)
    if not cut:
        _check_size(whole)
        return whole
    # A part's key is the escaped name, then starts and lengths in a code that keeps their
    # order: once both are sorted, the n-th key belongs to the n-th start.
    prefix = b"\0" + name.replace(b"\0", b"\0\xff").replace(b"\xff", b"\xff\0") + b"\0\1"
    keys = sorted(key for key in pairs if key.startswith(prefix))
    starts = sorted(tuple(extent.number(1) for extent in part.messages(1)) for part in cut)
    parts = [_decode(whole.name, Message(pairs[key]), shards) for key in keys]
    for part in parts:
        _check_size(part)
    slices = tuple(zip(starts, parts, strict=False))
    if len(keys) != len(starts) or not _tile(slices, whole.shape):
        raise Damaged(f"the parts of {whole.name} do not make {list(whole.shape)}")
    size = sum(part.size for part in parts)
    return dataclasses.replace(whole, size=size, slices=slices)


def _decode(name: str, entry: Message, shards: int) -> TensorInfo:
    """A BundleEntryProto without its slices."""
    shape = tuple(dim.number(1) for message in entry.messages(2) for dim in message.messages(2))
    code, shard = entry.number(1), entry.number(3)
    if shard >= shards:
        raise Damaged(f"{name} lies in shard {shard} of {shards}")
    dtype = DTYPES.get(code, f"type {code}")
    return TensorInfo(name, shape, dtype, shard, entry.number(4), entry.number(5), entry.number(6))


def _check_size(info: TensorInfo) -> None:
    dtype = numpy_dtype(info.dtype)
    if dtype is not None and info.size != math.prod(info.shape) * dtype.itemsize:
        raise Damaged(f"{info.name} {info.dtype} {list(info.shape)} has {info.size} bytes")


def _tile(slices: tuple[tuple[tuple[int, ...], TensorInfo], ...], shape: tuple[int, ...]) -> bool:
    """Whether the parts lie inside the shape and have as many values as it has."""
    for start, part in slices:
        if not len(start) == len(part.shape) == len(shape):
            return False
        if any(b + n > end for b, n, end in zip(start, part.shape, shape, strict=True)):
            return False
    return sum(math.prod(part.shape) for _, part in slices) == math.prod(shape)
