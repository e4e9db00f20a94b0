"""safetensors: a JSON header, then the tensors' bytes in a row.

Each tensor is held against its checkpoint before the next one is read: the checkpoint's checksum
against the bytes in the file where the kernel copied them, else byte against byte.
Source: the README of huggingface/safetensors, section "Format".
"""

from __future__ import annotations

import itertools
import json
import os
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from legacy_nets.checkpoints.formats.bundle import Place
from legacy_nets.checkpoints.formats.crc32c import crc32c, masked
from legacy_nets.checkpoints.formats.safetensors import DTYPES, read_safetensors
from legacy_nets.errors import CheckpointError
from legacy_nets.port.report import Comparison
from legacy_nets.port.weights import Tensor, bytes_of, check, flat_bytes

_CODES = {dtype: code for code, dtype in DTYPES.items()}
_PIECE = 1 << 22  # bytes read back at a time


def write(
    path: Path, tensors: Sequence[Tensor], metadata: Mapping[str, Any]
) -> Iterator[Comparison]:
    """Writes the file; each comparison comes after its tensor was read back.

    Raises CheckpointError for a dtype that the format has no name for.
    """
    header = _header(tensors, metadata)
    start = 8 + len(header)
    offsets = list(itertools.accumulate(map(bytes_of, tensors), initial=start))
    with open(path, "w+b") as file, ThreadPoolExecutor(1) as pool:  # copies ahead of the checks
        file.write(len(header).to_bytes(8, "little") + header)
        file.flush()
        ahead = [
            pool.submit(_copied, file.fileno(), at, tensor.place)
            for at, tensor in zip(offsets, tensors, strict=False)
        ]
        try:
            for at, tensor, copy in zip(offsets, tensors, ahead, strict=False):
                if copy.result() and _holds(file, at, tensor.place):
                    continue
                if not _written(file, at, flat_bytes(tensor.load())):
                    raise CheckpointError(f"{path}: {tensor.name} reads back as something else")
        finally:
            pool.shutdown(cancel_futures=True)
    yield from check(read_safetensors(path), tensors, values=False)


def _header(tensors: Sequence[Tensor], metadata: Mapping[str, Any]) -> bytes:
    text = {
        name: value if isinstance(value, str) else json.dumps(value)
        for name, value in metadata.items()
    }
    header: dict[str, Any] = {"__metadata__": text}
    at = 0
    for tensor in tensors:
        if tensor.dtype not in _CODES:
            raise CheckpointError(f"{tensor.name}: safetensors has no type {tensor.dtype}")
        size = bytes_of(tensor)
        header[tensor.name] = {
            "dtype": _CODES[tensor.dtype],
            "shape": list(tensor.shape),
            "data_offsets": [at, at + size],
        }
        at += size
    packed = json.dumps(header).encode()
    return packed + b" " * (-len(packed) % 8)  # tensors begin at a multiple of 8


def _copied(file: int, at: int, place: Place | None) -> bool:
    """Has the kernel copy bytes of a checkpoint to their place; whether it could."""
    if place is None or not hasattr(os, "copy_file_range"):  # Linux
        return False
    done = 0
    try:
        with open(place.path, "rb") as source:
            while done < place.size:
                rest = place.size - done
                count = os.copy_file_range(
                    source.fileno(), file, rest, place.offset + done, at + done
                )
                if not count:
                    return False
                done += count
    except OSError:  # of file systems that cannot; any other will come back when it is read
        return False
    return True


def _holds(file: BinaryIO, at: int, place: Place | None) -> bool:
    """Whether the bytes there are those that a checkpoint's checksum is of."""
    if place is None or not place.size:
        return False
    crc = 0
    file.seek(at)
    for piece in _pieces(file, place.size):
        crc = crc32c(piece, crc)
    return masked(crc) == place.crc


def _written(file: BinaryIO, start: int, data: np.ndarray) -> bool:
    """Writes bytes and reads them back: whether they are the same."""
    file.seek(start)
    file.write(data.data)
    file.flush()
    file.seek(start)
    done = 0
    for piece in _pieces(file, data.size):
        if not np.array_equal(piece, data[done : done + piece.size]):
            return False
        done += piece.size
    return done == data.size


def _pieces(file: BinaryIO, size: int) -> Iterator[np.ndarray]:
    """uint8: the next so many bytes, or those that there are, in pieces."""
    memory = np.empty(min(_PIECE, size), np.uint8)
    while size:
        count = file.readinto(memory[:size].data)  # type: ignore[attr-defined]
        if not count:
            return
        yield memory[:count]
        size -= count
