"""The window of an operation on its input: kernel, stride, padding and dilation per axis."""

from __future__ import annotations

import dataclasses
import math
from typing import Any, TypeVar

from legacy_nets import tf1 as tf
from legacy_nets.types import Operation, Tensor

Default = TypeVar("Default")
CONVOLUTIONS = {"Conv2D": 2, "Conv3D": 3, "_FusedConv2D": 2}  # type -> spatial axes
DEPTHWISE = {"DepthwiseConv2dNative": 2, "_FusedDepthwiseConv2dNative": 2}
TRANSPOSED = {"Conv2DBackpropInput": 2, "Conv3DBackpropInputV2": 3}
POOLS = {
    "MaxPool": 2,
    "MaxPoolV2": 2,
    "AvgPool": 2,
    "MaxPool3D": 3,
    "AvgPool3D": 3,
    "MaxPoolWithArgmax": 2,
    "Dilation2D": 2,
}
SPATIAL = CONVOLUTIONS | DEPTHWISE | TRANSPOSED | POOLS
PADS = {"Pad", "PadV2", "MirrorPad"}


@dataclasses.dataclass(frozen=True)
class Window:
    """The window of one operation; tuples have one entry per spatial axis."""

    kernel: tuple[int, ...]
    stride: tuple[int, ...]
    dilation: tuple[int, ...]
    padding: str  # VALID, SAME or EXPLICIT
    before: tuple[int, ...] | None  # zeros before each axis if EXPLICIT
    axes: tuple[int, ...]  # indices of the spatial axes in the tensor


def get_window(operation: Operation) -> Window | None:
    """Returns the window of a convolution or pooling.

    Returns None for any other operation, or where the graph does not tell the kernel.
    """
    dimensions = SPATIAL.get(operation.type)
    if dimensions is None:
        return None
    axes = tuple(range(1, 1 + dimensions))
    if _get_attribute(operation, "data_format", b"NHWC").startswith(b"NC"):
        axes = tuple(axis + 1 for axis in axes)
    if operation.type in POOLS and operation.type != "Dilation2D":
        kernel = _get_pool_sides(operation, "ksize", 1)
        stride = _get_pool_sides(operation, "strides", 2)
        if kernel is None or stride is None:
            return None
        kernel = [kernel[axis] for axis in axes]
    else:
        kernel = operation.inputs[1].shape.as_list()[:dimensions]
        stride = list(operation.get_attr("strides"))
    if None in kernel:
        return None
    dilation = _get_attribute(operation, "dilations", []) or [1] * (dimensions + 2)
    padding = operation.get_attr("padding").decode()
    before = None
    if padding == "EXPLICIT":
        zeros = list(operation.get_attr("explicit_paddings"))
        before = tuple(int(zeros[2 * axis]) for axis in axes)
    return Window(
        tuple(int(side) for side in kernel),
        tuple(int(stride[axis]) for axis in axes),
        tuple(int(dilation[axis]) for axis in axes),
        padding,
        before,
        axes,
    )


def _get_attribute(operation: Operation, name: str, default: Default) -> Default:
    try:
        value: Default = operation.get_attr(name)
    except ValueError:
        return default
    return value


def _get_pool_sides(operation: Operation, name: str, index: int) -> list[int] | None:
    """Returns an attribute of a pool; MaxPoolV2 has it as an input, None unless constant."""
    if operation.type == "MaxPoolV2":
        sides: list[int] | None = get_constant(operation.inputs[index])
        return sides
    return list(operation.get_attr(name))


def get_constant(tensor: Tensor) -> Any:
    """Returns the value of a tensor as nested lists; None where the graph does not fix it."""
    value = tf.get_static_value(tensor)
    return None if value is None else value.tolist()


def get_zeros_before(operation: Operation) -> list[int] | None:
    """Returns the zeros (or pixels) that a padding operation puts before each axis."""
    table = get_constant(operation.inputs[1])
    return None if table is None else [before for before, _ in table]


def get_sides(tensor: Tensor, axes: tuple[int, ...]) -> tuple[int | None, ...]:
    """Returns the sizes of a tensor along some axes, None where unknown."""
    if tensor.shape.rank is None:
        return (None,) * len(axes)
    shape = tensor.shape.as_list()
    return tuple(shape[axis] for axis in axes)


def count_elements(shape: tuple[int | None, ...]) -> int | None:
    """Counts the elements of a shape; None if a side is unknown."""
    return None if None in shape else math.prod(side for side in shape if side is not None)
