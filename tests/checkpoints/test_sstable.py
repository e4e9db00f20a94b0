"""CRC-32C against its definition, Snappy against strings packed by hand."""

from __future__ import annotations

import numpy as np
import pytest

from legacy_nets.checkpoints.formats.sstable import decompress_snappy
from legacy_nets.crc32c import compute_crc32c
from legacy_nets.wire import FormatError


def _plain_crc32c(data: bytes) -> int:
    register = 0xFFFFFFFF
    for byte in data:
        register ^= byte
        for _ in range(8):
            register = (register >> 1) ^ (0x82F63B78 if register & 1 else 0)
    return register ^ 0xFFFFFFFF


def test_crc32c():
    assert compute_crc32c(b"123456789") == 0xE3069283  # RFC 3720 appendix B.4 and below
    assert compute_crc32c(bytes(32)) == 0x8A9136AA
    assert compute_crc32c(b"\xff" * 32) == 0x62A8AB43
    data = (np.arange(140_000) * 40503 >> 7).astype(np.uint8).tobytes()
    for size in (*range(18), 63, 64, 65, 1000, 65535, 65536, 65537, 65539, 131_073):
        assert compute_crc32c(data[:size]) == _plain_crc32c(data[:size]), size
    for cut in (0, 1, 9, 26_140, 26_141, 100_001):  # in two pieces
        assert compute_crc32c(data[cut:], compute_crc32c(data[:cut])) == compute_crc32c(data), cut


@pytest.mark.parametrize(
    ("packed", "plain"),
    [
        (b"\x00", b""),
        (b"\x03\x08abc", b"abc"),
        (b"\x0a\x04ab\x11\x02", b"ababababab"),  # copy of 8 from 2 back, short form
        (b"\x07\x08abc\x0e\x03\x00", b"abcabca"),  # copy of 4, two-byte distance
        (b"\x07\x08abc\x0f\x03\x00\x00\x00", b"abcabca"),  # four-byte distance
        (b"\x3d\xf0\x3c" + b"x" * 61, b"x" * 61),  # literal with its length in a byte
        (b"\xac\x02\xf4\x2b\x01" + b"y" * 300, b"y" * 300),  # length in two bytes
    ],
)
def test_snappy(packed, plain):
    assert decompress_snappy(packed) == plain


@pytest.mark.parametrize(
    "packed",
    [b"", b"\x05\x08abc", b"\x02\x08abc", b"\x03\x20abc", b"\x0a\x04ab\x11\x03", b"\x0a\x04ab\x11"],
)
def test_damaged_snappy(packed):
    with pytest.raises(FormatError):
        decompress_snappy(packed)
