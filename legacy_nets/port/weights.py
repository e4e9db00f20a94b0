"""The tensors that a port carries: the net's own, averaged or raw, one in memory at a time.

Imports no TensorFlow, unless a net's table of foreign names must be asked.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Container, Iterator, Sequence
from typing import NamedTuple

import numpy as np

from legacy_nets import registry
from legacy_nets.checkpoints.formats.bundle import Bundle, Place
from legacy_nets.checkpoints.formats.tensor_info import numpy_dtype
from legacy_nets.checkpoints.optimizer_slots import AVERAGE, has_averages, is_slot
from legacy_nets.checkpoints.source import Source
from legacy_nets.errors import CheckpointError
from legacy_nets.nets.weights.translate_for_net import translate_for_net
from legacy_nets.port.report import Comparison

UNBUILT = "copied without building {net}: whether they fit it, legacy-nets diff says"
_PIECE = 1 << 20  # bytes compared at a time


class Tensor(NamedTuple):
    """A tensor that has not been read yet."""

    name: str
    shape: tuple[int, ...]
    dtype: str  # as ``TensorSpecLike.dtype``
    load: Callable[[], np.ndarray]
    again: Callable[[], np.ndarray]  # for the comparison: checksums were held against it before
    place: Place | None = None  # where a checkpoint has its bytes


def named_for(source: Source, net: str) -> Source:
    """A source under the net's variable names; TensorFlow stays out where they show it already.

    They do where all names lie in the net's scope; or, of a net without one, where they are a
    Saver's and lie in several scopes (slim's lie in one).
    """
    record = registry.get_net(net)
    names = [name for name in source.tensors if not is_slot(name, source.tensors)]
    tops = {name.split("/")[0] for name in names}
    saved = not record.scope and isinstance(source, Bundle) and len(tops) > 1
    own = (saved or tops == {record.scope}) and not source.unsupported
    return source if own else translate_for_net(source, net)


def check_scope(source: Source, net: str, scope: str | None = None) -> None:
    """Raises CheckpointError where no tensor lies in the net's scope: it is another net's.

    ``scope``: that the net was built in; None is the registry's. Only the graph can say whether
    every tensor fits.
    """
    scope = registry.get_net(net).scope if scope is None else scope
    if scope and not any(name.startswith(f"{scope}/") for name in source.tensors):
        raise CheckpointError(
            f"{source.prefix} has nothing in {net}'s scope {scope}/: legacy-nets diff "
            f"{source.prefix} --fit says whose weights they are"
        )


def class_notes(source: Source, logits: int) -> tuple[str, ...]:
    """A line where no weight has so many values in its last axis, as a net's last layer has."""
    if any(info.shape and info.shape[-1] == logits for info in source.tensors.values()):
        return ()
    return (f"no weight is of {logits} classes, as the metadata say now: give --num-classes",)


def use_averages(source: Source, ema: bool | None) -> bool:
    """Whether averages are carried: None does where there are any. Raises CheckpointError."""
    there = has_averages(source.tensors)
    if ema and not there:
        raise CheckpointError(f"{source.prefix} has no moving averages: use --raw")
    return there if ema is None else ema


def tensors_of(source: Source, averaged: bool) -> list[Tensor]:
    """The weights and moving statistics of a source, in its order, without optimizer slots.

    Raises CheckpointError for a tensor that is no array of numbers.
    """
    chosen = []
    for name, info in source.tensors.items():
        if is_slot(name, source.tensors):
            continue
        if numpy_dtype(info.dtype) is None:
            raise CheckpointError(f"{source.prefix}: {name} ({info.dtype}) is no array of numbers")
        stored = (averaged and average_of(name, source.tensors)) or name
        load = functools.partial(source.read, stored)
        again, place = load, None
        if isinstance(source, Bundle):
            again, place = functools.partial(source.read, stored, False), source.place(stored)
        shape = tuple(source.tensors[stored].shape)
        chosen.append(Tensor(name, shape, info.dtype, load, again, place))
    if not chosen:
        raise CheckpointError(f"{source.prefix} holds no weights")
    return chosen


def average_of(name: str, names: Container[str]) -> str:
    """The moving average that is carried in a variable's place; "" where none is.

    A batch norm's moving statistics stay themselves: restoring never takes an average of those.
    """
    statistic = name.rsplit("/", 1)[-1] in ("moving_mean", "moving_variance")
    return name + AVERAGE if name + AVERAGE in names and not statistic else ""


def check(written: Source, tensors: Sequence[Tensor], values: bool = True) -> Iterator[Comparison]:
    """Holds a written file against what should be in it: names, order of axes, types, values.

    ``values=False``: those were compared when they were written.
    Raises CheckpointError where a name is missing or over, or a shape or dtype is another.
    """
    want = {tensor.name: (tensor.shape, tensor.dtype) for tensor in tensors}
    got = {name: (tuple(info.shape), info.dtype) for name, info in written.tensors.items()}
    wrong = [name for name in {**want, **got} if want.get(name) != got.get(name)]
    if wrong:
        raise CheckpointError(
            f"{len(wrong)} tensors were not written as they are, the first {wrong[0]} "
            f"({want.get(wrong[0])} became {got.get(wrong[0])})"
        )
    for tensor in tensors:
        if values:
            yield compared(tensor.name, tensor.again(), written.read(tensor.name))
        else:
            yield Comparison(tensor.name, tensor.shape, 0.0, 0.0)


def compared(name: str, want: np.ndarray, got: np.ndarray) -> Comparison:
    """Equal bit by bit, or how far apart."""
    if equal_bytes(flat_bytes(want), flat_bytes(got)):
        return Comparison(name, want.shape, 0.0, 0.0)
    return Comparison.of(name, want, got)


def flat_bytes(value: np.ndarray) -> np.ndarray:
    """uint8 [size] of an array's bytes, row by row; a view where its rows lie so already."""
    value = np.ascontiguousarray(value)
    little = value.dtype.newbyteorder("<")
    return value.astype(little, copy=False).reshape(-1).view(np.uint8)


def equal_bytes(one: np.ndarray, other: np.ndarray) -> bool:
    """Whether two rows of bytes are equal."""
    pieces = range(0, max(one.size, other.size), _PIECE)
    return one.size == other.size and all(
        np.array_equal(one[at : at + _PIECE], other[at : at + _PIECE]) for at in pieces
    )


def bytes_of(tensor: Tensor) -> int:
    """Bytes of one tensor."""
    dtype = numpy_dtype(tensor.dtype)
    return int(np.prod(tensor.shape, dtype=np.int64)) * (dtype.itemsize if dtype else 0)
