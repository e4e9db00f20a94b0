"""Reads an SSTable: the sorted table of keys and values that TensorFlow's ``.index`` is.

Layout, from LevelDB's doc/table_format.md: data blocks, then an index block with their places,
then a 48-byte footer. After every block come its compression type (1 byte) and its masked
CRC-32C (4 bytes). The checksum is verified before anything in the block is used.
"""

from __future__ import annotations

import bisect
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from legacy_nets.crc32c import compute_crc32c, mask_crc
from legacy_nets.errors import CheckpointError
from legacy_nets.files import explain_other_format
from legacy_nets.wire import Buffer, FormatError, read_varint

_FOOTER = 48
TABLE_MAGIC = (0xDB4775248B80FB57).to_bytes(8, "little")  # the last 8 bytes of a table
_NO_COMPRESSION = 0
_SNAPPY = 1
_OTHER_WEIGHT_FILES = (
    (b"PK\x03\x04", "a zip archive (PyTorch, .npz, .keras), not a TensorFlow checkpoint"),
    (b"\x89HDF", "an HDF5 file (Keras weights), not a TensorFlow checkpoint"),
    (b"\x80\x02", "a Python pickle (PyTorch), not a TensorFlow checkpoint"),
)


def read_table(path: Path) -> Iterator[tuple[bytes, bytes]]:
    """Yields the (key, value) pairs in their order. Raises CheckpointError."""
    try:
        data = path.read_bytes()
    except OSError as error:
        raise CheckpointError(f"{path}: cannot be read ({error.strerror})") from error
    if len(data) < _FOOTER or data[-8:] != TABLE_MAGIC:
        raise CheckpointError(f"{path}: {_explain_no_table(data)}")
    try:
        for _, handle in _read_index(data):
            for key, value in _parse_entries(_read_block(data, handle)):
                yield key, bytes(value)
    except FormatError as error:
        raise CheckpointError(
            f"{path}: damaged ({error}); copy or download the checkpoint again"
        ) from error


class Table:
    """Finds single keys in a table that is too large to be read at once. Raises FormatError."""

    def __init__(self, path: Path) -> None:
        if path.stat().st_size < _FOOTER:
            raise FormatError("too short for a table")
        self._data = np.memmap(path, np.uint8, "r").data
        if self._data[-8:] != TABLE_MAGIC:
            raise FormatError("its last 8 bytes are not a table's magic number")
        self._blocks = _read_index(self._data)
        self._last: tuple[Buffer, list[tuple[bytes, Buffer]]] = (b"", [])

    def get(self, key: bytes) -> Buffer | None:
        """Gets the value of a key without copying it; None if there is no such key."""
        at = bisect.bisect_left(self._blocks, key, key=lambda entry: entry[0])
        if at == len(self._blocks):
            return None
        handle = self._blocks[at][1]
        if handle != self._last[0]:  # small values share a block: verify it once
            self._last = (handle, _parse_entries(_read_block(self._data, handle)))
        return next((value for stored_key, value in self._last[1] if stored_key == key), None)


def _read_index(data: Buffer) -> list[tuple[bytes, Buffer]]:
    """Reads per data block a key that is not before its last one, and the block's handle."""
    footer = data[-_FOOTER:]
    _, at = read_varint(footer, 0)  # the metaindex block, which TensorFlow leaves empty
    _, at = read_varint(footer, at)
    return _parse_entries(_read_block(data, footer[at:]))


def _explain_no_table(data: bytes) -> str:
    """Explains what a file without a table's magic number is."""
    explanation = explain_other_format(data[:64])
    for start, description in _OTHER_WEIGHT_FILES:
        if data.startswith(start):
            explanation = f"this is {description}"
    return explanation or (
        "not a checkpoint index, or a truncated one (its last 8 bytes are not a table's magic "
        "number); copy or download the checkpoint again"
    )


def _read_block(data: Buffer, handle: Buffer) -> Buffer:
    """Verifies and decompresses the block at a handle (offset and size, each a varint)."""
    offset, at = read_varint(handle, 0)
    size, _ = read_varint(handle, at)
    end = offset + size
    if end + 5 > len(data):
        raise FormatError(f"a block ends at byte {end + 5} of {len(data)}")
    crc = int.from_bytes(data[end + 1 : end + 5], "little")
    if mask_crc(compute_crc32c(data[offset : end + 1])) != crc:
        raise FormatError(f"bad checksum of the block at byte {offset}")
    if data[end] == _NO_COMPRESSION:
        return data[offset:end]
    if data[end] == _SNAPPY:
        return decompress_snappy(data[offset:end])
    raise FormatError(f"unknown compression {data[end]} at byte {end}")


def _parse_entries(block: Buffer) -> list[tuple[bytes, Buffer]]:
    """Parses keys and values. A key stores only what differs from the key before it."""
    if len(block) < 4:
        raise FormatError("a block is too short")
    end = len(block) - 4 - 4 * int.from_bytes(block[-4:], "little")  # restart points end a block
    if end < 0:
        raise FormatError("a block has more restart points than bytes")
    entries: list[tuple[bytes, Buffer]] = []
    key, at = b"", 0
    while at < end:
        shared, at = read_varint(block, at)
        unshared, at = read_varint(block, at)
        size, at = read_varint(block, at)
        if shared > len(key) or at + unshared + size > end:
            raise FormatError("an entry extends past the end of its block")
        key = key[:shared] + bytes(block[at : at + unshared])
        at += unshared + size
        entries.append((key, block[at - size : at]))
    return entries


def decompress_snappy(data: Buffer) -> bytes:
    """Decompresses raw Snappy (google/snappy, format_description.txt). Raises FormatError."""
    size, at = read_varint(data, 0)
    out = bytearray()
    while at < len(data) and len(out) <= size:
        tag = data[at]
        at += 1
        element, length = tag & 3, (tag >> 2) + 1
        if element == 0:  # literal bytes; a length above 60 has 1 to 4 bytes of its own
            if length > 60:
                extra = length - 60
                length = int.from_bytes(data[at : at + extra], "little") + 1
                at += extra
            if at + length > len(data):
                raise FormatError("Snappy: a literal extends past the end of the block")
            out += data[at : at + length]
            at += length
            continue
        if element == 1:  # a copy of 4 to 11 bytes, up to 2047 back
            length = ((tag >> 2) & 7) + 4
            distance = (tag >> 5 << 8) | int.from_bytes(data[at : at + 1], "little")
            at += 1
        else:  # a copy of 1 to 64 bytes, its distance in 2 or 4 bytes
            width = 2 * (element - 1)
            distance = int.from_bytes(data[at : at + width], "little")
            at += width
        if at > len(data) or not 0 < distance <= len(out):
            raise FormatError("Snappy: a copy from before the block")
        for _ in range(length):  # byte by byte: a copy may overlap what it writes
            out.append(out[-distance])
    if len(out) != size:
        raise FormatError(f"Snappy: {len(out)} bytes instead of {size}")
    return bytes(out)
