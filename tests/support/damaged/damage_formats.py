"""Parses and writes protocol buffers and tables of checkpoints, for ``damage.py``."""

from __future__ import annotations

import struct

from legacy_nets.checkpoints.formats.sstable import TABLE_MAGIC
from legacy_nets.crc32c import compute_crc32c, mask_crc


def parse_fields(data: bytes) -> list[tuple[int, int, int | bytes]]:
    """Parses a protocol buffer into (number, wire type, value); [] for anything else."""
    fields, at = [], 0
    while at < len(data):
        tag, at = read_varint(data, at)
        wire_type = tag & 7
        if wire_type == 0:
            value, at = read_varint(data, at)
        elif wire_type in (1, 2, 5):
            size, at = read_varint(data, at) if wire_type == 2 else ({1: 8, 5: 4}[wire_type], at)
            value, at = data[at : at + size], at + size
        if wire_type not in (0, 1, 2, 5) or not tag >> 3 or not 0 < at <= len(data):
            return []
        fields.append((tag >> 3, wire_type, value))
    return fields


def encode_field(field: tuple[int, int, int | bytes]) -> bytes:
    number, wire_type, value = field
    if isinstance(value, int):
        return encode_varint(number << 3) + encode_varint(value)
    return (
        encode_varint(number << 3 | wire_type)
        + (encode_varint(len(value)) if wire_type == 2 else b"")
        + value
    )


def read_varint(data: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while 0 <= at < len(data) and shift < 64:
        value |= (data[at] & 127) << shift
        shift, at = shift + 7, at + 1
        if data[at - 1] < 128:
            return value, at
    return 0, -1


def encode_varint(value: int) -> bytes:
    out = b""
    while value > 127:
        out += bytes([value & 127 | 128])
        value >>= 7
    return out + bytes([value])


def make_checksum(block: bytes) -> bytes:
    return struct.pack("<I", mask_crc(compute_crc32c(block)))


def list_blocks(data: bytes) -> list[tuple[int, int]]:
    """Lists (start, size) of a table's blocks: its index block and those that it names."""
    _, at = read_varint(data, len(data) - 48)
    _, at = read_varint(data, at)
    start, at = read_varint(data, at)
    size, _ = read_varint(data, at)
    blocks, at, end = [(start, size)], start, start + size - 8
    while at < end:
        _, at = read_varint(data, at)
        own, at = read_varint(data, at)
        length, at = read_varint(data, at)
        block_start, after = read_varint(data, at + own)
        blocks.append((block_start, read_varint(data, after)[0]))
        at += own + length
    return blocks


def build_table(pairs: list[tuple[bytes, bytes]]) -> bytes:
    """Builds a table of one data block."""
    out = b""
    handles = []
    for entries in ([], pairs, None):
        entries = [(pairs[-1][0], handles[-1])] if entries is None else entries
        block = b"".join(
            b"\0" + encode_varint(len(key)) + encode_varint(len(value)) + key + value
            for key, value in entries
        )
        block += struct.pack("<II", 0, 1)
        handles.append(encode_varint(len(out)) + encode_varint(len(block)))
        out += block + b"\0" + make_checksum(block + b"\0")
    return out + (handles[0] + handles[2]).ljust(40, b"\0") + TABLE_MAGIC
