"""Receptive fields: what part of the input a value depends on.

The numbers are those of tf.contrib.receptive_field of TensorFlow 1.15, which walks from the
output down; here one walk from the input up gives them for every operation.
Beyond it: dilation, three axes, transposed convolutions; None where a value depends on the
whole input (contrib raises there: "Unknown layer").
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable
from fractions import Fraction
from typing import Any

from legacy_nets.anatomy import formulas
from legacy_nets.anatomy.windows import (
    PADS,
    TRANSPOSED,
    Window,
    constant,
    sides,
    window,
    zeros_before,
)

Number = int | Fraction


@dataclasses.dataclass(frozen=True)
class Field:
    """The receptive field; tuples have one entry per spatial axis (height, width).

    The value at index i sees the ``size`` pixels from i * stride - padding on.
    """

    size: tuple[int, ...]
    stride: tuple[Number, ...]  # effective: between the fields of neighbours
    padding: tuple[Number | None, ...]  # effective; None: depends on an unknown input size
    aligned: bool = True  # False where paths with other strides or centres meet

    def span(self, axis: int, index: int) -> tuple[Number, Number] | None:
        """First and last pixel that index sees; below 0 and above the image lie zeros."""
        padding = self.padding[axis]
        if padding is None:
            return None
        first = index * self.stride[axis] - padding
        return first, first + self.size[axis] - 1


@dataclasses.dataclass(frozen=True)
class _Axis:
    """One axis on the way up. Zeros nobody can know yet are kept by name, to compare paths."""

    size: int = 1
    stride: Number = 1
    padding: Number = 0
    unknown: frozenset[str] = frozenset()

    @property
    def centre(self) -> Fraction:
        return Fraction(self.size - 1, 2) - self.padding


@dataclasses.dataclass(frozen=True)
class _Walk:
    axes: tuple[_Axis, ...]
    aligned: bool = True


# What changes no neighbourhood: each value is made from the one at its place.
_RESHAPES = {"Reshape", "Squeeze", "ExpandDims"}
_WHOLE = {
    "MatMul",
    "BatchMatMul",
    "BatchMatMulV2",
    "BatchMatMulV3",
    "Einsum",
    "While",
    "StatelessWhile",
    "ResizeBilinear",
    "ResizeBicubic",
    "ResizeNearestNeighbor",
    "ReverseSequence",
    "CumSum",
    "_FusedMatMul",
}
_REDUCTIONS = {"Mean", "Max", "Sum", "Min", "Prod"}


def fields(
    operations: Iterable[Any], sources: Iterable[str], known_size: bool = True
) -> dict[str, Field | None]:
    """The field of each operation's output, by its name.

    Args:
      operations: those that depend on the sources, each after its inputs.
      sources: names of the operations that give the input.
      known_size: False computes as if height and width were unknown, as contrib without
        ``input_resolution``: SAME with a stride leaves the effective padding unknown.
    """
    starts = set(sources)
    walks: dict[str, _Walk | None] = {}
    for operation in operations:
        if operation.name in starts:
            rank = operation.outputs[0].shape.rank
            spatial = {3: 1, 4: 2, 5: 3}.get(rank, 0) if rank is not None else 0
            walks[operation.name] = _Walk((_Axis(),) * spatial) if spatial else None
            continue
        inputs = [walks[t.op.name] for t in operation.inputs if t.op.name in walks]
        walks[operation.name] = _step(operation, inputs, known_size) if inputs else None
    return {name: _seal(walk) for name, walk in walks.items()}


def _seal(walk: _Walk | None) -> Field | None:
    if walk is None:
        return None
    return Field(
        tuple(axis.size for axis in walk.axes),
        tuple(_plain(axis.stride) for axis in walk.axes),
        tuple(None if axis.unknown else _plain(axis.padding) for axis in walk.axes),
        walk.aligned,
    )


def _plain(number: Number) -> Number:
    return int(number) if number == int(number) else number


def _step(operation: Any, inputs: list[_Walk | None], known_size: bool) -> _Walk | None:
    """One operation up."""
    if operation.type in _WHOLE:
        return None
    joined = _join(inputs)
    if joined is None:
        return None
    look = window(operation)
    if look is not None:
        if len(look.kernel) != len(joined.axes):
            return None
        data = operation.inputs[2] if operation.type in TRANSPOSED else operation.inputs[0]
        return _look(operation, look, joined, sides(data, look.axes), known_size)
    if operation.type in PADS:
        return _pad(joined, zeros_before(operation))
    if operation.type == "SpaceToBatchND":
        return _pad(joined, [0, *(pair[0] for pair in constant(operation.inputs[2]) or [])])
    if operation.type in _REDUCTIONS:
        return _reduce(operation, joined)
    if operation.type in _RESHAPES:
        return joined if _keeps_axes(operation, len(joined.axes)) else None
    if operation.type == "Transpose":
        order = constant(operation.inputs[1])
        if order is None:
            return None
        kept = [axis for axis in order if 0 < axis <= len(joined.axes)]
        last = len(joined.axes) + 1
        channels_first = [axis - 1 for axis in order if 1 < axis]  # the tensor was NCHW
        still = kept == sorted(kept) or (last in order and channels_first == sorted(channels_first))
        return joined if still else None
    return joined


def _look(
    operation: Any,
    look: Window,
    walk: _Walk,
    size: tuple[int | None, ...],
    known_size: bool,
) -> _Walk:
    axes = []
    blocks = blocks_of(operation) or (1,) * len(walk.axes)
    for i, axis in enumerate(walk.axes):
        kernel, stride = look.kernel[i], look.stride[i]
        if operation.type in TRANSPOSED:  # each output sees every stride-th weight
            seen = -(-kernel // stride)
            zeros = (kernel - stride) // 2 if look.padding == "SAME" else 0
            back = seen - 1 - Fraction(zeros, stride)
            axes.append(
                dataclasses.replace(
                    axis,
                    size=int(axis.size + (seen - 1) * axis.stride),
                    stride=Fraction(axis.stride) / stride,
                    padding=axis.padding + back * axis.stride,
                )
            )
            continue
        reach = formulas.reach(kernel, look.dilation[i] * blocks[i])
        zeros_or_none = _zeros(look, i, reach, size[i] if known_size else None)
        axes.append(
            _Axis(
                int(axis.size + (reach - 1) * axis.stride),
                axis.stride * stride,
                axis.padding + (zeros_or_none or 0) * axis.stride,
                axis.unknown | {operation.name} if zeros_or_none is None else axis.unknown,
            )
        )
    return dataclasses.replace(walk, axes=tuple(axes))


def _zeros(look: Window, i: int, reach: int, size: int | None) -> int | None:
    """Zeros ahead of one axis; None where they depend on a size that is not known."""
    if look.padding == "VALID":
        return 0
    if look.before is not None:
        return look.before[i]
    stride = look.stride[i]
    if size is not None:
        return formulas.same_padding(size, reach, stride)[0]
    if reach == 1:
        return 0
    if stride == 1 or (stride == 2 and reach % 2 == 0):  # the same for every size
        return (reach - 1) // 2
    return None


def blocks_of(operation: Any) -> tuple[int, ...] | None:
    """Dilation that TensorFlow made of space_to_batch around a convolution; None without."""
    source = operation.inputs[0].op if len(operation.inputs) else None
    if source is None or source.type != "SpaceToBatchND":
        return None
    blocks = constant(source.inputs[1])
    return None if blocks is None else tuple(blocks)


def _pad(walk: _Walk, before: list[int] | None) -> _Walk | None:
    if before is None:
        return None
    spatial = len(walk.axes)
    channels_first = len(before) == spatial + 2 and before[1] == 0 and before[-2] != 0 != before[-1]
    zeros = before[2:] if channels_first else before[1 : 1 + spatial]
    axes = tuple(
        dataclasses.replace(axis, padding=axis.padding + zero * axis.stride)
        for axis, zero in zip(walk.axes, zeros, strict=False)
    )
    return dataclasses.replace(walk, axes=axes)


def _reduce(operation: Any, walk: _Walk) -> _Walk | None:
    """A reduction of spatial axes sees everything; one of channels only sees its place."""
    over = constant(operation.inputs[1])
    rank = operation.inputs[0].shape.rank
    if over is None or rank is None:
        return None
    over = [axis % rank for axis in (over if isinstance(over, list) else [over])]
    return walk if all(axis in (rank - 1,) for axis in over) else None


def _keeps_axes(operation: Any, spatial: int) -> bool:
    """Whether a reshape leaves the spatial axes where they are."""
    before, after = operation.inputs[0].shape, operation.outputs[0].shape
    if before.rank is None or after.rank is None or after.rank < spatial + 1:
        return False
    return before.as_list()[1 : 1 + spatial] == after.as_list()[1 : 1 + spatial]


def _join(inputs: list[_Walk | None]) -> _Walk | None:
    """Where paths meet: the largest field per axis; not aligned if strides or centres differ."""
    if any(walk is None for walk in inputs):
        return None
    walks = [walk for walk in inputs if walk is not None]
    first, *others = walks
    aligned = first.aligned
    axes = first.axes
    for walk in others:
        if len(walk.axes) != len(axes):
            return None
        aligned = aligned and walk.aligned
        for mine, other in zip(axes, walk.axes, strict=True):
            if mine.unknown == other.unknown:
                aligned = aligned and mine.stride == other.stride and mine.centre == other.centre
        axes = tuple(
            other if other.size > mine.size else mine
            for mine, other in zip(axes, walk.axes, strict=True)
        )
    return _Walk(axes, aligned)
