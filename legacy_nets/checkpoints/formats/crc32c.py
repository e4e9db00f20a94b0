"""CRC-32C (Castagnoli), the checksum of TensorFlow's files, by Google's own library."""

from __future__ import annotations

from typing import Any

import google_crc32c
import numpy as np

_ONES = 0xFFFFFFFF


def crc32c(data: Any, before: int = 0) -> int:
    """The CRC-32C of bytes or of a uint8 array; of ``b"123456789"`` it is 0xE3069283.

    ``before`` is the CRC of what came before, for a message in pieces.
    """
    return int(google_crc32c.extend(before, np.frombuffer(data, np.uint8)))


def masked(crc: int) -> int:
    """A CRC as TensorFlow stores it: rotated and moved, so that a CRC of CRCs stays useful."""
    return (((crc >> 15) | (crc << 17)) + 0xA282EAD8) & _ONES
