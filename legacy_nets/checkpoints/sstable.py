"""Reads an SSTable, the sorted table of keys and values that TensorFlow's ``.index`` is.

Layout, from LevelDB's doc/table_format.md: data blocks, then an index block of their places,
then a 48-byte footer. Every block is followed by its compression type (1 byte) and its masked
CRC-32C (4 bytes); both are checked before a byte of the block is believed.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from legacy_nets.checkpoints.crc32c import crc32c
from legacy_nets.checkpoints.crc32c import masked
from legacy_nets.checkpoints.wire import Damaged
from legacy_nets.checkpoints.wire import varint
from legacy_nets.errors import CheckpointError

_FOOTER = 48
_MAGIC = (0xDB4775248B80FB57).to_bytes(8, "little")
_NO_COMPRESSION = 0
_SNAPPY = 1
_STRANGERS = (  # what people have in place of a table, by its first bytes
    (b"version https://git-lfs", "a git-LFS pointer, not the file itself: run git lfs pull"),
    (b"<", "an HTML or XML page, not the file itself: download it again"),
    (b"\x1f\x8b", "a gzip archive: unpack it first"),
    (b"PK\x03\x04", "a zip archive: unpack it first"),
    (b"\x89HDF", "an HDF5 file (Keras weights), not a TensorFlow checkpoint"),
)


def read_table(path: Path) -> Iterator[tuple[bytes, bytes]]:
    """The (key, value) pairs in their order. Raises CheckpointError that says what is wrong."""
    try:
        data = path.read_bytes()
    except OSError as error:
        raise CheckpointError(f"{path}: cannot be read ({error.strerror})") from error
    if len(data) < _FOOTER or data[-8:] != _MAGIC:
        raise CheckpointError(f"{path}: {_stranger(data)}")
    try:
        footer = data[-_FOOTER:]
        _, at = varint(footer, 0)  # the metaindex block, which TensorFlow leaves empty
        _, at = varint(footer, at)
        for _, handle in _entries(_block(data, footer[at:])):
            yield from _entries(_block(data, handle))
    except Damaged as error:
        raise CheckpointError(
            f"{path}: damaged ({error}); copy or download the checkpoint again"
        ) from error


def _stranger(data: bytes) -> str:
    if not data:
        return "the file is empty; copy or download the checkpoint again"
    for start, what in _STRANGERS:
        if data.lstrip()[: len(start)] == start:
            return f"this is {what}"
    return (
        "not a checkpoint index, or a truncated one (its last 8 bytes are not the table mark); "
        "copy or download the checkpoint again"
    )


def _block(data: bytes, handle: bytes) -> bytes:
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


def _entries(block: bytes) -> list[tuple[bytes, bytes]]:
    """Key and value of each entry; a key stores only what differs from the key before it."""
    if len(block) < 4:
        raise Damaged("a block is too short")
    end = len(block) - 4 - 4 * int.from_bytes(block[-4:], "little")  # restart points end a block
    if end < 0:
        raise Damaged("a block has more restart points than bytes")
    entries = []
    key, at = b"", 0
    while at < end:
        shared, at = varint(block, at)
        own, at = varint(block, at)
        size, at = varint(block, at)
        if shared > len(key) or at + own + size > end:
            raise Damaged("an entry reaches out of its block")
        key = key[:shared] + block[at : at + own]
        at += own + size
        entries.append((key, block[at - size : at]))
    return entries


def unsnappy(data: bytes) -> bytes:
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
