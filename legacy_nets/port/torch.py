"""A state_dict for PyTorch, written without PyTorch: a .pth, or safetensors by its ending.

Names and axes are torchvision's or timm's where the net's module has a table of them
(``torch_names``); else the graph's names with dots, and the axes as the graph has them.

A .pth is a zip archive: ``data.pkl`` describes the tensors, ``data/<key>`` holds the bytes of one.
The pickle names three globals, which ``torch.load(weights_only=True)`` allows: OrderedDict, a
storage type and torch._utils._rebuild_tensor_v2. Source: PyTorch's torch/serialization.py.
"""

from __future__ import annotations

import functools
import importlib
import json
import math
import struct
import zipfile
from collections.abc import Iterator
from collections.abc import Mapping
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from legacy_nets import registry
from legacy_nets.checkpoints.safetensors_file import read_safetensors
from legacy_nets.checkpoints.torch_file import read_torch
from legacy_nets.checkpoints.translate import Entry
from legacy_nets.checkpoints.translate import Translated
from legacy_nets.errors import BadInputError
from legacy_nets.errors import CheckpointError
from legacy_nets.port import safetensors
from legacy_nets.port.report import Comparison
from legacy_nets.port.weights import Tensor
from legacy_nets.port.weights import bytes_of
from legacy_nets.port.weights import check
from legacy_nets.port.weights import flat_bytes

_STORAGES = {
    **{"float32": "FloatStorage", "float64": "DoubleStorage", "float16": "HalfStorage"},
    **{"bfloat16": "BFloat16Storage", "int64": "LongStorage", "int32": "IntStorage"},
    **{"int16": "ShortStorage", "int8": "CharStorage", "uint8": "ByteStorage"},
    **{"bool": "BoolStorage", "complex64": "ComplexFloatStorage"},
}
_ENDINGS = (".pth", ".pt", ".bin", ".safetensors")
_ROOT = "archive"
_ORDERED = b"ccollections\nOrderedDict\n)R"  # GLOBAL, EMPTY_TUPLE, REDUCE: an empty one


def write(
    path: Path, tensors: Sequence[Tensor], metadata: Mapping[str, Any]
) -> Iterator[Comparison]:
    """Writes the file, then compares what its names mean for the net with what the net had.

    Raises BadInputError for another ending; CheckpointError where the table of names and the
    checkpoint do not cover each other.
    """
    if path.suffix not in _ENDINGS:
        raise BadInputError(f"--out {path.name}: end its name in {', '.join(_ENDINGS)}")
    entries = names_for(metadata["net"], tensors)
    renamed = _renamed(tensors, entries)
    if path.suffix == ".safetensors":
        for _ in safetensors.write(path, renamed, {"format": "pt", **metadata}):
            pass
        written = read_safetensors(path)
    else:
        _write_zip(path, renamed, metadata)
        written = read_torch(path)
    yield from check(Translated(written, entries), tensors)


def names_for(net: str, tensors: Sequence[Tensor]) -> tuple[Entry, ...]:
    """The foreign name of each tensor. Raises CheckpointError where table and tensors differ."""
    record = registry.get_net(net)
    if "torch" not in record.layouts:
        return tuple(Entry(tensor.name, tensor.name.replace("/", ".")) for tensor in tensors)
    module = importlib.import_module(f"legacy_nets.nets.{record.builder.split(':')[0]}")
    entries: tuple[Entry, ...] = module.torch_names(net)
    table, there = {entry.name for entry in entries}, {tensor.name for tensor in tensors}
    if table != there:
        first = min(table ^ there)
        side = "checkpoint" if first in table else f"table of {net}'s names in PyTorch"
        raise CheckpointError(
            f"{len(table ^ there)} names do not pair, the first {first}: the {side} lacks it; "
            "port the net's whole weights, as the registry builds it"
        )
    return entries


