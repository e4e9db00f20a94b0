"""Reads PyTorch state_dicts (.pth, .pt, .bin) without PyTorch and without executing pickles.

Since 1.6 a file is a zip archive: ``data.pkl`` describes the tensors, ``data/<key>`` holds the
bytes of a storage. Before, a file was a row of pickles, then the storages. Source: PyTorch's
torch/serialization.py and torch/_utils.py.
"""

from __future__ import annotations

import math
import mmap
import zipfile
import zlib
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import IO, NamedTuple

import numpy as np

from legacy_nets.checkpoints.formats.pickles import RefusedPickleError, build_dict, unpickle
from legacy_nets.checkpoints.formats.tensor_info import find_numpy_dtype
from legacy_nets.checkpoints.source import TensorSpec, WeightFile, read_json_member
from legacy_nets.errors import CheckpointError
from legacy_nets.types import Array, NumpyDtype, Shape
from legacy_nets.wire import FormatError

_STORAGES = {
    "torch FloatStorage": "float32",
    "torch DoubleStorage": "float64",
    "torch HalfStorage": "float16",
    "torch BFloat16Storage": "bfloat16",
    "torch LongStorage": "int64",
    "torch IntStorage": "int32",
    "torch ShortStorage": "int16",
    "torch CharStorage": "int8",
    "torch ByteStorage": "uint8",
    "torch BoolStorage": "bool",
    "torch ComplexFloatStorage": "complex64",
    "torch ComplexDoubleStorage": "complex128",
}
_MAGIC = 0x1950A86A20F9469CFC6C  # the first pickle of a file from before PyTorch 1.6
_NESTED = ("state_dict", "model_state_dict", "model_state", "model", "net")
_WRAPPERS = ("module.", "_orig_mod.")  # prefixes of DataParallel and torch.compile
_LARGEST_PICKLE = 1 << 28


class _Storage(NamedTuple):
    """A row of values that tensors are views of."""

    key: str
    dtype: str
    length: int  # in values


class _Tensor(NamedTuple):
    """A view of a storage; offset and strides count values, not bytes."""

    storage: _Storage
    offset: int
    shape: Shape
    strides: tuple[int, ...]


# Loads a storage's values, [length]; verifies their checksum if the second argument is true.
_Load = Callable[[_Storage, bool], Array]


def read_torch(path: Path) -> WeightFile:
    """Opens a state_dict, also one that is nested under "state_dict", "model", ...

    A prefix of all names that comes from a wrapper ("module.") is removed; ``notes`` say so.
    Raises CheckpointError (a pickle of anything else, no state_dict) or FormatError.
    """
    metadata: Mapping[str, object] = {}
    try:
        if zipfile.is_zipfile(path):
            root, load = _open_zip(path)
            metadata = _read_metadata(path)
        else:
            root, load = _open_legacy(path)
    except RefusedPickleError as error:
        raise CheckpointError(
            f"{path}: a PyTorch pickle that names {error}, which is not executed; load it where it "
            "was saved and write torch.save(model.state_dict(), path), or a safetensors file"
        ) from error
    views, notes = _find_state_dict(root, path)
    for wrapper in _WRAPPERS:
        if all(name.startswith(wrapper) for name in views):
            views = {name.removeprefix(wrapper): view for name, view in views.items()}
            notes += (f"removed {wrapper!r} from all names",)
    verified: set[str] = set()

    def read(name: str) -> Array:
        view = views[name]
        values = load(view.storage, view.storage.key not in verified)
        verified.add(view.storage.key)
        values = values[view.offset :] if math.prod(view.shape) else values[:0]
        strides = [stride * values.itemsize for stride in view.strides]
        return np.lib.stride_tricks.as_strided(values, view.shape, strides, writeable=False)

    specs = {name: TensorSpec(view.shape, view.storage.dtype) for name, view in views.items()}
    return WeightFile(str(path), specs, read, notes=notes, metadata=metadata)


def _read_metadata(path: Path) -> Mapping[str, object]:
    """Reads the settings that ``port`` wrote into the archive; {} if it did not."""
    with zipfile.ZipFile(path) as archive:
        for name in archive.namelist():
            if name.endswith("/extra/legacy_nets.json"):
                return read_json_member(archive, name)
    return {}


