"""Receptive fields: the part of the input that a value depends on.

The numbers are those of tf.contrib.receptive_field of TensorFlow 1.15. contrib walks down from
the output; here one walk up from the input gives the fields of every operation. This module also
supports dilation, three axes and transposed convolutions. It returns None where a value depends
on the complete input; contrib raises "Unknown layer" there.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable
from fractions import Fraction

from legacy_nets.anatomy import formulas
from legacy_nets.anatomy.windows import (
    PADS,
    TRANSPOSED,
    Window,
    get_constant,
    get_sides,
    get_window,
    get_zeros_before,
)
from legacy_nets.types import Operation

Number = int | Fraction


@dataclasses.dataclass(frozen=True)
class ReceptiveField:
    """A receptive field; tuples have one entry per spatial axis (height, width).

    The value at index i depends on ``size`` pixels, the first of them i * stride - padding.
    """

    size: tuple[int, ...]
    stride: tuple[Number, ...]  # effective: distance between the fields of neighbours
    padding: tuple[Number | None, ...]  # effective; None: depends on an unknown input size
    aligned: bool = True  # False where paths with different strides or centres meet

    def compute_span(self, axis: int, index: int) -> tuple[Number, Number] | None:
        """Returns the first and last pixel of a field; pixels outside of the image are zeros."""
        padding = self.padding[axis]
        if padding is None:
            return None
        first = index * self.stride[axis] - padding
        return first, first + self.size[axis] - 1


@dataclasses.dataclass(frozen=True)
class _Axis:
    """One axis during the walk. Unknown zeros are kept by operation name, to compare paths."""

    size: int = 1
    stride: Number = 1
    padding: Number = 0
    unknown: frozenset[str] = frozenset()

    @property
    def centre(self) -> Fraction:
        return Fraction(self.size - 1, 2) - self.padding


@dataclasses.dataclass(frozen=True)
class _Path:
    """The field of one operation during the walk."""

    axes: tuple[_Axis, ...]
    aligned: bool = True


_RESHAPES = {"Reshape", "Squeeze", "ExpandDims"}
_DEPENDS_ON_ALL = {  # each value depends on the complete input
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


def compute_fields(
    operations: Iterable[Operation], sources: Iterable[str], known_size: bool = True
) -> dict[str, ReceptiveField | None]:
    """Computes the field of each operation's output, by the operation's name.

    Args:
      operations: those that depend on the sources, each after its inputs.
      sources: names of the operations that give the input.
      known_size: False computes as if height and width were unknown, as contrib does without
        ``input_resolution``: SAME with a stride leaves the effective padding unknown.
    """
    starts = set(sources)
    paths: dict[str, _Path | None] = {}
    for operation in operations:
        if operation.name in starts:
            rank = operation.outputs[0].shape.rank
            spatial = {3: 1, 4: 2, 5: 3}.get(rank, 0) if rank is not None else 0
            paths[operation.name] = _Path((_Axis(),) * spatial) if spatial else None
            continue
        inputs = [paths[t.op.name] for t in operation.inputs if t.op.name in paths]
        paths[operation.name] = _follow(operation, inputs, known_size) if inputs else None
    return {name: _finish(path) for name, path in paths.items()}


def _finish(path: _Path | None) -> ReceptiveField | None:
    if path is None:
        return None
    return ReceptiveField(
        tuple(axis.size for axis in path.axes),
        tuple(_simplify(axis.stride) for axis in path.axes),
        tuple(None if axis.unknown else _simplify(axis.padding) for axis in path.axes),
        path.aligned,
    )


def _simplify(number: Number) -> Number:
    return int(number) if number == int(number) else number


def _follow(operation: Operation, inputs: list[_Path | None], known_size: bool) -> _Path | None:
    """Computes the path after one operation."""
    if operation.type in _DEPENDS_ON_ALL:
        return None
    path = _join(inputs)
    if path is None:
        return None
    window = get_window(operation)
    if window is not None:
        if len(window.kernel) != len(path.axes):
            return None
        data = operation.inputs[2] if operation.type in TRANSPOSED else operation.inputs[0]
        sides = get_sides(data, window.axes) if known_size else (None,) * len(path.axes)
        return _apply_window(operation, window, path, sides)
    if operation.type in PADS:
        return _pad(path, get_zeros_before(operation))
    if operation.type == "SpaceToBatchND":
        return _pad(path, [0, *(pair[0] for pair in get_constant(operation.inputs[2]) or [])])
    if operation.type in _REDUCTIONS:
        return path if _reduces_channels_only(operation) else None
    if operation.type in _RESHAPES:
        return path if _keeps_axes(operation, len(path.axes)) else None
    if operation.type == "Transpose":
        return path if _keeps_axis_order(operation, len(path.axes)) else None
    return path


def _apply_window(
    operation: Operation, window: Window, path: _Path, sides: tuple[int | None, ...]
) -> _Path:
    blocks = get_blocks(operation) or (1,) * len(path.axes)
    axes = []
    for i, axis in enumerate(path.axes):
        if operation.type in TRANSPOSED:
            axes.append(_transpose_axis(axis, window.kernel[i], window.stride[i], window.padding))
            continue
        reach = formulas.compute_reach(window.kernel[i], window.dilation[i] * blocks[i])
        zeros = _count_zeros_before(window, i, reach, sides[i])
        axes.append(
            _Axis(
                int(axis.size + (reach - 1) * axis.stride),
                axis.stride * window.stride[i],
                axis.padding + (zeros or 0) * axis.stride,
                axis.unknown | {operation.name} if zeros is None else axis.unknown,
            )
        )
    return dataclasses.replace(path, axes=tuple(axes))


def _transpose_axis(axis: _Axis, kernel: int, stride: int, padding: str) -> _Axis:
    """Follows one axis through a transposed convolution: a value uses every stride-th weight."""
    reach = -(-kernel // stride)
    zeros = (kernel - stride) // 2 if padding == "SAME" else 0
    before = reach - 1 - Fraction(zeros, stride)
    return dataclasses.replace(
        axis,
        size=int(axis.size + (reach - 1) * axis.stride),
        stride=Fraction(axis.stride) / stride,
        padding=axis.padding + before * axis.stride,
    )


def _count_zeros_before(window: Window, i: int, reach: int, size: int | None) -> int | None:
    """Counts the zeros before one axis; None where they depend on a size that is not known."""
    if window.padding == "VALID":
        return 0
    if window.before is not None:
        return window.before[i]
    stride = window.stride[i]
    if size is not None:
        return formulas.compute_same_padding(size, reach, stride)[0]
    if reach == 1:
        return 0
    if stride == 1 or (stride == 2 and reach % 2 == 0):  # the same for every size
        return (reach - 1) // 2
    return None


def get_blocks(operation: Operation) -> tuple[int, ...] | None:
    """Returns the dilation that TensorFlow implements by space_to_batch before a convolution."""
    source = operation.inputs[0].op if len(operation.inputs) else None
    if source is None or source.type != "SpaceToBatchND":
        return None
    blocks = get_constant(source.inputs[1])
    return None if blocks is None else tuple(blocks)


def _pad(path: _Path, before: list[int] | None) -> _Path | None:
    if before is None:
        return None
    spatial = len(path.axes)
    channels_first = len(before) == spatial + 2 and before[1] == 0 and before[-2] != 0 != before[-1]
    zeros = before[2:] if channels_first else before[1 : 1 + spatial]
    axes = tuple(
        dataclasses.replace(axis, padding=axis.padding + zero * axis.stride)
        for axis, zero in zip(path.axes, zeros, strict=False)
    )
    return dataclasses.replace(path, axes=axes)


def _reduces_channels_only(operation: Operation) -> bool:
    """Whether a reduction leaves the spatial axes alone."""
    axes = get_constant(operation.inputs[1])
    rank = operation.inputs[0].shape.rank
    if axes is None or rank is None:
        return False
    return all(axis % rank == rank - 1 for axis in (axes if isinstance(axes, list) else [axes]))


def _keeps_axes(operation: Operation, spatial: int) -> bool:
    """Whether a reshape leaves the spatial axes as they are."""
    before, after = operation.inputs[0].shape, operation.outputs[0].shape
    if before.rank is None or after.rank is None or after.rank < spatial + 1:
        return False
    return bool(before.as_list()[1 : 1 + spatial] == after.as_list()[1 : 1 + spatial])


def _keeps_axis_order(operation: Operation, spatial: int) -> bool:
    """Whether a transpose keeps the order of the spatial axes, in NHWC or NCHW."""
    order = get_constant(operation.inputs[1])
    if order is None:
        return False
    kept = [axis for axis in order if 0 < axis <= spatial]
    from_channels_first = [axis for axis in order if axis > 1]
    return kept == sorted(kept) or (
        spatial + 1 in order and from_channels_first == sorted(from_channels_first)
    )


def _join(inputs: list[_Path | None]) -> _Path | None:
    """Joins paths: the largest field per axis; not aligned if strides or centres differ."""
    if any(path is None for path in inputs):
        return None
    paths = [path for path in inputs if path is not None]
    first, *others = paths
    aligned = first.aligned
    axes = first.axes
    for path in others:
        if len(path.axes) != len(axes):
            return None
        aligned = aligned and path.aligned
        for current, other in zip(axes, path.axes, strict=True):
            if current.unknown == other.unknown:
                same_places = current.stride == other.stride and current.centre == other.centre
                aligned = aligned and same_places
        axes = tuple(
            other if other.size > current.size else current
            for current, other in zip(axes, path.axes, strict=True)
        )
    return _Path(axes, aligned)
