"""A state_dict for PyTorch, written without PyTorch: a .pth, or safetensors by its ending.

Names and axes are torchvision's or timm's where the net's module has a table of them
(``nets/weights``); else those of ``nets.weights.torch_rule``, and the net's code is written beside.

A .pth is a zip archive: ``data.pkl`` describes the tensors, ``data/<key>`` holds the bytes of one.
The pickle names three globals, which ``torch.load(weights_only=True)`` allows: OrderedDict, a
storage type and torch._utils._rebuild_tensor_v2. Source: PyTorch's torch/serialization.py.
"""

from __future__ import annotations

import functools
import json
import math
import struct
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from legacy_nets import registry
from legacy_nets.checkpoints.formats.safetensors import read_safetensors
from legacy_nets.checkpoints.formats.torch import read_torch
from legacy_nets.checkpoints.source import Source
from legacy_nets.checkpoints.translate import Entry, Translated
from legacy_nets.errors import BadInputError, CheckpointError
from legacy_nets.nets.weights import torch_rule
from legacy_nets.port.formats import safetensors
from legacy_nets.port.formats.torch import module, run
from legacy_nets.port.report import Comparison
from legacy_nets.port.weights import UNBUILT, Tensor, bytes_of, check, flat_bytes

if TYPE_CHECKING:
    from legacy_nets.port.jobs import Job

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
    entries = names_for(metadata["net"], tensors, metadata["options"].get("scope"))
    renamed = _renamed(tensors, entries)
    if module.family_of(metadata["net"]):
        code = module.place_of(path)
        text = module.text_of(path, metadata)
        code.write_text(text, encoding="utf-8", errors="replace")
        metadata = {**metadata, "module": code.name}
    if path.suffix == ".safetensors":
        for _ in safetensors.write(path, renamed, {"format": "pt", **metadata}):
            pass
        written = read_safetensors(path)
    else:
        _write_zip(path, renamed, metadata)
        written = read_torch(path)
    yield from check(Translated(written, entries), tensors)


def names_for(net: str, tensors: Sequence[Tensor], scope: str | None = None) -> tuple[Entry, ...]:
    """The foreign name of each tensor. Raises CheckpointError where table and tensors differ.

    ``scope``: that the net was built in; None is the registry's.
    """
    record = registry.get_net(net)
    if "torch" not in record.layouts:
        ranks = {tensor.name: len(tensor.shape) for tensor in tensors}
        return torch_rule.entries(ranks, record.scope if scope is None else scope)
    from legacy_nets.nets.weights.families import get_family, get_layout

    there = {tensor.name for tensor in tensors}
    optional = get_family(net).optional_layer
    entries: tuple[Entry, ...] = tuple(
        entry
        for entry in get_layout(net, "torch").map_names(net)
        if entry.name in there or not optional or optional not in entry.name
    )
    table = {entry.name for entry in entries}
    if table != there:
        first = min(table ^ there)
        side = "checkpoint" if first in table else f"table of {net}'s names in PyTorch"
        raise CheckpointError(
            f"{len(table ^ there)} names do not pair, the first {first}: the {side} lacks it; "
            "port the net's whole weights, as the registry builds it"
        )
    return entries


def check_room(net: str, out: Path) -> None:
    """Raises BadInputError where the net's code would take the place of somebody's file."""
    module.check_room(net, out)


def notes(net: str, options: Mapping[str, Any], out: Path = Path("x.pth")) -> tuple[str, ...]:
    """What a user must know about the state_dict of a net that was built with these options."""
    record = registry.get_net(net)
    if "torch" not in record.layouts:
        if not module.family_of(net):
            return ("no PyTorch net is known for it: the names are TensorFlow's, with dots",)
        code = module.place_of(out)
        found = [f'its code is {code.name}: from {code.stem} import load; net = load("{out.name}")']
        unknown = ", ".join(module.unknown_options(net, options))
        left = f"{code.name} has no option {unknown}: it differs where that changes the outputs"
        return (*found, *([left] if unknown else []))
    found = ["names and axes are torchvision's or timm's; load it with strict=True"]
    needed = _trained_with(net)
    lacks = {name: value for name, value in needed.items() if options.get(name) != value}
    if lacks:
        stated = ", ".join(f"{name}={value}" for name, value in lacks.items())
        found.append(
            f"PyTorch's net computes what this one does with {stated}, and these weights were "
            "trained without: its outputs will differ until it is trained on"
        )
    from legacy_nets.nets.weights.families import get_family

    if get_family(net).optional_layer:
        found.append("timm has no pre_logits from 0.7 on: it takes nets of has_logits=False")
    return tuple(found)


def outputs(
    job: Job, source: Source, averaged: bool, path: Path
) -> tuple[tuple[Comparison, ...], tuple[str, ...]]:
    """What the net says in PyTorch beside what the graph says; and notes.

    Nothing is said where PyTorch is not installed, has no such net, or one that computes
    something else by design. Raises CheckpointError for weights that are not the net's.
    """
    found = notes(job.net, job.options, path)
    unbuilt = UNBUILT.format(net=job.net)
    own = module.family_of(job.net) is not None
    if not own and not _computes_as_torchvisions(job):
        return (), (*found, unbuilt)
    missing = run.missing_packages(job.net, path)
    found += (run.NOT_RUN.format(missing=", ".join(missing)),) if missing else ()
    if not own and (missing or not run.torchvision_has(job.net)):
        return (), (*found, unbuilt)
    return run.compared(job, source, averaged, path), found


def _computes_as_torchvisions(job: Job) -> bool:
    """Whether torchvision's net of this name, if it has one, should say the same."""
    record = registry.get_net(job.net)
    if "torch" not in record.layouts or "npz" in record.layouts:  # ViTs are timm's, and differ
        return False
    return _trained_with(job.net) == job.options


def _trained_with(net: str) -> dict[str, Any]:
    """Options under which a net computes what PyTorch's does."""
    from legacy_nets.nets.weights.families import get_layout

    return dict(get_layout(net, "torch").options)


def _renamed(tensors: Sequence[Tensor], entries: Sequence[Entry]) -> list[Tensor]:
    """The tensors under their foreign names, in the table's order; still not read."""
    by_name = {tensor.name: tensor for tensor in tensors}
    renamed = []
    for entry in entries:
        tensor = by_name[entry.name]
        try:
            shapes = _back(entry, lambda shape=tensor.shape: np.empty(shape, np.bool_))
        except ValueError:
            raise CheckpointError(
                f"{tensor.name} {list(tensor.shape)}: PyTorch's net has it for images of another "
                "size: port it to npz or safetensors"
            ) from None
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