def _find_state_dict(root: object, path: Path) -> tuple[dict[str, _Tensor], tuple[str, ...]]:
    """Finds the dictionary that holds tensors: the root, or under one of the usual keys.

    Returns its tensors, and notes. Raises CheckpointError.
    """
    candidates = [("", root)]
    if isinstance(root, dict):
        candidates += [(key, root[key]) for key in _NESTED if key in root]
    for key, candidate in candidates:
        if not isinstance(candidate, dict):
            continue
        if any(isinstance(value, _Tensor) for value in candidate.values()):
            if not all(isinstance(name, str) for name in candidate):
                raise FormatError("a tensor whose name is not text")
            views = {name: view for name, view in candidate.items() if isinstance(view, _Tensor)}
            return views, (f"read from {key!r}",) if key else ()
    keys = ", ".join(str(key)[:50] for key in list(root)[:5]) if isinstance(root, dict) else ""
    contents = f" (it has {keys})" if keys else ""
    raise CheckpointError(
        f"{path}: a PyTorch file without a state_dict{contents}; write one with "
        "torch.save(model.state_dict(), path)"
    )


def _unpickle(data: bytes | mmap.mmap, storages: dict[str, _Storage]) -> object:
    """Interprets a pickle of PyTorch's, and adds the storages that it names to ``storages``."""

    def make_storage(persistent_id: object) -> _Storage:
        if not isinstance(persistent_id, tuple) or len(persistent_id) < 5:
            raise FormatError("a persistent id that names no storage")
        tag, name, key, _, count, *view = persistent_id
        if not isinstance(name, str) or not isinstance(key, (str, int)):
            raise FormatError("a storage without type or key")
        if tag != "storage" or name not in _STORAGES or any(part is not None for part in view):
            raise FormatError(f"a storage of the unknown type {name[:50]}")
        storage = _Storage(str(key), _STORAGES[name], _require_sizes([count])[0])
        if storages.setdefault(storage.key, storage) != storage:
            raise FormatError(f"two storages called {key}")
        return storage

    return unpickle(
        data,
        {
            "collections OrderedDict": lambda pairs=(): build_dict(pairs),
            "torch Size": lambda sizes=(): tuple(sizes),
            "torch._utils _rebuild_tensor": _rebuild_tensor,
            "torch._utils _rebuild_tensor_v2": _rebuild_tensor,
            "torch._utils _rebuild_parameter": lambda tensor, *_: tensor,
            **dict.fromkeys(_STORAGES, _refuse_storage_call),
        },
        make_storage,
    )


def _refuse_storage_call(*_: object) -> None:
    raise FormatError("a storage that is called")


def _rebuild_tensor(
    storage: object, offset: object, shape: object, strides: object, *_: object
) -> _Tensor:
    """Makes a view, and checks that it is inside its storage."""
    if not (
        isinstance(storage, _Storage)
        and isinstance(shape, (tuple, list))
        and isinstance(strides, (tuple, list))
        and len(shape) == len(strides)
    ):
        raise FormatError("a tensor without storage or strides")
    start, *sizes = _require_sizes([offset, *shape, *strides])
    sides, steps = tuple(sizes[: len(shape)]), tuple(sizes[len(shape) :])
    count = math.prod(sides)
    reach = sum((side - 1) * step for side, step in zip(sides, steps, strict=True))
    if count and (count > storage.length or start + reach >= storage.length):
        raise FormatError(f"a tensor {list(sides)} of a storage of {storage.length} values")
    return _Tensor(storage, start, sides, steps)


def _require_sizes(values: Sequence[object]) -> list[int]:
    """Returns the values as sizes. Raises FormatError if one is no integer from 0 on."""
    sizes = [value for value in values if type(value) is int and 0 <= value < 1 << 60]
    if len(sizes) != len(values):
        raise FormatError("sizes that are no integers from 0 on")
    return sizes


def _get_numpy_dtype(storage: _Storage) -> NumpyDtype:
    return find_numpy_dtype(storage.dtype) or np.dtype(np.uint8)  # all of _STORAGES are numbers


def _count_bytes(storage: _Storage) -> int:
    return storage.length * _get_numpy_dtype(storage).itemsize


