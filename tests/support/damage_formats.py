"""Protocol buffers and tables of checkpoints, as far as those who damage them need them."""

from __future__ import annotations

import struct

from legacy_nets.checkpoints.formats.crc32c import compute_crc32c, mask_crc
from legacy_nets.checkpoints.formats.sstable import TABLE_MAGIC


def fields_of(data: bytes) -> list[tuple[int, int, int | bytes]]:
    """(number, wire type, value) of a protocol buffer's fields; [] for anything else."""
    fields, at = [], 0
    while at < len(data):
        tag, at = read_varint(data, at)
        kind = tag & 7
        if kind == 0:
            value, at = read_varint(data, at)
        elif kind in (1, 2, 5):
            size, at = read_varint(data, at) if kind == 2 else ({1: 8, 5: 4}[kind], at)
            value, at = data[at : at + size], at + size
        if kind not in (0, 1, 2, 5) or not tag >> 3 or not 0 < at <= len(data):
            return []
        fields.append((tag >> 3, kind, value))
    return fields


def field_bytes(field: tuple[int, int, int | bytes]) -> bytes:
    number, kind, value = field
    if isinstance(value, int):
        return varint(number << 3) + varint(value)
    return varint(number << 3 | kind) + (varint(len(value)) if kind == 2 else b"") + value


def read_varint(data: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while 0 <= at < len(data) and shift < 64:
        value |= (data[at] & 127) << shift
        shift, at = shift + 7, at + 1
        if data[at - 1] < 128:
            return value, at
    return 0, -1


def varint(value: int) -> bytes:
    out = b""
    while value > 127:
        out += bytes([value & 127 | 128])
        value >>= 7
    return out + bytes([value])


def checksum(block: bytes) -> bytes:
    return struct.pack("<I", mask_crc(compute_crc32c(block)))


def blocks_of(data: bytes) -> list[tuple[int, int]]:
    """(start, size) of a table's unpacked blocks: its index block and those that it names."""
    _, at = read_varint(data, len(data) - 48)
    _, at = read_varint(data, at)
    start, at = read_varint(data, at)
    size, _ = read_varint(data, at)
    found, at, end = [(start, size)], start, start + size - 8
    while at < end:
        _, at = read_varint(data, at)
        own, at = read_varint(data, at)
        length, at = read_varint(data, at)
        place, after = read_varint(data, at + own)
        found.append((place, read_varint(data, after)[0]))
        at += own + length
    return found


def table_of(pairs: list[tuple[bytes, bytes]]) -> bytes:
    """A table of one data block."""
    out = b""
    handles = []
    for entries in ([], pairs, None):
        entries = [(pairs[-1][0], handles[-1])] if entries is None else entries
        block = b"".join(
            b"\0" + varint(len(key)) + varint(len(value)) + key + value for key, value in entries
        )
        block += struct.pack("<II", 0, 1)
        handles.append(varint(len(out)) + varint(len(block)))
        out += block + b"\0" + checksum(block + b"\0")
    return out + (handles[0] + handles[2]).ljust(40, b"\0") + TABLE_MAGIC
