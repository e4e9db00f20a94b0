"""Reads PyTorch state_dicts (.pth, .pt, .bin) without PyTorch and without executing pickles.

Since 1.6 a file is a zip archive: ``data.pkl`` describes the tensors, ``data/<key>`` holds the
bytes of a storage. Before, it was a row of pickles, then the storages. Source: PyTorch's
torch/serialization.py and torch/_utils.py.
"""

from __future__ import annotations

import math
import mmap
import zipfile
import zlib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from legacy_nets.checkpoints.formats.pickles import Refused, unpickle
from legacy_nets.checkpoints.formats.tensor_info import numpy_dtype
from legacy_nets.checkpoints.formats.wire import Damaged
from legacy_nets.checkpoints.source import TensorSpec, WeightFile, read_json_member
from legacy_nets.errors import CheckpointError

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
_WRAPPERS = ("module.", "_orig_mod.")  # of DataParallel, of torch.compile
_LARGEST_PICKLE = 1 << 28


class _Storage(NamedTuple):
    """A row of values that tensors are views of."""

    key: str
    dtype: str
    length: int  # in values


class _Tensor(NamedTuple):
    """A view: offset and strides count values, not bytes."""

    storage: _Storage
    offset: int
    shape: tuple[int, ...]
    strides: tuple[int, ...]


def read_torch(path: Path) -> WeightFile:
    """Opens a state_dict; one nested under "state_dict", "model", ... is taken from there.

    A prefix that all names share because the net was wrapped ("module.") is taken off; ``notes``
    say so. Raises CheckpointError (a pickle of anything else, no state_dict) or Damaged.
    """
    try:
        if zipfile.is_zipfile(path):
            root, load = _open_zip(path)
            metadata = _metadata(path)
        else:
            root, load = _open_legacy(path)
            metadata = {}
    except Refused as error:
        raise CheckpointError(
            f"{path}: a PyTorch pickle that names {error}, which is not executed; load it where it "
            "was saved and write torch.save(model.state_dict(), path), or a safetensors file"
        ) from error
    state, notes = _state_dict(root, path)
    views = {name: value for name, value in state.items() if isinstance(value, _Tensor)}
    for wrapper in _WRAPPERS:
        if all(name.startswith(wrapper) for name in views):
            views = {name.removeprefix(wrapper): view for name, view in views.items()}
            notes += (f"{wrapper!r} taken off all names",)
    checked: set[str] = set()

    def read(name: str) -> np.ndarray:
        view = views[name]
        values = load(view.storage, view.storage.key not in checked)
        checked.add(view.storage.key)
        values = values[view.offset :] if math.prod(view.shape) else values[:0]
        strides = [stride * values.itemsize for stride in view.strides]
        return np.lib.stride_tricks.as_strided(values, view.shape, strides, writeable=False)

    tensors = {name: TensorSpec(view.shape, view.storage.dtype) for name, view in views.items()}
    return WeightFile(str(path), tensors, read, notes=notes, metadata=metadata)


def _metadata(path: Path) -> dict[str, Any]:
    """What ``port`` wrote beside the tensors; {} where it did not."""
    with zipfile.ZipFile(path) as archive:
        for name in archive.namelist():
            if name.endswith("/extra/legacy_nets.json"):
                return read_json_member(archive, name)
    return {}


def _state_dict(root: Any, path: Path) -> tuple[Mapping[str, Any], tuple[str, ...]]:
    """The dictionary that has tensors in it, at the top or under one of the usual keys."""
    candidates = [("", root)]
    if isinstance(root, dict):
        candidates += [(key, root[key]) for key in _NESTED if key in root]
    for key, found in candidates:
        if isinstance(found, dict) and any(isinstance(value, _Tensor) for value in found.values()):
            if not all(isinstance(name, str) for name in found):
                raise Damaged("a tensor whose name is no text")
            return found, (f"taken from under {key!r}",) if key else ()
    there = f" (it has {', '.join(map(str, list(root)[:5]))})" if isinstance(root, dict) else ""
    raise CheckpointError(
        f"{path}: a PyTorch file without a state_dict{there}; write one with "
        "torch.save(model.state_dict(), path)"
    )


def _unpickle(data: Any, storages: dict[str, _Storage]) -> Any:
    """A pickle of PyTorch's; the storages that it names are added to ``storages``."""

    def storage(given: Any) -> _Storage:
        kind, name, key, _, count, *view = given
        if kind != "storage" or name not in _STORAGES or any(part is not None for part in view):
            raise Damaged(f"a storage of an unknown kind ({kind} {name})")
        _check_sizes(count)
        made = _Storage(str(key), _STORAGES[name], count)
        if storages.setdefault(made.key, made) != made:
            raise Damaged(f"two storages called {key}")
        return made

    calls: dict[str, Callable[..., Any]] = {
        "collections OrderedDict": lambda pairs=(): dict(pairs),
        "torch Size": lambda sizes=(): tuple(sizes),
        "torch._utils _rebuild_tensor": _rebuild,
        "torch._utils _rebuild_tensor_v2": _rebuild,
        "torch._utils _rebuild_parameter": lambda tensor, *_: tensor,
        **dict.fromkeys(_STORAGES, _storages_are_not_called),
    }
    return unpickle(data, calls, storage)


