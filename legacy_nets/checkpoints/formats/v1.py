"""Reads V1 checkpoints (Saver V1): SSTables that hold the values themselves.

The key "" holds a list of tensors and of the slices that they were saved in. Each slice has its
own key, made of name, starts and lengths in a code that keeps their order. Source:
tensorflow/core/util/saved_tensor_slice.proto, saved_tensor_slice_util.cc and ordered_code.cc.
"""

from __future__ import annotations

import math
import re
from pathlib import Path
from typing import NamedTuple

import numpy as np

from legacy_nets.checkpoints.formats.sstable import Table
from legacy_nets.checkpoints.formats.tensor_proto import decode_shape, decode_values, name_dtype
from legacy_nets.checkpoints.source import TensorSpec, WeightFile
from legacy_nets.errors import CheckpointError
from legacy_nets.types import Array, Shape
from legacy_nets.wire import FormatError, Message

_FULL = -1  # the length of a slice that takes all of a dimension
_SHARD = re.compile(r"-(\d{5})-of-(\d{5})$")


class _Slice(NamedTuple):
    """A part of a tensor, or all of it, and the table that holds it."""

    table: Table
    key: bytes
    region: tuple[slice[int, int, None], ...]
    shape: Shape


def read_v1(path: Path) -> WeightFile:
    """Opens a V1 checkpoint by its name; it is one file or several shards.

    Reading a value verifies the checksum of its block.
    Raises CheckpointError (a shard is missing, another table) or FormatError.
    """
    specs: dict[str, TensorSpec] = {}
    slices: dict[str, list[_Slice]] = {}
    for file in _list_tables(path):
        table = Table(file)
        value = table.get(b"")
        metas = Message(value).get_messages(1) if value is not None else []
        if not metas:
            raise CheckpointError(
                f"{file}: a table, but not a V1 checkpoint; of an .index file, name its prefix"
            )
        for meta in metas[-1].get_messages(1):
            name = meta.get_text(1)
            spec = TensorSpec(_decode_full_shape(meta), name_dtype(meta.get_int(3)))
            if specs.setdefault(name, spec) != spec:
                raise FormatError(f"{name} has two shapes or dtypes")
            parts = [_decode_slice(table, name, part, spec.shape) for part in meta.get_messages(4)]
            slices.setdefault(name, []).extend(parts)
    for name, spec in specs.items():
        if sum(math.prod(part.shape) for part in slices[name]) != math.prod(spec.shape):
            raise FormatError(f"the slices of {name} do not make {list(spec.shape)}")

    def load(name: str) -> Array:
        spec = specs[name]
        parts = [(part.region, _read_slice(name, spec.dtype, part)) for part in slices[name]]
        if len(parts) == 1:
            return parts[0][1]
        tensor = np.zeros(spec.shape, parts[0][1].dtype)
        for region, values in parts:
            tensor[region] = values
        return tensor

    return WeightFile(str(path), dict(sorted(specs.items())), load)


def complete_v1_prefix(prefix: str) -> str:
    """Writes the prefix of a sharded V1 checkpoint as TensorFlow's savers take it.

    "net-?????-of-00002" stands for two shards. A prefix of one file stays as it is.
    """
    path = Path(prefix)
    if path.is_file():
        return prefix
    shards = [_SHARD.search(str(table)) for table in _list_tables(path)]
    return f"{prefix}-?????-of-{shards[0][2]}" if shards and shards[0] else prefix


def _list_tables(path: Path) -> list[Path]:
    """Lists the table of this name, or all its shards. Raises CheckpointError if one is missing."""
    if path.is_file():
        return [path]
    shards = {}
    for file in path.parent.iterdir():
        match = _SHARD.search(file.name)
        if match and file.name == path.name + match[0]:
            shards[int(match[1])] = (file, int(match[2]))
    count = max((count for _, count in shards.values()), default=0)
    missing = sorted(set(range(count)) - shards.keys())
    if missing or len(shards) != count:
        raise CheckpointError(
            f"{path}: {len(missing)} of {count} shards are missing; copy them into the same folder"
        )
    return [shards[number][0] for number in range(count)]


def _decode_full_shape(meta: Message) -> Shape:
    shapes = meta.get_messages(2)
    return decode_shape(shapes[-1]) if shapes else ()


def _decode_slice(table: Table, name: str, message: Message, shape: Shape) -> _Slice:
    """Decodes a TensorSliceProto, and compares it with the shape of the complete tensor."""
    extents = [(extent.get_int(1), extent.get_int(2, _FULL)) for extent in message.get_messages(1)]
    if len(extents) != len(shape):
        raise FormatError(f"a slice of {name} has {len(extents)} dimensions of {len(shape)}")
    sizes, region = [], []
    for (start, length), size in zip(extents, shape, strict=True):
        count = size if length == _FULL else length
        if start + count > size:
            raise FormatError(f"a slice of {name} extends past its end")
        sizes.append(count)
        region.append(slice(start, start + count))
    return _Slice(table, encode_slice_key(name, extents), tuple(region), tuple(sizes))


def _read_slice(name: str, dtype: str, part: _Slice) -> Array:
    """Reads the values of a slice, [*part.shape]."""
    value = part.table.get(part.key)
    data = Message(value).get_messages(2) if value is not None else []
    protos = data[-1].get_messages(3) if data else []
    if not protos or data[-1].get_text(1) != name:
        raise FormatError(f"a slice of {name} is missing")
    return decode_values(protos[-1], dtype, part.shape)


def encode_slice_key(name: str, extents: list[tuple[int, int]]) -> bytes:
    """Encodes a slice's key: 0, the name, its rank, then start and length of each dimension."""
    escaped = name.encode().replace(b"\0", b"\0\xff")  # no byte of UTF-8 is 255
    key = b"\0" + escaped + b"\0\1" + _encode_unsigned(len(extents))
    return key + b"".join(_encode_signed(value) for extent in extents for value in extent)


def _encode_unsigned(value: int) -> bytes:
    """Encodes a number from 0 on: its count of bytes, then those, the highest first."""
    size = (value.bit_length() + 7) // 8
    return bytes([size]) + value.to_bytes(size, "big")


def _encode_signed(value: int) -> bytes:
    """Encodes a signed number in n bytes: n high bits unlike its sign, then 7n - 1 bits of it."""
    bits = (~value if value < 0 else value).bit_length()
    size = bits // 7 + 1
    header = ((1 << size) - 1) << (8 * size - size)
    return ((value & ((1 << 8 * size) - 1)) ^ header).to_bytes(size, "big")
