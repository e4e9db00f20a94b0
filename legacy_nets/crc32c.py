"""CRC-32C (Castagnoli), the checksum of TensorFlow's files, by Google's own library."""

from __future__ import annotations

import google_crc32c
import numpy as np

from legacy_nets.types import Array

_ONES = 0xFFFFFFFF


def compute_crc32c(data: bytes | memoryview | Array, previous: int = 0) -> int:
    """Computes the CRC-32C of bytes or a uint8 array; for ``b"123456789"`` it is 0xE3069283.

    For a message in pieces, ``previous`` is the CRC of the pieces before this one.
    """
    return int(google_crc32c.extend(previous, np.frombuffer(data, np.uint8)))


def mask_crc(crc: int) -> int:
    """Rotates and shifts a CRC as TensorFlow stores it, so that a CRC of CRCs stays useful."""
    return (((crc >> 15) | (crc << 17)) + 0xA282EAD8) & _ONES
