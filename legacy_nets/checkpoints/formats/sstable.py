"""Reads an SSTable, the sorted table of keys and values that TensorFlow's ``.index`` is.

Layout, from LevelDB's doc/table_format.md: data blocks, then an index block of their places,
then a 48-byte footer. Every block is followed by its compression type (1 byte) and its masked
CRC-32C (4 bytes); both are checked before a byte of the block is believed.
"""

from __future__ import annotations

import bisect
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from legacy_nets.checkpoints.formats.crc32c import crc32c, masked
from legacy_nets.checkpoints.formats.wire import Buffer, Damaged, varint
from legacy_nets.errors import CheckpointError
from legacy_nets.files import explain_other_format

_FOOTER = 48
TABLE_MARK = (0xDB4775248B80FB57).to_bytes(8, "little")
_NO_COMPRESSION = 0
_SNAPPY = 1
_OTHERS = (  # weight files too, but no tables
    (b"PK\x03\x04", "a zip archive (PyTorch, .npz, .keras), not a TensorFlow checkpoint"),
    (b"\x89HDF", "an HDF5 file (Keras weights), not a TensorFlow checkpoint"),
    (b"\x80\x02", "a Python pickle (PyTorch), not a TensorFlow checkpoint"),
)


def read_table(path: Path) -> Iterator[tuple[bytes, bytes]]:
    """The (key, value) pairs in their order. Raises CheckpointError that says what is wrong."""
    try:
        data = path.read_bytes()
    except OSError as error:
        raise CheckpointError(f"{path}: cannot be read ({error.strerror})") from error
    if len(data) < _FOOTER or data[-8:] != TABLE_MARK:
        raise CheckpointError(f"{path}: {_stranger(data)}")
    try:
        for _, handle in _index(data):
            for key, value in _entries(_block(data, handle)):
                yield key, bytes(value)
    except Damaged as error:
        raise CheckpointError(
            f"{path}: damaged ({error}); copy or download the checkpoint again"
        ) from error


class Table:
    """A table of values too large to be read at once: finds single keys. Raises Damaged."""

    def __init__(self, path: Path) -> None:
        if path.stat().st_size < _FOOTER:
            raise Damaged("too short for a table")
        self._data = np.memmap(path, np.uint8, "r").data
        if self._data[-8:] != TABLE_MARK:
            raise Damaged("its last 8 bytes are not the table mark")
        self._blocks = _index(self._data)
        self._last: tuple[Buffer, list[tuple[bytes, Buffer]]] = (b"", [])

    def get(self, key: bytes) -> Buffer | None:
        """The value of a key, not copied; None where there is none."""
        at = bisect.bisect_left(self._blocks, key, key=lambda entry: entry[0])
        if at == len(self._blocks):
            return None
        handle = self._blocks[at][1]
        if handle != self._last[0]:  # small values share a block: it is checked once
            self._last = (handle, _entries(_block(self._data, handle)))
        return next((value for found, value in self._last[1] if found == key), None)


def _index(data: Buffer) -> list[tuple[bytes, Buffer]]:
    """Per data block, a key that is not before its last one, and the block's handle."""
    footer = data[-_FOOTER:]
    _, at = varint(footer, 0)  # the metaindex block, which TensorFlow leaves empty
    _, at = varint(footer, at)
    return _entries(_block(data, footer[at:]))


def _stranger(data: bytes) -> str:
    found = explain_other_format(data[:64])
    for start, what in _OTHERS:
        if data.startswith(start):
            found = f"this is {what}"
    return found or (
        "not a checkpoint index, or a truncated one (its last 8 bytes are not the table mark); "
        "copy or download the checkpoint again"
    )


def _block(data: Buffer, handle: Buffer) -> Buffer:
    """The block that a handle (varint offset, varint size) points at, checked and unpacked."""
    offset, at = varint(handle, 0)
    size, _ = varint(handle, at)
    end = offset + size
    if end + 5 > len(data):
        raise Damaged(f"a block ends at byte {end + 5} of {len(data)}")
    if masked(crc32c(data[offset : end + 1])) != int.from_bytes(data[end + 1 : end + 5], "little"):
        raise Damaged(f"bad checksum of the block at byte {offset}")
    if data[end] == _NO_COMPRESSION:
        return data[offset:end]
    if data[end] == _SNAPPY:
        return unsnappy(data[offset:end])
    raise Damaged(f"unknown compression {data[end]} at byte {end}")


def _entries(block: Buffer) -> list[tuple[bytes, Buffer]]:
    """Key and value of each entry; a key stores only what differs from the key before it."""
    if len(block) < 4:
        raise Damaged("a block is too short")
    end = len(block) - 4 - 4 * int.from_bytes(block[-4:], "little")  # restart points end a block
    if end < 0:
        raise Damaged("a block has more restart points than bytes")
    entries: list[tuple[bytes, Buffer]] = []
    key, at = b"", 0
    while at < end:
        shared, at = varint(block, at)
        own, at = varint(block, at)
        size, at = varint(block, at)
        if shared > len(key) or at + own + size > end:
            raise Damaged("an entry reaches out of its block")
        key = key[:shared] + bytes(block[at : at + own])
        at += own + size
        entries.append((key, block[at - size : at]))
    return entries


def unsnappy(data: Buffer) -> bytes:
    """Unpacks raw Snappy (google/snappy, format_description.txt). Raises Damaged."""
    size, at = varint(data, 0)
    out = bytearray()
    while at < len(data) and len(out) <= size:
        tag = data[at]
        at += 1
        kind, length = tag & 3, (tag >> 2) + 1
        if kind == 0:  # literal bytes; lengths above 60 stand in 1 to 4 bytes of their own
            if length > 60:
                extra = length - 60
                length = int.from_bytes(data[at : at + extra], "little") + 1
                at += extra
            if at + length > len(data):
                raise Damaged("Snappy: a literal reaches out of the block")
            out += data[at : at + length]
            at += length
            continue
        if kind == 1:  # a copy of 4 to 11 bytes, up to 2047 back
            length = ((tag >> 2) & 7) + 4
            back = (tag >> 5 << 8) | int.from_bytes(data[at : at + 1], "little")
            at += 1
        else:  # a copy of 1 to 64 bytes, its distance in 2 or 4 bytes
            width = 2 * (kind - 1)
            back = int.from_bytes(data[at : at + width], "little")
            at += width
        if at > len(data) or not 0 < back <= len(out):
            raise Damaged("Snappy: a copy from before the block")
        for _ in range(length):  # byte by byte: a copy may overlap what it writes
            out.append(out[-back])
    if len(out) != size:
        raise Damaged(f"Snappy: {len(out)} bytes where {size} were promised")
    return bytes(out)