def _open_zip(path: Path) -> tuple[object, _Load]:
    """Reads the pickled object; returns it and the function that loads a storage."""
    members: dict[str, tuple[int, zipfile.ZipInfo]] = {}
    storages: dict[str, _Storage] = {}
    with zipfile.ZipFile(path) as archive, open(path, "rb") as file:
        names = archive.namelist()
        pickle_name = next(name for name in names if name.split("/")[-1] == "data.pkl")
        folder = pickle_name.removesuffix("data.pkl")
        if f"{folder}byteorder" in names and archive.open(f"{folder}byteorder").read(9) == b"big":
            raise CheckpointError(f"{path}: written on a big-endian machine, which is not read")
        if archive.getinfo(pickle_name).file_size > _LARGEST_PICKLE:
            raise FormatError("data.pkl is too large")
        root = _unpickle(archive.read(pickle_name), storages)
        for storage in storages.values():
            member = f"{folder}data/{storage.key}"
            if member not in names:
                raise FormatError(f"{member} is missing")
            info = archive.getinfo(member)
            if info.compress_type != zipfile.ZIP_STORED:
                raise CheckpointError(
                    f"{path}: a compressed archive: unpack it and store it without compression"
                )
            if info.file_size != _count_bytes(storage):
                raise FormatError(
                    f"{member} has {info.file_size} bytes and needs {_count_bytes(storage)}"
                )
            members[storage.key] = _locate_member(file, info), info

    def load(storage: _Storage, verify: bool) -> Array:
        offset, info = members[storage.key]
        data = _map_bytes(path, offset, info.file_size)
        if verify and zlib.crc32(data.data) != info.CRC:
            raise FormatError(f"bad checksum of {info.filename}")
        return data.view(_get_numpy_dtype(storage))

    return root, load


def _locate_member(file: IO[bytes], info: zipfile.ZipInfo) -> int:
    """Locates the first byte of a stored member, and checks that its last one is in the file."""
    file.seek(info.header_offset)
    header = file.read(30)
    if header[:4] != b"PK\3\4" or len(header) < 30:
        raise FormatError(f"{info.filename} is not where the archive says")
    lengths = int.from_bytes(header[26:28], "little") + int.from_bytes(header[28:30], "little")
    offset = info.header_offset + 30 + lengths
    if offset + info.file_size > file.seek(0, 2):
        raise FormatError(f"{info.filename} extends past the end of the file")
    return offset


def _map_bytes(path: Path, offset: int, size: int) -> Array:
    """Maps bytes of a file into memory: uint8 [size], read-only."""
    return np.memmap(path, np.uint8, "r", offset, (size,)) if size else np.empty(0, np.uint8)


def _open_legacy(path: Path) -> tuple[object, _Load]:
    """Reads a file from before PyTorch 1.6, which has no checksums; returns as ``_open_zip``."""
    offsets: dict[str, int] = {}
    storages: dict[str, _Storage] = {}
    with open(path, "rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
        if _unpickle(data, {}) != _MAGIC:
            raise CheckpointError(f"{path}: a Python pickle that PyTorch did not write; not read")
        _unpickle(data, {})  # the version of the format
        _unpickle(data, {})  # the machine's endianness and sizes
        root = _unpickle(data, storages)
        keys = _unpickle(data, {})
        if not isinstance(keys, list):
            raise FormatError("no list of storages")
        for key in keys:
            storage = storages.get(str(key)) if isinstance(key, (str, int)) else None
            if storage is None:
                raise FormatError("a storage without a tensor")
            count = int.from_bytes(data.read(8), "little")
            end = data.tell() + count * _get_numpy_dtype(storage).itemsize
            if count != storage.length or end > len(data):
                raise FormatError(
                    f"the storage {key} of {count} values extends past the end of the file"
                )
            offsets[storage.key] = data.tell()
            data.seek(end)
        if offsets.keys() != storages.keys():
            raise FormatError("storages are missing")

    def load(storage: _Storage, verify: bool) -> Array:
        data = _map_bytes(path, offsets[storage.key], _count_bytes(storage))
        return data.view(_get_numpy_dtype(storage))

    return root, load
