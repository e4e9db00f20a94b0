"""Slices of tensors by tensors, ``x[:n]``: 2.21 makes constants of bounds that are not given."""

from __future__ import annotations

import functools
import importlib
from typing import Any

from legacy_nets import tf1
from legacy_nets.runner.seeds import add_missing_ops
from legacy_nets.types import Tensor

Bounds = tuple[Any, ...]


class _Constant:
    """Replaces a tensor that 2.21 makes."""

    def __init__(self, dtype: object) -> None:
        self.dtype = dtype


def wrap_slices() -> None:
    """Counts the ops of 1.15 where an index or a bound is a tensor."""
    override: Any = importlib.import_module("tensorflow.python.ops.tensor_getitem_override")
    tensors: Any = importlib.import_module("tensorflow.python.framework.tensor")
    slice_tensor = override._slice_helper

    @functools.wraps(slice_tensor)
    def counted(tensor: Tensor, slice_spec: object, var: object = None) -> Tensor:
        add_missing_ops(_count_missing_ops(slice_spec))
        return slice_tensor(tensor, slice_spec, var)

    override._slice_helper = counted
    tensors.Tensor.__getitem__ = counted


def _count_missing_ops(slice_spec: Any) -> int:
    """The ops of 1.15 for the bounds of a slice, less those of 2.21."""
    parts = slice_spec if isinstance(slice_spec, (list, tuple)) else [slice_spec]
    if tf1.is_tensor(slice_spec) and slice_spec.dtype == tf1.bool:
        return 0
    if not any(tf1.is_tensor(bound) for part in parts for bound in _list_bounds(part)):
        return 0
    then = [_list_bounds(part) for part in parts]
    today = [_fill_bounds(part, bounds) for part, bounds in zip(parts, then, strict=True)]
    filled = sum(isinstance(bound, _Constant) for bounds in today for bound in bounds)
    return _count_packs(then) - _count_packs(today) - filled


def _list_bounds(part: object) -> Bounds:
    """(begin, end, stride) of one axis; the end of an index is the next one."""
    if isinstance(part, slice):
        return part.start, part.stop, part.step
    return (part, part, 1) if tf1.is_tensor(part) else (0, 0, 1)


def _fill_bounds(part: object, bounds: Bounds) -> Bounds:
    """2.21 makes a constant for each bound that is not given, next to a tensor."""
    dtypes = [bound.dtype for bound in bounds if tf1.is_tensor(bound)]
    if not dtypes:
        return bounds
    dtype = tf1.int64 if tf1.int64 in dtypes else dtypes[0]
    if isinstance(part, slice):
        return tuple(_Constant(dtype) if bound is None else bound for bound in bounds)
    return (*bounds[:2], _Constant(dtype)) if dtype == tf1.int64 else bounds


def _count_packs(bounds: list[Bounds]) -> int:
    """One constant of numbers; with tensors a constant for each number, and the op that packs.

    Where one is of int64, those of numbers are cast.
    """
    counts, dtypes = [], []
    for pack in zip(*bounds, strict=True):
        tensors = [bound for bound in pack if isinstance(bound, _Constant) or tf1.is_tensor(bound)]
        counts.append(len(pack) - len(tensors) + 1 if tensors else 1)
        dtypes.append(tensors[0].dtype if tensors else tf1.int32)
    casts = sum(dtype != tf1.int64 for dtype in dtypes) if tf1.int64 in dtypes else 0
    return sum(counts) + casts
