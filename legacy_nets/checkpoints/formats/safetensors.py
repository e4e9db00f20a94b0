"""Reads safetensors: 8 bytes of header size, a JSON header, then the tensors' bytes in a row.

Source: the README of huggingface/safetensors, section "Format". The format has no checksums.
"""

from __future__ import annotations

import json
import math
from pathlib import Path

import numpy as np

from legacy_nets.checkpoints.formats.tensor_info import find_numpy_dtype
from legacy_nets.checkpoints.source import TensorSpec, WeightFile
from legacy_nets.errors import CheckpointError
from legacy_nets.types import Array
from legacy_nets.wire import FormatError

DTYPES = {
    **{"F64": "float64", "F32": "float32", "F16": "float16", "BF16": "bfloat16"},
    **{"I64": "int64", "I32": "int32", "I16": "int16", "I8": "int8", "BOOL": "bool"},
    **{"U64": "uint64", "U32": "uint32", "U16": "uint16", "U8": "uint8", "C64": "complex64"},
    **{"F8_E4M3": "float8_e4m3fn", "F8_E5M2": "float8_e5m2"},
}
_LARGEST_HEADER = 100_000_000  # the library's own limit


def read_safetensors(path: Path) -> WeightFile:
    """Opens a safetensors file. Its tensors must fill the file, without gap or overlap.

    Raises FormatError. Reading a tensor of a dtype that NumPy lacks (F8_E8M0) raises
    CheckpointError.
    """
    size = path.stat().st_size
    with open(path, "rb") as file:
        length = int.from_bytes(file.read(8), "little")
        if length > min(_LARGEST_HEADER, size - 8):
            raise FormatError(f"a header of {length} bytes in a file of {size}")
        header = _parse_header(file.read(length))
    texts = header.pop("__metadata__", None)
    metadata = {
        name: _parse_json(text) for name, text in (texts if isinstance(texts, dict) else {}).items()
    }
    specs: dict[str, TensorSpec] = {}
    ranges: dict[str, tuple[int, int]] = {}  # first byte, end; from the header's end
    for name, entry in header.items():
        specs[name], ranges[name] = _parse_entry(name, entry)
    start = 8 + length
    _require_full(ranges, size - start)

    def load(name: str) -> Array:
        spec, (begin, end) = specs[name], ranges[name]
        dtype = find_numpy_dtype(spec.dtype)
        if dtype is None:
            raise CheckpointError(f"{path}: {name} is of type {spec.dtype}, which is not read")
        if begin == end:
            return np.empty(spec.shape, dtype)
        data = np.memmap(path, np.uint8, "r", start + begin, (end - begin,))
        return data.view(dtype).reshape(spec.shape)

    return WeightFile(str(path), specs, load, metadata=metadata)


def _parse_header(text: bytes) -> dict[str, object]:
    try:
        header = json.loads(text)
    except ValueError as error:
        raise FormatError(f"the header is not JSON: {error}") from error
    if not isinstance(header, dict):
        raise FormatError("the header is not a JSON object")
    return header


def _parse_json(text: object) -> object:
    """Parses a text of the metadata as JSON; returns the text itself where it is none."""
    if not isinstance(text, str):
        return text
    try:
        value: object = json.loads(text)
    except (ValueError, RecursionError):
        return text
    return value


def _parse_entry(name: str, entry: object) -> tuple[TensorSpec, tuple[int, int]]:
    """Parses one tensor's shape, dtype and byte range, and compares them with each other."""
    if not isinstance(entry, dict):
        raise FormatError(f"{name} is not a JSON object")
    dtype, shape, offsets = (entry.get(key) for key in ("dtype", "shape", "data_offsets"))
    if not isinstance(dtype, str) or not isinstance(shape, list) or not isinstance(offsets, list):
        raise FormatError(f"{name} lacks dtype, shape or data_offsets")
    if not all(type(number) is int and 0 <= number < 1 << 62 for number in (*shape, *offsets)):
        raise FormatError(f"{name} has sizes {shape} at {offsets}")
    if len(offsets) != 2 or offsets[0] > offsets[1]:
        raise FormatError(f"{name} has the data_offsets {offsets}")
    spec = TensorSpec(tuple(shape), DTYPES.get(dtype, dtype))
    known = find_numpy_dtype(spec.dtype)
    if known is not None and math.prod(shape) * known.itemsize != offsets[1] - offsets[0]:
        raise FormatError(f"{name} {spec.dtype} {shape} has {offsets[1] - offsets[0]} bytes")
    return spec, (offsets[0], offsets[1])


def _require_full(ranges: dict[str, tuple[int, int]], size: int) -> None:
    """Raises FormatError unless the tensors fill their part of the file without gap or overlap."""
    position = 0
    for name, (begin, end) in sorted(ranges.items(), key=lambda item: item[1]):
        if begin != position:
            raise FormatError(f"{name} begins at byte {begin} where {position} is next")
        position = end
    if position != size:
        raise FormatError(f"{size} bytes of tensors, {position} in the header")
