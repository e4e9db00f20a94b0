"""Products of tensors: 1.15 made them of transpose, reshape and matmul, by their shapes."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np

from legacy_nets import tf1
from legacy_nets.runner.seeds import add_missing_ops, replace_count
from legacy_nets.types import Structure, Tensor, TensorLike

Function = Callable[..., Any]  # of TensorFlow
Sizes = list[int | None]

_TRANSPOSE = _RESHAPE = _REDUCE = _EXPAND = 2  # the op, and a constant
_SLICE = 4  # the op, and three constants


def list_wrappers() -> dict[Function, Function]:
    """{function: the same, which counts the ops that 1.15 would have made more}."""
    return {
        tf1.einsum: _wrap_einsum(tf1.einsum),
        tf1.tensordot: _wrap_tensordot(tf1.tensordot),
        tf1.keras.backend.batch_dot: _wrap_batch_dot(tf1.keras.backend.batch_dot),
    }


def _read_sizes(value: TensorLike) -> Sizes | None:
    """The sizes of a tensor or array, None where they are unknown; None without a rank."""
    shape: Any = getattr(value, "shape", None)
    if hasattr(shape, "is_fully_defined"):
        return None if shape.rank is None else shape.as_list()
    if any(tf1.is_tensor(item) for item in tf1.nest.flatten(value)):
        return None  # a list of tensors
    return list(np.shape(value))


def _wrap_einsum(einsum: Function) -> Function:
    """Counts the ops of 1.15's einsum; 2.21 has an op for it."""

    @functools.wraps(einsum)
    def counted(equation: str, *inputs: TensorLike, **options: object) -> Tensor:
        with replace_count(_count_einsum(equation, [_read_sizes(value) for value in inputs])):
            return einsum(equation, *inputs, **options)

    return counted


def _count_einsum(equation: str, shapes: Sequence[Sizes | None]) -> int | None:
    """The ops that 1.15 made of an equation; None for equations that it refused."""
    factors, output = _parse_equation(equation)
    if factors == [factors[0][0] * 2] and "->" not in equation:  # the trace
        return 1 + _REDUCE
    if any(sizes is None or len(sizes) != len(set(labels)) or len(sizes) != len(labels)
           for sizes, labels in zip(shapes, factors, strict=True)):  # fmt: skip
        return None
    counts = [sum(label in labels for labels in factors) for label in set("".join(factors))]
    summed = set("".join(factors)) - set(output)
    if any(sum(label in labels for labels in factors) > 2 for label in summed):
        return _count_in_one_space(factors, output, len(counts))
    known = [sizes for sizes in shapes if sizes is not None]
    labels, sizes, count = factors[0], known[0], 0
    for other, other_sizes in zip(factors[1:], known[1:], strict=True):
        labels, sizes, made = _multiply(labels, sizes, other, other_sizes, output)
        count += made
    if set(labels) - set(output):
        count += _REDUCE
        labels = "".join(label for label in labels if label in output)
    return count + _TRANSPOSE * (labels != output)


def _parse_equation(equation: str) -> tuple[list[str], str]:
    """The labels of the factors, and of the result."""
    left, arrow, output = equation.replace(" ", "").partition("->")
    factors = left.split(",")
    if not arrow:
        labels = "".join(factors)
        output = "".join(sorted(label for label in set(labels) if labels.count(label) == 1))
    return factors, output


def _count_in_one_space(factors: list[str], output: str, rank: int) -> int:
    """The ops where a label is summed over more than two factors: all get every axis."""
    order = sorted(set("".join(factors)) - set(output)) + list(output)
    moved = sum(sorted(labels, key=order.index) != list(labels) for labels in factors)
    products = 2 + len(factors) - 1  # the first by a constant
    return moved * _TRANSPOSE + len(factors) * _RESHAPE + products + _REDUCE


def _multiply(
    labels: str, sizes: Sizes, other: str, other_sizes: Sizes, output: str
) -> tuple[str, Sizes, int]:
    """(labels, sizes, number of ops) of the product of two factors."""
    summed = (set(labels) & set(other)) - set(output)
    kept = (set(labels) & set(other)) - summed
    first = sorted(labels, key=lambda a: (-1 if a in kept else a in summed, a))
    second = sorted(other, key=lambda a: (-1 if a in kept else a not in summed, a))
    count = _TRANSPOSE * ((first != list(labels)) + (second != list(other)))
    left = [sizes[labels.index(label)] for label in first]
    right = [other_sizes[other.index(label)] for label in second]
    batch = len(kept)
    own, others = len(first) - batch - len(summed), len(second) - batch - len(summed)
    if not summed:
        product = [*(a if a is not None else b for a, b in zip(left[:batch], right, strict=False)),
                   *left[batch:], *right[batch:]]  # fmt: skip
        labels = "".join(first + second[batch:])
        return labels, product, count + _EXPAND * (own + others) + 1
    for shape in (left, right):
        count += (None in shape) + _SLICE * shape.count(None)
    middle = left[batch + own :]
    parts = [left[batch : batch + own], middle, right[batch + len(summed) :]]
    count += sum(_count_total(part) for part in parts)
    totals = [_multiply_sizes(part) for part in parts]
    count += _count_reshape(left, [*left[:batch], totals[0], totals[1]])
    count += _count_reshape(right, [*right[:batch], totals[1], totals[2]])
    wanted = left[: batch + own] + right[len(right) - others :]
    static = [a if a is not None else b for a, b in zip(left[:batch], right, strict=False)]
    count += 1 + _count_reshape([*static, totals[0], totals[2]], wanted)
    return "".join(first[: batch + own] + second[len(second) - others :]), wanted, count


