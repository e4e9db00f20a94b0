"""Reads V1 checkpoints (Saver V1): SSTables in which the values themselves lie.

The key "" holds a list of tensors and of the slices that they were saved in; each slice has a
key of its own, made of name, starts and lengths in a code that keeps their order. Source:
tensorflow/core/util/saved_tensor_slice.proto, saved_tensor_slice_util.cc and ordered_code.cc.
"""

from __future__ import annotations

import math
import re
from pathlib import Path
from typing import NamedTuple

import numpy as np

from legacy_nets.checkpoints.formats.sstable import Table
from legacy_nets.checkpoints.formats.tensor_proto import dtype_of, shape_of, values_of
from legacy_nets.checkpoints.formats.wire import Damaged, Message
from legacy_nets.checkpoints.source import TensorSpec, WeightFile
from legacy_nets.errors import CheckpointError

_FULL = -1  # the length of a slice that takes a dimension whole
_SHARD = re.compile(r"-(\d{5})-of-(\d{5})$")


class _Slice(NamedTuple):
    """A part of a tensor (or all of it), and the table that has it."""

    table: Table
    key: bytes
    place: tuple[slice, ...]
    shape: tuple[int, ...]


def read_v1(path: Path) -> WeightFile:
    """Opens a V1 checkpoint by its name, of one file or of shards.

    Values are checked, each by the checksum of its block, when they are read.
    Raises CheckpointError (a shard is missing, another kind of table) or Damaged.
    """
    tensors: dict[str, TensorSpec] = {}
    slices: dict[str, list[_Slice]] = {}
    for file in _files(path):
        table = Table(file)
        value = table.get(b"")
        metas = Message(value).messages(1) if value is not None else []
        if not metas:
            raise CheckpointError(f"{file}: a table, but no V1 checkpoint; is it an .index file?")
        for meta in metas[-1].messages(1):
            name = meta.text(1)
            stored = TensorSpec(tuple(map(int, _shape(meta))), dtype_of(meta.number(3)))
            if tensors.setdefault(name, stored) != stored:
                raise Damaged(f"{name} has two shapes or types")
            parts = [_slice(table, name, part, stored.shape) for part in meta.messages(4)]
            slices.setdefault(name, []).extend(parts)
    for name, stored in tensors.items():
        if sum(math.prod(part.shape) for part in slices[name]) != math.prod(stored.shape):
            raise Damaged(f"the slices of {name} do not make {list(stored.shape)}")

    def load(name: str) -> np.ndarray:
        stored = tensors[name]
        parts = [(part.place, _values(name, stored.dtype, part)) for part in slices[name]]
        if len(parts) == 1:
            return parts[0][1]
        whole = np.zeros(stored.shape, parts[0][1].dtype)
        for place, values in parts:
            whole[place] = values
        return whole

    return WeightFile(str(path), dict(sorted(tensors.items())), load)


def _files(path: Path) -> list[Path]:
    """The table of this name, or all shards of it."""
    if path.is_file():
        return [path]
    there = {}
    for file in path.parent.iterdir():
        shard = _SHARD.search(file.name)
        if shard and file.name == path.name + shard[0]:
            there[int(shard[1])] = (file, int(shard[2]))
    count = max((count for _, count in there.values()), default=0)
    missing = sorted(set(range(count)) - there.keys())
    if missing or len(there) != count:
        raise CheckpointError(
            f"{path}: {len(missing)} of {count} shards are missing; copy them beside the others"
        )
    return [there[number][0] for number in range(count)]


def _shape(meta: Message) -> tuple[int, ...]:
    shapes = meta.messages(2)
    return shape_of(shapes[-1]) if shapes else ()


def _slice(table: Table, name: str, message: Message, shape: tuple[int, ...]) -> _Slice:
    """Decodes a TensorSliceProto, held against the shape of the whole tensor."""
    extents = [(extent.number(1), extent.number(2, _FULL)) for extent in message.messages(1)]
    if len(extents) != len(shape):
        raise Damaged(f"a slice of {name} has {len(extents)} dimensions of {len(shape)}")
    sizes, place = [], []
    for (start, length), size in zip(extents, shape, strict=True):
        taken = size if length == _FULL else length
        if start + taken > size:
            raise Damaged(f"a slice of {name} reaches out of it")
        sizes.append(taken)
        place.append(slice(start, start + taken))
    return _Slice(table, slice_key(name, extents), tuple(place), tuple(sizes))


def _values(name: str, dtype: str, part: _Slice) -> np.ndarray:
    value = part.table.get(part.key)
    data = Message(value).messages(2) if value is not None else []
    protos = data[-1].messages(3) if data else []
    if not protos or data[-1].text(1) != name:
        raise Damaged(f"a slice of {name} is missing")
    return values_of(protos[-1], dtype, part.shape)


def slice_key(name: str, extents: list[tuple[int, int]]) -> bytes:
    """The key of a slice: 0, the name, its rank, then start and length of each dimension."""
    escaped = name.encode().replace(b"\0", b"\0\xff")  # no byte of UTF-8 is 255
    key = b"\0" + escaped + b"\0\1" + _number(len(extents))
    return key + b"".join(_signed(value) for extent in extents for value in extent)


def _number(value: int) -> bytes:
    """A number from 0 on: how many bytes it has, then those, the highest first."""
    size = (value.bit_length() + 7) // 8
    return bytes([size]) + value.to_bytes(size, "big")


def _signed(value: int) -> bytes:
    """A signed number: in n bytes, the n highest bits differ from its sign, then it has 7n - 1."""
    bits = (~value if value < 0 else value).bit_length()
    size = bits // 7 + 1
    header = ((1 << size) - 1) << (8 * size - size)
    return ((value & ((1 << 8 * size) - 1)) ^ header).to_bytes(size, "big")
