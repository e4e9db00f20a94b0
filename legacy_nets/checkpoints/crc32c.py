"""CRC-32C (Castagnoli), the checksum of TensorFlow's files, fast enough for whole checkpoints.

A CRC is linear over GF(2): the register after two halves of a message is the first half's
register, moved over as many zero bytes as the second half has, XOR the second half's. So the
32-bit words of a chunk are folded in half again and again, each fold two table look-ups for
all words at once. Source: RFC 3720 appendix B.4 (polynomial, test vectors).

Long messages are first made short by plain XORs: x^6777 + x^484 + x^100 + 1 is a multiple of the
polynomial P, and so is its 64th power, x^(64*6777) + x^(64*484) + ... (over GF(2) squaring doubles
the exponents). So a 64-bit word may be left out if it is XORed into those 6293, 6677 and 6777
words behind it; and by the 8th power a byte, into such bytes. Idea: arXiv:2412.16398.
"""

from __future__ import annotations

import functools
from typing import Any

import numpy as np

_POLYNOMIAL = 0x82F63B78  # bit-reversed, as the register is
_CHUNK = 1 << 16  # bytes folded at a time: stays in the processor's cache
_ONES = 0xFFFFFFFF
_REACH = (6777 - 484, 6777 - 100, 6777)  # words behind a word that take it over
_AT_ONCE = 8 * _REACH[0]  # words that are left out at a time: stay in the processor's cache


@functools.cache
def _byte_table() -> np.ndarray:
    """uint32 [256]: the register after one byte."""
    table: np.ndarray = np.arange(256, dtype=np.uint32)
    for _ in range(8):
        table = (table >> 1) ^ (table & 1) * np.uint32(_POLYNOMIAL)
    return table


@functools.cache
def _shift_tables() -> list[tuple[np.ndarray, np.ndarray]]:
    """Per level k, uint32 [65536] twice: low and high half of a word moved over 2**k words."""
    image = np.uint32(1) << np.arange(32, dtype=np.uint32)  # what each bit of a word becomes
    for _ in range(4):
        image = _byte_table()[image & 255] ^ (image >> 8)
    tables = []
    for _ in range((_CHUNK // 4).bit_length()):
        low, high = _span(image[:16]), _span(image[16:])
        tables.append((low, high))
        image = low[image & 0xFFFF] ^ high[image >> 16]  # twice as far
    return tables


def _span(images: np.ndarray) -> np.ndarray:
    """uint32 [2**n]: entry i is the XOR of the images at the set bits of i."""
    table = np.zeros(1, np.uint32)
    for image in images:
        table = np.concatenate([table, table ^ image])
    return table


def crc32c(data: Any, before: int = 0) -> int:
    """The CRC-32C of bytes or of a uint8 array; of ``b"123456789"`` it is 0xE3069283.

    ``before`` is the CRC of what came before, for a message in pieces.
    """
    message = np.frombuffer(data, np.uint8)
    register = before ^ _ONES
    for word in (np.dtype("<u8"), np.dtype("u1")):
        if message.size > 2 * word.itemsize * (_REACH[0] + _REACH[-1]):
            register, message = 0, _shortened(register, message, word)
    for start in range(0, message.size, _CHUNK):
        register = _extend(register, message[start : start + _CHUNK])
    return register ^ _ONES


def _shortened(register: int, message: np.ndarray, word: np.dtype) -> np.ndarray:
    """uint8 of the same CRC, with register 0, as a long message after a register.

    Of 8-byte words about 100 kB are left, of bytes about 13 kB.
    """
    step, _, reach = _REACH
    width = word.itemsize
    blocks = (message.size // width - reach) // step
    rest = message[width * blocks * step :].copy()
    window = np.zeros(_AT_ONCE + reach, word)
    window[: 8 // width].view("<u8")[0] = register
    for first in range(0, blocks, _AT_ONCE // step):
        size = min(_AT_ONCE, (blocks - first) * step)
        window[:size] ^= message[width * first * step : width * (first * step + size)].view(word)
        for at in range(0, size, step):
            block = window[at : at + step]
            for distance in _REACH:
                window[at + distance : at + distance + step] ^= block
        window[:reach] = window[size : size + reach].copy()
        window[reach:] = 0
    rest[: width * reach].view(word)[:] ^= window[:reach]
    return rest


def masked(crc: int) -> int:
    """A CRC as TensorFlow stores it: rotated and moved, so that a CRC of CRCs stays useful."""
    return (((crc >> 15) | (crc << 17)) + 0xA282EAD8) & _ONES


def _extend(register: int, chunk: np.ndarray) -> int:
    if chunk.size < 4:
        for byte in chunk.tolist():
            register = int(_byte_table()[(register ^ byte) & 255]) ^ (register >> 8)
        return register
    words = 1 << ((chunk.size - 1) // 4).bit_length()  # zeros in front change nothing
    padded = np.zeros(4 * words, np.uint8)
    padded[-chunk.size :] = chunk
    first = padded[padded.size - chunk.size :][:4]
    first ^= np.array([register], "<u4").view(np.uint8)
    folded = padded.view("<u4")
    tables = _shift_tables()
    while folded.size > 1:
        half = folded.size // 2
        low, high = tables[half.bit_length() - 1]
        pairs = folded[:half].view("<u2")
        folded = low[pairs[0::2]] ^ high[pairs[1::2]] ^ folded[half:]
    low, high = tables[0]
    return int(low[folded[0] & 0xFFFF] ^ high[folded[0] >> 16])
