"""Reads numpy's .npz and .npy, never the pickles in them.

Names keep their slashes, as in the releases of Vision Transformer. Source: numpy.lib.format.
"""

from __future__ import annotations

import math
import tokenize
import zipfile
from pathlib import Path
from typing import Any

import numpy as np

from legacy_nets.checkpoints.formats.tensor_info import numpy_dtype
from legacy_nets.checkpoints.formats.wire import Damaged
from legacy_nets.checkpoints.source import TensorSpec, WeightFile, read_json_member
from legacy_nets.errors import CheckpointError

METADATA = "metadata.json"  # the member that ``port`` adds
# What numpy raises for a header that it cannot read.
_BAD_HEADER = (ValueError, TypeError, SyntaxError, tokenize.TokenError)


def read_npz(path: Path) -> WeightFile:
    """Opens a .npz; each member is unpacked, and its CRC checked, when it is read.

    Raises Damaged. Arrays of Python objects are listed as "object" and not read.
    """
    tensors: dict[str, TensorSpec] = {}
    with zipfile.ZipFile(path) as archive:
        metadata = read_json_member(archive, METADATA)
        for info in archive.infolist():
            if not info.filename.endswith(".npy"):
                continue
            with archive.open(info) as member:
                name = info.filename.removesuffix(".npy")
                tensors[name] = _header(member, info.file_size, name)

    def load(name: str) -> np.ndarray:
        _check_numbers(str(path), name, tensors[name])
        with zipfile.ZipFile(path) as archive, archive.open(f"{name}.npy") as member:
            return _native(_array(member), tensors[name])  # its last byte has its CRC checked

    return WeightFile(str(path), tensors, load, metadata=metadata)


def read_npy(path: Path) -> WeightFile:
    """Opens a .npy, whose only array is called as the file is. Raises Damaged."""
    name = path.stem
    with open(path, "rb") as file:
        stored = _header(file, path.stat().st_size, name)

    def load(_: str) -> np.ndarray:
        _check_numbers(str(path), name, stored)
        with open(path, "rb") as file:
            return _native(_array(file), stored)

    return WeightFile(str(path), {name: stored}, load)


def _header(file: Any, size: int, name: str) -> TensorSpec:
    """Shape and dtype of an array whose header lies in a file of ``size`` bytes."""
    try:
        version = np.lib.format.read_magic(file)
        read = np.lib.format.read_array_header_1_0
        if version[0] > 1:
            read = np.lib.format.read_array_header_2_0
        shape, _, dtype = read(file)
    except _BAD_HEADER as error:
        raise Damaged(f"{name}: {error}") from error
    if any(number < 0 for number in shape):
        raise Damaged(f"{name} has the shape {list(shape)}")
    if not dtype.hasobject and file.tell() + math.prod(shape) * dtype.itemsize != size:
        raise Damaged(f"{name} {dtype} {list(shape)} does not fill its {size} bytes")
    if dtype == np.dtype("V2"):  # what numpy makes of JAX's bfloat16
        return TensorSpec(tuple(shape), "bfloat16")
    return TensorSpec(tuple(shape), "string" if dtype.kind in "SU" else dtype.name)


def _check_numbers(path: str, name: str, stored: TensorSpec) -> None:
    if stored.dtype == "object":
        raise CheckpointError(
            f"{path}: {name} is an array of Python objects, a pickle, which is never executed; "
            "save it as plain arrays"
        )
    if numpy_dtype(stored.dtype) is None:
        raise CheckpointError(f"{path}: {name} is of type {stored.dtype}, no array of numbers")


def _array(file: Any) -> np.ndarray:
    try:
        return np.lib.format.read_array(file, allow_pickle=False)
    except _BAD_HEADER as error:
        raise Damaged(str(error)) from error


def _native(array: np.ndarray, stored: TensorSpec) -> np.ndarray:
    """The array in this machine's byte order."""
    bfloat16 = numpy_dtype("bfloat16")
    if stored.dtype == "bfloat16" and bfloat16 is not None:
        return array.view(bfloat16)
    return array.astype(array.dtype.newbyteorder("="), copy=False)
