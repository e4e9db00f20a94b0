"""Reads NumPy's .npz and .npy; the pickles of arrays in them without executing them.

Names keep their slashes, as in the releases of Vision Transformer. Source: numpy.lib.format.
"""

from __future__ import annotations

import math
import tokenize
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import IO

import numpy as np

from legacy_nets.checkpoints.formats.numpy_pickles import PickledArrays, read_pickled_arrays
from legacy_nets.checkpoints.formats.tensor_info import find_numpy_dtype
from legacy_nets.checkpoints.source import TensorSpec, WeightFile, read_json_member
from legacy_nets.errors import CheckpointError
from legacy_nets.types import Array
from legacy_nets.wire import FormatError

METADATA = "metadata.json"  # the member that ``port`` adds
_LARGEST_PICKLE = 1 << 32  # bytes; it is unpacked in memory
# What NumPy raises for a header that it cannot read.
_BAD_HEADER = (ValueError, TypeError, SyntaxError, tokenize.TokenError)


def read_npz(path: Path) -> WeightFile:
    """Opens a .npz. Reading a member unpacks it and checks its CRC.

    Arrays of Python objects are read at once: what they hold bears the name of the member, then
    keys and positions. A pickle of anything else is listed as "object"; reading it raises
    CheckpointError.
    Raises FormatError.
    """
    specs: dict[str, TensorSpec] = {}
    objects: dict[str, Array] = {}
    refused: dict[str, CheckpointError] = {}
    notes: tuple[str, ...] = ()
    with zipfile.ZipFile(path) as archive:
        metadata = read_json_member(archive, METADATA)
        for info in archive.infolist():
            if not info.filename.endswith(".npy"):
                continue
            with archive.open(info) as member:
                name = info.filename.removesuffix(".npy")
                spec = _read_header(member, info.file_size, name)
                if spec.dtype != "object":
                    specs[name] = spec
                    continue
                if info.file_size > _LARGEST_PICKLE:
                    raise FormatError(f"{name} is a pickle of {info.file_size} bytes")
                try:
                    pickled = read_pickled_arrays(member.read(), f"{path}: {name}")
                except CheckpointError as error:  # the other members are readable all the same
                    specs[name] = spec
                    refused[name] = error
                    continue
                arrays = {f"{name}/{key}": value for key, value in pickled.arrays.items()}
                objects.update(arrays)
                specs.update(_list_specs(arrays))
                notes += _describe_left_out(pickled)

    def load(name: str) -> Array:
        if name in refused:
            raise refused[name]
        if name in objects:
            return objects[name]
        _require_numbers(str(path), name, specs[name])
        with zipfile.ZipFile(path) as archive, archive.open(f"{name}.npy") as member:
            return _read_array(member, specs[name])  # zipfile checks the CRC at the last byte

    return WeightFile(str(path), specs, load, notes=notes, metadata=metadata)


def read_npy(path: Path) -> WeightFile:
    """Opens a .npy. Its only array has the name of the file; a dictionary's have their keys.

    Raises CheckpointError for a pickle of anything but arrays and containers, or FormatError.
    """
    name = path.stem
    with open(path, "rb") as file:
        spec = _read_header(file, path.stat().st_size, name)
        if spec.dtype == "object":
            pickled = read_pickled_arrays(file.read(), str(path))
            specs, notes = _list_specs(pickled.arrays), _describe_left_out(pickled)
            return WeightFile(str(path), specs, pickled.arrays.__getitem__, notes=notes)

    def load(_: str) -> Array:
        _require_numbers(str(path), name, spec)
        with open(path, "rb") as file:
            return _read_array(file, spec)

    return WeightFile(str(path), {name: spec}, load)


def _list_specs(arrays: Mapping[str, Array]) -> dict[str, TensorSpec]:
    return {name: TensorSpec(array.shape, array.dtype.name) for name, array in arrays.items()}


def _describe_left_out(pickled: PickledArrays) -> tuple[str, ...]:
    names = pickled.left_out
    if not names:
        return ()
    return (f"left out {len(names)} values that are no numbers, the first {names[0]}",)


def _read_header(file: IO[bytes], size: int, name: str) -> TensorSpec:
    """Reads shape and dtype of an array, and compares them with the size of its file."""
    try:
        version = np.lib.format.read_magic(file)
        read = np.lib.format.read_array_header_1_0
        if version[0] > 1:
            read = np.lib.format.read_array_header_2_0
        shape, _, dtype = read(file)
    except _BAD_HEADER as error:
        raise FormatError(f"{name}: {error}") from error
    if any(number < 0 for number in shape):
        raise FormatError(f"{name} has the shape {list(shape)}")
    if not dtype.hasobject and file.tell() + math.prod(shape) * dtype.itemsize != size:
        raise FormatError(f"{name} {dtype} {list(shape)} does not fill its {size} bytes")
    if dtype == np.dtype("V2"):  # how NumPy stores JAX's bfloat16
        return TensorSpec(tuple(shape), "bfloat16")
    return TensorSpec(tuple(shape), "string" if dtype.kind in "SU" else dtype.name)


def _require_numbers(path: str, name: str, spec: TensorSpec) -> None:
    """Raises CheckpointError if an array holds no numbers."""
    if find_numpy_dtype(spec.dtype) is None:
        raise CheckpointError(
            f"{path}: {name} is of type {spec.dtype}, not an array of numbers; save it as numbers"
        )


def _read_array(file: IO[bytes], spec: TensorSpec) -> Array:
    """Reads an array, [*spec.shape], in this machine's byte order."""
    try:
        array: Array = np.lib.format.read_array(file, allow_pickle=False)
    except _BAD_HEADER as error:
        raise FormatError(str(error)) from error
    bfloat16 = find_numpy_dtype("bfloat16")
    if spec.dtype == "bfloat16" and bfloat16 is not None:
        return array.view(bfloat16)
    return array.astype(array.dtype.newbyteorder("="), copy=False)
