"""The weights that a port carries: averaged or raw, one tensor in memory at a time."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

import numpy as np

from legacy_nets.checkpoints.formats.bundle import Bundle, ByteRange
from legacy_nets.checkpoints.formats.tensor_info import QUANTIZED, find_numpy_dtype
from legacy_nets.checkpoints.optimizer_slots import find_average, list_slots
from legacy_nets.checkpoints.source import Source
from legacy_nets.errors import BadInputError, CheckpointError
from legacy_nets.port.jobs import Job, Rename
from legacy_nets.port.report import Comparison, compare_arrays
from legacy_nets.types import Array, Shape

NOT_BUILT = "copied without building {net}: check that the weights match it with legacy-nets diff"
_CHUNK = 1 << 20  # bytes compared at a time


class Weight(NamedTuple):
    """A tensor that has not been read yet."""

    name: str
    shape: Shape
    dtype: str  # as ``TensorSpecLike.dtype``
    load: Callable[[], Array]
    reload: Callable[[], Array]  # for the comparison: the checksum was verified by ``load``
    location: ByteRange | None = None  # where its bytes are in a checkpoint


def check_net(source: Source, job: Job) -> tuple[str, ...]:
    """Checks as far as possible without a graph that the weights are the net's; returns notes.

    Raises CheckpointError where no tensor is in the scope that the net was built in.
    """
    scope = job.scope
    if scope and not any(name.startswith(f"{scope}/") for name in source.tensors):
        raise CheckpointError(
            f"{source.prefix} has nothing in {job.net.name}'s scope {scope}/: find its net with "
            f"legacy-nets diff {source.prefix} --find-net"
        )
    if any(info.shape and info.shape[-1] == job.num_logits for info in source.tensors.values()):
        return ()
    return (
        f"no weight has {job.num_logits} classes, as the metadata now state: give --num-classes",
    )


def list_weights(source: Source, averaged: bool) -> list[Weight]:
    """Lists the weights and moving statistics of a source, in its order, without optimizer slots.

    Texts, such as the keys of lookup tables, are left out. Raises CheckpointError without weights.
    """
    weights = []
    slots = list_slots(source)
    for name, info in source.tensors.items():
        dtype = find_numpy_dtype(info.dtype)
        if name in slots or dtype is None:
            continue
        stored = (averaged and find_average(name, source.tensors)) or name
        load = functools.partial(source.read, stored)
        reload, location = load, None
        if isinstance(source, Bundle):
            reload, location = functools.partial(source.read, stored, False), source.locate(stored)
        shape = tuple(source.tensors[stored].shape)
        weights.append(Weight(name, shape, dtype.name, load, reload, location))
    if not weights:
        raise CheckpointError(f"{source.prefix} holds no weights")
    return weights


def list_texts(source: Source) -> list[str]:
    """Lists the tensors that are no arrays of numbers."""
    tensors = source.tensors.items()
    return [name for name, info in tensors if find_numpy_dtype(info.dtype) is None]


def describe_texts(source: Source) -> tuple[str, ...]:
    """Notes the tensors that are no arrays of numbers."""
    names = list_texts(source)
    if not names:
        return ()
    first = f"{names[0]}, {source.tensors[names[0]].dtype}"
    return (f"{len(names)} tensors are no arrays of numbers and are left out (first {first})",)


def describe_quantized(source: Source, weights: Sequence[Weight]) -> tuple[str, ...]:
    """Notes the weights of TensorFlow's quantized dtypes, which no other format has."""
    dtypes = {source.tensors[weight.name].dtype for weight in weights} & QUANTIZED
    if not dtypes:
        return ()
    count = sum(source.tensors[weight.name].dtype in dtypes for weight in weights)
    names = ", ".join(sorted(dtypes))
    return (f"{count} quantized tensors ({names}) are written as the integers of their codes",)


def rename_weights(
    weights: Sequence[Weight], renames: Sequence[Rename]
) -> tuple[list[Weight], int]:
    """Renames weights; returns them, and how many names changed.

    Raises BadInputError for a pattern that no name matches, and for two weights of one name.
    """
    renamed = list(weights)
    for rename in renames:
        names = [rename.pattern.sub(rename.replacement, weight.name) for weight in renamed]
        if not any(rename.pattern.search(weight.name) for weight in renamed):
            examples = ", ".join(weight.name for weight in renamed[:3])
            raise BadInputError(
                f"--rename {rename.pattern.pattern}: no name matches it; names are {examples} ..."
            )
        renamed = [item._replace(name=name) for item, name in zip(renamed, names, strict=True)]
    originals: dict[str, str] = {}
    for weight, new in zip(weights, renamed, strict=True):
        other = originals.setdefault(new.name, weight.name)
        if other != weight.name or not new.name:
            raise BadInputError(
                f"--rename: {other} and {weight.name} would both be called {new.name!r}"
                if new.name
                else f"--rename: {weight.name} would have no name"
                if weight.name
                else "a weight has no name: give it one by --rename '^$=NAME'"
            )
    return renamed, sum(new != old for new, old in zip(renamed, weights, strict=True))


def compare_file(
    written: Source, weights: Sequence[Weight], compares_values: bool = True
) -> Iterator[Comparison]:
    """Compares a written file with what it should contain: names, shapes, dtypes, values.

    ``compares_values=False``: the values were compared while they were written.
    Raises CheckpointError where a name is missing or extra, or where a shape or dtype differs.
    """
    want = {weight.name: (weight.shape, weight.dtype) for weight in weights}
    got = {name: (tuple(info.shape), info.dtype) for name, info in written.tensors.items()}
    wrong = [name for name in {**want, **got} if want.get(name) != got.get(name)]
    if wrong:
        raise CheckpointError(
            f"{len(wrong)} tensors were not written correctly, the first {wrong[0]} "
            f"({want.get(wrong[0])} became {got.get(wrong[0])})"
        )
    for weight in weights:
        if compares_values:
            yield compare_weight(weight.name, weight.reload(), written.read(weight.name))
        else:
            yield Comparison(weight.name, weight.shape, 0.0, 0.0)


def compare_weight(name: str, want: Array, got: Array) -> Comparison:
    """Compares two arrays of any equal shape: bit by bit, then by value."""
    if are_equal(view_bytes(want), view_bytes(got)):
        return Comparison(name, want.shape, 0.0, 0.0)
    return compare_arrays(name, want, got)


def view_bytes(value: Array) -> Array:
    """Returns the bytes of an array, row by row, as uint8 [size]; a view where that is possible."""
    value = np.ascontiguousarray(value)
    little_endian = value.dtype.newbyteorder("<")
    return value.astype(little_endian, copy=False).reshape(-1).view(np.uint8)


def are_equal(first: Array, second: Array) -> bool:
    """Tells whether two arrays of bytes, uint8 [size], are equal."""
    starts = range(0, max(first.size, second.size), _CHUNK)
    return first.size == second.size and all(
        np.array_equal(first[start : start + _CHUNK], second[start : start + _CHUNK])
        for start in starts
    )


def count_bytes(weight: Weight) -> int:
    """Returns the size of one tensor in bytes."""
    dtype = find_numpy_dtype(weight.dtype)
    return int(np.prod(weight.shape, dtype=np.int64)) * (dtype.itemsize if dtype else 0)