def _storages_are_not_called(*_: Any) -> None:
    raise Damaged("a storage that is called")


def _rebuild(storage: Any, offset: Any, shape: Any, strides: Any, *_: Any) -> _Tensor:
    """A view whose reach has been held against its storage."""
    if not isinstance(storage, _Storage) or len(shape) != len(strides):
        raise Damaged("a tensor without storage or strides")
    _check_sizes(offset, *shape, *strides)
    count = math.prod(shape)
    reach = sum((size - 1) * stride for size, stride in zip(shape, strides, strict=True))
    if count and (count > storage.length or offset + reach >= storage.length):
        raise Damaged(f"a tensor {list(shape)} of a storage of {storage.length} values")
    return _Tensor(storage, offset, tuple(shape), tuple(strides))


def _check_sizes(*sizes: Any) -> None:
    if not all(type(size) is int and 0 <= size < 1 << 60 for size in sizes):
        raise Damaged(f"sizes {sizes}")


def _dtype(storage: _Storage) -> np.dtype:
    return numpy_dtype(storage.dtype) or np.dtype(np.uint8)  # all of _STORAGES are numbers


def _open_zip(path: Path) -> tuple[Any, Callable[[_Storage, bool], np.ndarray]]:
    """The pickled object, and the function that maps a storage (and checks its CRC)."""
    places: dict[str, tuple[int, zipfile.ZipInfo]] = {}
    storages: dict[str, _Storage] = {}
    with zipfile.ZipFile(path) as archive, open(path, "rb") as file:
        names = archive.namelist()
        pickled = next(name for name in names if name.split("/")[-1] == "data.pkl")
        folder = pickled.removesuffix("data.pkl")
        if f"{folder}byteorder" in names and archive.open(f"{folder}byteorder").read(9) == b"big":
            raise CheckpointError(f"{path}: written on a big-endian machine, which is not read")
        if archive.getinfo(pickled).file_size > _LARGEST_PICKLE:
            raise Damaged("data.pkl is too large")
        root = _unpickle(archive.read(pickled), storages)
        for storage in storages.values():
            member = f"{folder}data/{storage.key}"
            if member not in names:
                raise Damaged(f"{member} is missing")
            info = archive.getinfo(member)
            size = storage.length * _dtype(storage).itemsize
            if info.compress_type != zipfile.ZIP_STORED:
                raise CheckpointError(f"{path}: packed anew, with compression: unpack and store it")
            if info.file_size != size:
                raise Damaged(f"{member} has {info.file_size} bytes and needs {size}")
            places[storage.key] = _place(file, info), info

    def load(storage: _Storage, check: bool) -> np.ndarray:
        place, info = places[storage.key]
        data = _mapped(path, place, info.file_size)
        if check and zlib.crc32(data.data) != info.CRC:
            raise Damaged(f"bad checksum of {info.filename}")
        return data.view(_dtype(storage))

    return root, load


def _place(file: Any, info: zipfile.ZipInfo) -> int:
    """Where a stored member's bytes begin, held against the size of the file."""
    file.seek(info.header_offset)
    header = file.read(30)
    if header[:4] != b"PK\3\4" or len(header) < 30:
        raise Damaged(f"{info.filename} is not where the archive says")
    lengths = int.from_bytes(header[26:28], "little") + int.from_bytes(header[28:30], "little")
    place = info.header_offset + 30 + lengths
    if place + info.file_size > file.seek(0, 2):
        raise Damaged(f"{info.filename} reaches out of the file")
    return place


def _mapped(path: Path, place: int, size: int) -> np.ndarray:
    """uint8 [size], read-only."""
    return np.memmap(path, np.uint8, "r", place, (size,)) if size else np.empty(0, np.uint8)


def _open_legacy(path: Path) -> tuple[Any, Callable[[_Storage, bool], np.ndarray]]:
    """As ``_open_zip``, of a file from before PyTorch 1.6 (which has no checksums)."""
    places: dict[str, int] = {}
    storages: dict[str, _Storage] = {}
    with open(path, "rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
        if _unpickle(data, {}) != _MAGIC:
            raise CheckpointError(f"{path}: a Python pickle that PyTorch did not write; not read")
        _unpickle(data, {})  # the version of the format
        _unpickle(data, {})  # the machine's endianness and sizes
        root = _unpickle(data, storages)
        keys = _unpickle(data, {})
        if not isinstance(keys, list):
            raise Damaged("no list of storages")
        for key in keys:
            storage = storages.get(str(key))
            if storage is None:
                raise Damaged(f"no tensor of the storage {key}")
            count = int.from_bytes(data.read(8), "little")
            end = data.tell() + count * _dtype(storage).itemsize
            if count != storage.length or end > len(data):
                raise Damaged(f"the storage {key} of {count} values reaches out of the file")
            places[storage.key] = data.tell()
            data.seek(end)
        if places.keys() != storages.keys():
            raise Damaged("storages are missing")

    def load(storage: _Storage, check: bool) -> np.ndarray:
        size = storage.length * _dtype(storage).itemsize
        return _mapped(path, places[storage.key], size).view(_dtype(storage))

    return root, load
