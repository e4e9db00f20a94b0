"""safetensors: a JSON header, then the bytes of the tensors one after the other.

Each tensor is compared with its checkpoint before the next one is read. Where the kernel copied
the bytes, the checkpoint's checksum is compared with that of the written bytes; elsewhere the
bytes themselves are compared.
Source: the README of huggingface/safetensors, section "Format".
"""

from __future__ import annotations

import itertools
import json
import os
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import BinaryIO

import numpy as np

from legacy_nets.checkpoints.formats.bundle import ByteRange
from legacy_nets.checkpoints.formats.safetensors import DTYPES, read_safetensors
from legacy_nets.crc32c import compute_crc32c, mask_crc
from legacy_nets.errors import CheckpointError
from legacy_nets.port.report import Comparison
from legacy_nets.port.weights import Weight, compare_file, count_bytes, view_bytes
from legacy_nets.types import Array

_CODES = {dtype: code for code, dtype in DTYPES.items()}
_CHUNK = 1 << 22  # bytes read back at a time


def write(
    path: Path, weights: Sequence[Weight], metadata: Mapping[str, object]
) -> Iterator[Comparison]:
    """Writes the file; each comparison comes after its tensor was read back.

    Raises CheckpointError for a dtype that the format has no name for.
    """
    header = _build_header(weights, metadata)
    offsets = list(itertools.accumulate(map(count_bytes, weights), initial=8 + len(header)))
    with open(path, "w+b") as file, ThreadPoolExecutor(1) as pool:  # copies run before the checks
        file.write(len(header).to_bytes(8, "little") + header)
        file.flush()
        copies = [
            pool.submit(_copy, file.fileno(), offset, weight.location)
            for offset, weight in zip(offsets, weights, strict=False)
        ]
        try:
            for offset, weight, copy in zip(offsets, weights, copies, strict=False):
                if copy.result() and _has_checksum(file, offset, weight.location):
                    continue
                if not _write_and_compare(file, offset, view_bytes(weight.load())):
                    raise CheckpointError(f"{path}: {weight.name} reads back as something else")
        finally:
            pool.shutdown(cancel_futures=True)
    yield from compare_file(read_safetensors(path), weights, compares_values=False)


def _build_header(weights: Sequence[Weight], metadata: Mapping[str, object]) -> bytes:
    texts = {
        name: value if isinstance(value, str) else json.dumps(value)
        for name, value in metadata.items()
    }
    header: dict[str, object] = {"__metadata__": texts}
    offset = 0
    for weight in weights:
        if weight.dtype not in _CODES:
            raise CheckpointError(f"{weight.name}: safetensors has no type {weight.dtype}")
        size = count_bytes(weight)
        header[weight.name] = {
            "dtype": _CODES[weight.dtype],
            "shape": list(weight.shape),
            "data_offsets": [offset, offset + size],
        }
        offset += size
    packed = json.dumps(header).encode()
    return packed + b" " * (-len(packed) % 8)  # tensors begin at a multiple of 8


def _copy(file: int, offset: int, location: ByteRange | None) -> bool:
    """Has the kernel copy the bytes of a checkpoint's tensor; tells whether it could."""
    if location is None or not hasattr(os, "copy_file_range"):  # Linux
        return False
    copied = 0
    try:
        with open(location.path, "rb") as source:
            while copied < location.size:
                count = os.copy_file_range(
                    source.fileno(),
                    file,
                    location.size - copied,
                    location.offset + copied,
                    offset + copied,
                )
                if not count:
                    return False
                copied += count
    except OSError:  # some file systems cannot copy; other errors come back when it is read
        return False
    return True


def _has_checksum(file: BinaryIO, offset: int, location: ByteRange | None) -> bool:
    """Tells whether the bytes at an offset have the checksum of the checkpoint's tensor."""
    if location is None or not location.size:
        return False
    crc = 0
    file.seek(offset)
    for chunk in _read_chunks(file, location.size):
        crc = compute_crc32c(chunk, crc)
    return mask_crc(crc) == location.crc


def _write_and_compare(file: BinaryIO, start: int, data: Array) -> bool:
    """Writes bytes, uint8 [size], and reads them back; tells whether they are the same."""
    file.seek(start)
    file.write(data.data)
    file.flush()
    file.seek(start)
    compared = 0
    for chunk in _read_chunks(file, data.size):
        if not np.array_equal(chunk, data[compared : compared + chunk.size]):
            return False
        compared += chunk.size
    return compared == data.size


def _read_chunks(file: BinaryIO, size: int) -> Iterator[Array]:
    """Yields the next bytes, uint8 [n], until ``size`` are read or the file ends."""
    memory = np.empty(min(_CHUNK, size), np.uint8)
    while size:
        count = file.readinto(memory[:size].data)  # type: ignore[attr-defined]
        if not count:
            return
        yield memory[:count]
        size -= count