def notes(net: str, options: Mapping[str, Any]) -> tuple[str, ...]:
    """What a user must know about the state_dict of a net that was built with these options."""
    record = registry.get_net(net)
    if "torch" not in record.layouts:
        return ("no PyTorch net is known for it: names (dots for slashes), axes are TensorFlow's",)
    found = ["names and axes are torchvision's or timm's; load it with strict=True"]
    module = importlib.import_module(f"legacy_nets.nets.{record.builder.split(':')[0]}")
    needed = dict(getattr(module, "TRAINED_WITH", {}).get("torch", {}))
    needed.pop("pixels", None)  # of the input, not of the net
    lacks = {name: value for name, value in needed.items() if options.get(name) != value}
    if lacks:
        stated = ", ".join(f"{name}={value}" for name, value in lacks.items())
        found.append(
            f"PyTorch's net computes what this one does with {stated}, and these weights were "
            "trained without: its outputs will differ until it is trained on"
        )
    return tuple(found)


def _renamed(tensors: Sequence[Tensor], entries: Sequence[Entry]) -> list[Tensor]:
    """The tensors under their foreign names, in the table's order; still not read."""
    by_name = {tensor.name: tensor for tensor in tensors}
    renamed = []
    for entry in entries:
        tensor = by_name[entry.name]
        shapes = _back(entry, lambda shape=tensor.shape: np.empty(shape, np.bool_))
        for place, (name, empty) in enumerate(zip(entry.parts, shapes, strict=True)):
            load, again = (
                functools.partial(_part, entry, read, place) for read in (tensor.load, tensor.again)
            )
            renamed.append(Tensor(name, empty.shape, tensor.dtype, load, again))
    return renamed


def _back(entry: Entry, load: Any) -> tuple[np.ndarray, ...]:
    back = entry.layout.back(load())
    return back if isinstance(back, tuple) else (back,)


def _part(entry: Entry, load: Any, place: int) -> np.ndarray:
    return _back(entry, load)[place]


def _write_zip(path: Path, tensors: Sequence[Tensor], metadata: Mapping[str, Any]) -> None:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as archive:
        archive.writestr(f"{_ROOT}/data.pkl", _pickle(tensors))
        archive.writestr(f"{_ROOT}/byteorder", "little")
        archive.writestr(f"{_ROOT}/extra/legacy_nets.json", json.dumps(metadata))
        for key, tensor in enumerate(tensors):
            member = zipfile.ZipInfo(f"{_ROOT}/data/{key}")
            member.file_size = bytes_of(tensor)  # tells zipfile whether it needs 64 bits
            with archive.open(member, "w") as file:
                file.write(flat_bytes(tensor.load()).data)
        archive.writestr(f"{_ROOT}/version", "3\n")


def _pickle(tensors: Sequence[Tensor]) -> bytes:
    """An OrderedDict of the tensors, in protocol 2; each is the whole of a storage."""
    parts = [b"\x80\x02", _ORDERED, b"("]
    for key, tensor in enumerate(tensors):
        if tensor.dtype not in _STORAGES:
            raise CheckpointError(f"{tensor.name}: PyTorch has no type {tensor.dtype}")
        kind = f"ctorch\n{_STORAGES[tensor.dtype]}\n".encode()
        storage = b"(" + _text("storage") + kind + _text(str(key)) + _text("cpu")
        storage += _whole(math.prod(tensor.shape)) + b"tQ"  # TUPLE, BINPERSID
        strides = [math.prod(tensor.shape[axis + 1 :]) for axis in range(len(tensor.shape))]
        parts += [_text(tensor.name), b"ctorch._utils\n_rebuild_tensor_v2\n(", storage]
        parts += [_whole(0), _tuple(tensor.shape), _tuple(strides), b"\x89", _ORDERED, b"tR"]
    return b"".join([*parts, b"u."])  # SETITEMS, STOP


def _text(text: str) -> bytes:
    data = text.encode()
    return b"X" + struct.pack("<I", len(data)) + data


def _whole(number: int) -> bytes:
    if number < 1 << 31:
        return b"J" + struct.pack("<i", number)
    data = number.to_bytes(9, "little")
    return b"\x8a" + struct.pack("<B", len(data)) + data


def _tuple(numbers: Sequence[int]) -> bytes:
    return b"(" + b"".join(map(_whole, numbers)) + b"t"
