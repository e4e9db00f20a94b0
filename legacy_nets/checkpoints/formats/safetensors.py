"""Reads safetensors: 8 bytes of header size, a JSON header, then the tensors' bytes in a row.

Source: the README of huggingface/safetensors, section "Format". The format has no checksums.
"""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import numpy as np

from legacy_nets.checkpoints.formats.tensor_info import numpy_dtype
from legacy_nets.checkpoints.formats.wire import Damaged
from legacy_nets.checkpoints.source import TensorSpec, WeightFile
from legacy_nets.errors import CheckpointError

DTYPES = {
    **{"F64": "float64", "F32": "float32", "F16": "float16", "BF16": "bfloat16"},
    **{"I64": "int64", "I32": "int32", "I16": "int16", "I8": "int8", "BOOL": "bool"},
    **{"U64": "uint64", "U32": "uint32", "U16": "uint16", "U8": "uint8", "C64": "complex64"},
    **{"F8_E4M3": "float8_e4m3fn", "F8_E5M2": "float8_e5m2"},
}
_LARGEST_HEADER = 100_000_000  # the library's own limit


def read_safetensors(path: Path) -> WeightFile:
    """Opens a safetensors file. Its tensors must fill the file, without gap or overlap.

    Raises Damaged. Reading a tensor of a type that numpy has not (F8_E8M0) is a CheckpointError.
    """
    size = path.stat().st_size
    with open(path, "rb") as file:
        length = int.from_bytes(file.read(8), "little")
        if length > min(_LARGEST_HEADER, size - 8):
            raise Damaged(f"a header of {length} bytes in a file of {size}")
        header = _header(file.read(length))
    stated = header.pop("__metadata__", None)
    metadata = {
        name: _value(text) for name, text in (stated if isinstance(stated, dict) else {}).items()
    }
    start, at = 8 + length, 0
    tensors: dict[str, TensorSpec] = {}
    places: dict[str, tuple[int, int]] = {}
    for name, entry in header.items():
        tensors[name], places[name] = _entry(name, entry)
    for name, (begin, end) in sorted(places.items(), key=lambda item: item[1]):
        if begin != at:
            raise Damaged(f"{name} begins at byte {begin} where {at} is next")
        at = end
    if start + at != size:
        raise Damaged(f"{size - start} bytes of tensors, {at} in the header")

    def load(name: str) -> np.ndarray:
        stored, (begin, end) = tensors[name], places[name]
        dtype = numpy_dtype(stored.dtype)
        if dtype is None:
            raise CheckpointError(f"{path}: {name} is of type {stored.dtype}, which is not read")
        if begin == end:
            return np.empty(stored.shape, dtype)
        data = np.memmap(path, np.uint8, "r", start + begin, (end - begin,))
        return data.view(dtype).reshape(stored.shape)

    return WeightFile(str(path), tensors, load, metadata=metadata)


def _header(text: bytes) -> dict[str, Any]:
    try:
        header = json.loads(text)
    except ValueError as error:
        raise Damaged(f"the header is no JSON: {error}") from error
    if not isinstance(header, dict):
        raise Damaged("the header is no table")
    return header


def _value(text: Any) -> Any:
    """Of the metadata, which are texts: what one is in JSON, else the text itself."""
    try:
        return json.loads(text)
    except (ValueError, TypeError, RecursionError):
        return text


def _entry(name: str, entry: Any) -> tuple[TensorSpec, tuple[int, int]]:
    """One tensor and its place, its numbers held against each other."""
    if not isinstance(entry, dict):
        raise Damaged(f"{name} is no table")
    dtype, shape, place = (entry.get(key) for key in ("dtype", "shape", "data_offsets"))
    if not isinstance(dtype, str) or not isinstance(shape, list) or not isinstance(place, list):
        raise Damaged(f"{name} lacks dtype, shape or data_offsets")
    if not all(type(number) is int and 0 <= number < 1 << 62 for number in (*shape, *place)):
        raise Damaged(f"{name} has sizes {shape} at {place}")
    if len(place) != 2 or place[0] > place[1]:
        raise Damaged(f"{name} lies at {place}")
    stored = TensorSpec(tuple(shape), DTYPES.get(dtype, dtype))
    known = numpy_dtype(stored.dtype)
    if known is not None and math.prod(shape) * known.itemsize != place[1] - place[0]:
        raise Damaged(f"{name} {stored.dtype} {shape} has {place[1] - place[0]} bytes")
    return stored, (place[0], place[1])
