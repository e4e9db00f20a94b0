"""The weights that a port carries: averaged or raw, one tensor in memory at a time.

Imports no TensorFlow, unless a net's table of foreign names is needed.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Container, Iterator, Sequence
from typing import NamedTuple

import numpy as np

from legacy_nets.checkpoints.formats.bundle import Bundle, ByteRange
from legacy_nets.checkpoints.formats.tensor_info import find_numpy_dtype
from legacy_nets.checkpoints.optimizer_slots import AVERAGE, has_averages, is_slot
from legacy_nets.checkpoints.source import Source
from legacy_nets.errors import CheckpointError
from legacy_nets.nets.weights.translate_for_net import translate_for_net
from legacy_nets.port.report import Comparison, compare_arrays
from legacy_nets.registry import Net
from legacy_nets.types import Array, Shape

NOT_BUILT = "copied without building {net}: check that they fit it with legacy-nets diff"
_CHUNK = 1 << 20  # bytes compared at a time


class Weight(NamedTuple):
    """A tensor that has not been read yet."""

    name: str
    shape: Shape
    dtype: str  # as ``TensorSpecLike.dtype``
    load: Callable[[], Array]
    reload: Callable[[], Array]  # for the comparison: the checksum was verified by ``load``
    place: ByteRange | None = None  # where its bytes are in a checkpoint


def translate_names(source: Source, net: Net) -> Source:
    """Returns a source under the net's variable names.

    TensorFlow is not imported where the names show that they are the net's already: where all
    are in the net's scope, or, for a net without a scope, where a Saver wrote several scopes
    (slim's nets have one).
    """
    names = [name for name in source.tensors if not is_slot(name, source.tensors)]
    scopes = {name.split("/")[0] for name in names}
    is_saved = not net.scope and isinstance(source, Bundle) and len(scopes) > 1
    is_translated = is_saved or scopes == {net.scope}
    if is_translated and not source.unsupported:
        return source
    return translate_for_net(source, net.name)


def check_scope(source: Source, net: Net, scope: str | None = None) -> None:
    """Raises CheckpointError where no tensor is in the net's scope: the weights are another net's.

    ``scope``: the one that the net was built in; None is the registry's. Only the graph can tell
    whether every tensor fits.
    """
    scope = net.scope if scope is None else scope
    if scope and not any(name.startswith(f"{scope}/") for name in source.tensors):
        raise CheckpointError(
            f"{source.prefix} has nothing in {net.name}'s scope {scope}/: find its net with "
            f"legacy-nets diff {source.prefix} --fit"
        )


def note_class_mismatch(source: Source, num_logits: int) -> tuple[str, ...]:
    """Returns a note where no weight has as many values in its last axis as the net has logits."""
    if any(info.shape and info.shape[-1] == num_logits for info in source.tensors.values()):
        return ()
    return (f"no weight has {num_logits} classes, as the metadata now state: give --num-classes",)


def choose_averages(source: Source, ema: bool | None) -> bool:
    """Tells whether moving averages are ported; None takes them where there are any.

    Raises CheckpointError where they are asked for and missing.
    """
    is_available = has_averages(source.tensors)
    if ema and not is_available:
        raise CheckpointError(f"{source.prefix} has no moving averages: use --raw")
    return is_available if ema is None else ema


def list_weights(source: Source, averaged: bool) -> list[Weight]:
    """Lists the weights and moving statistics of a source, in its order, without optimizer slots.

    Raises CheckpointError for a tensor that is no array of numbers.
    """
    weights = []
    for name, info in source.tensors.items():
        if is_slot(name, source.tensors):
            continue
        if find_numpy_dtype(info.dtype) is None:
            raise CheckpointError(f"{source.prefix}: {name} ({info.dtype}) is no array of numbers")
        stored = (averaged and find_average(name, source.tensors)) or name
        load = functools.partial(source.read, stored)
        reload, place = load, None
        if isinstance(source, Bundle):
            reload, place = functools.partial(source.read, stored, False), source.locate(stored)
        shape = tuple(source.tensors[stored].shape)
        weights.append(Weight(name, shape, info.dtype, load, reload, place))
    if not weights:
        raise CheckpointError(f"{source.prefix} holds no weights")
    return weights


def find_average(name: str, names: Container[str]) -> str:
    """Returns the name of a variable's moving average; "" where it has none.

    Moving statistics of batch norms have none: restoring never takes an average of them.
    """
    is_statistic = name.rsplit("/", 1)[-1] in ("moving_mean", "moving_variance")
    return name + AVERAGE if name + AVERAGE in names and not is_statistic else ""


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
