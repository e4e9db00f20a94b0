"""safetensors: a JSON header, then the tensors' bytes in a row.

Each tensor is read back from the file and compared before the next one is read.
Source: the README of huggingface/safetensors, section "Format".
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from collections.abc import Mapping
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from typing import BinaryIO

import numpy as np

from legacy_nets.checkpoints.safetensors_file import DTYPES
from legacy_nets.checkpoints.safetensors_file import read_safetensors
from legacy_nets.errors import CheckpointError
from legacy_nets.port.report import Comparison
from legacy_nets.port.weights import Tensor
from legacy_nets.port.weights import bytes_of
from legacy_nets.port.weights import check
from legacy_nets.port.weights import flat_bytes

_CODES = {dtype: code for code, dtype in DTYPES.items()}
_PIECE = 1 << 20  # bytes read back at a time


def write(
    path: Path, tensors: Sequence[Tensor], metadata: Mapping[str, Any]
) -> Iterator[Comparison]:
    """Writes the file; each comparison comes after its tensor was read back.

    Raises CheckpointError for a dtype that the format has no name for.
    """
    header = _header(tensors, metadata)
    with open(path, "w+b") as file:
        file.write(len(header).to_bytes(8, "little") + header)
        for tensor in tensors:
            if not _written(file, flat_bytes(tensor.load())):
                raise CheckpointError(f"{path}: {tensor.name} reads back as something else")
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


def _written(file: BinaryIO, data: np.ndarray) -> bool:
    """Appends bytes and reads them back: whether they are the same."""
    start = file.tell()
    file.write(data.data)
    file.flush()
    file.seek(start)
    piece = np.empty(min(_PIECE, data.size), np.uint8)
    for at in range(0, data.size, _PIECE):
        want = data[at : at + _PIECE]
        got = piece[: want.size]
        if file.readinto(got.data) != want.size or not np.array_equal(want, got):  # type: ignore[attr-defined]
            return False
    return True