def _multiply_sizes(sizes: Sizes) -> int | None:
    known = [size for size in sizes if size is not None]
    return math.prod(known) if len(known) == len(sizes) else None


def _count_total(sizes: Sizes) -> int:
    """The ops of the product of sizes, one after the other; an unknown size is a tensor."""
    count, is_tensor = 0, False
    for size in sizes:
        if is_tensor or size is None:
            count += 1 if is_tensor and size is None else 2  # with a constant for the number
        is_tensor |= size is None
    return count


def _count_reshape(sizes: Sizes, wanted: Sizes) -> int:
    """The ops that reshape, none where nothing changes; tensors and numbers are packed first."""
    if sizes == wanted and None not in wanted:
        return 0
    if None not in wanted:
        return _RESHAPE
    return sum(size is not None for size in wanted) + 2


def _wrap_tensordot(tensordot: Function) -> Function:
    """Counts the transpose and reshape of each factor of known shape that change nothing.

    So does the last reshape.
    """

    @functools.wraps(tensordot)
    def counted(a: TensorLike, b: TensorLike, axes: Structure, name: str | None = None) -> Tensor:
        summed = _list_axes(a, axes)
        shapes = _read_sizes(a), _read_sizes(b)
        for sizes, inner, first in zip(shapes, summed or (), (False, True), strict=False):
            if sizes and None not in sizes:
                add_missing_ops(2 * _count_spared_ops(sizes, inner, first))
        if summed and all(sizes and None not in sizes for sizes in shapes):
            left, right = ([n for axis, n in enumerate(sizes or ()) if axis not in
                            [i % len(sizes or ()) for i in inner]]
                           for sizes, inner in zip(shapes, summed, strict=True))  # fmt: skip
            flat = [_multiply_sizes(left), _multiply_sizes(right)]
            add_missing_ops(_RESHAPE * (flat == left + right))
        return tensordot(a, b, axes, name)

    return counted


def _list_axes(a: TensorLike, axes: Structure) -> tuple[list[int], list[int]] | None:
    """The axes that are summed, of both factors; None where only the graph knows them."""
    sizes = _read_sizes(a)
    if isinstance(axes, int):
        return None if sizes is None else (
            list(range(len(sizes) - axes, len(sizes))), list(range(axes)))  # fmt: skip
    if not isinstance(axes, (list, tuple)) or len(axes) != 2:
        return None
    both = [[part] if isinstance(part, int) else part for part in axes]
    if not all(isinstance(part, (list, tuple)) for part in both):
        return None
    return list(both[0]), list(both[1])


def _count_spared_ops(sizes: Sizes, summed: Iterable[int], first: bool) -> int:
    """Counts which of transpose and reshape tensordot does not make for a factor: 0 to 2."""
    inner = [axis % len(sizes) for axis in summed]
    free = [axis for axis in range(len(sizes)) if axis not in inner]
    order = inner + free if first else free + inner
    flat = [_multiply_sizes([sizes[axis] for axis in part]) for part in (inner, free)]
    moved = [sizes[axis] for axis in order]
    return (order == sorted(order)) + (moved == (flat if first else flat[::-1]))


def _wrap_batch_dot(batch_dot: Function) -> Function:
    """Counts the ops of 1.15's batch_dot, which multiplied and summed matrices elementwise."""

    @functools.wraps(batch_dot)
    def counted(x: Tensor, y: Tensor, axes: Structure = None) -> Tensor:
        with replace_count(_count_batch_dot(x.shape.rank, y.shape.rank, axes)):
            return batch_dot(x, y, axes)

    return counted


def _count_batch_dot(x: int, y: int, axes: Any) -> int:
    """The ops for tensors of ranks x and y."""
    if x == y == 2:
        one, other = (1, 0) if axes is None else (axes, axes) if isinstance(axes, int) else axes
        return 1 + _REDUCE + _TRANSPOSE * (one != other) + _EXPAND
    shorter = min(x, y)
    rank = max(x, y) - abs(x - y)
    return 1 + (x != y) * (5 + 1) + _EXPAND * (rank == 1 and shorter > 0)
