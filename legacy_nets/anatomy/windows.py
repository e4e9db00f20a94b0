"""How one operation looks at its input: kernel, stride, padding and dilation per spatial axis."""

from __future__ import annotations

import dataclasses
import math
from typing import Any

from legacy_nets import tf1 as tf

CONVOLUTIONS = {"Conv2D": 2, "Conv3D": 3, "_FusedConv2D": 2}
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
    """One operation's look at its input; tuples have one entry per spatial axis."""

    kernel: tuple[int, ...]
    stride: tuple[int, ...]
    dilation: tuple[int, ...]
    padding: str  # VALID, SAME or EXPLICIT
    before: tuple[int, ...] | None  # zeros ahead of each axis if EXPLICIT
    axes: tuple[int, ...]  # where the spatial axes lie in the tensor


def window(operation: Any) -> Window | None:
    """The window of a convolution or pooling; None for any other operation, or an odd one."""
    dimensions = SPATIAL.get(operation.type)
    if dimensions is None:
        return None
    layout = _attribute(operation, "data_format", b"NHWC").decode()
    axes = tuple(range(1, 1 + dimensions))
    if layout.startswith("NC"):
        axes = tuple(axis + 1 for axis in axes)
    if operation.type in POOLS and operation.type != "Dilation2D":
        kernel = _numbers(operation, "ksize", 1)
        stride = _numbers(operation, "strides", 2)
        if kernel is None or stride is None:
            return None
        kernel = [kernel[axis] for axis in axes]
    else:
        kernel = operation.inputs[1].shape.as_list()[:dimensions]
        stride = list(operation.get_attr("strides"))
    if None in kernel:
        return None
    dilation = _attribute(operation, "dilations", []) or [1] * (dimensions + 2)
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


def _attribute(operation: Any, name: str, default: Any) -> Any:
    try:
        return operation.get_attr(name)
    except ValueError:
        return default


def _numbers(operation: Any, name: str, index: int) -> Any:
    """An attribute; MaxPoolV2 has it as an input, None unless that is constant."""
    if operation.type == "MaxPoolV2":
        return constant(operation.inputs[index])
    return list(operation.get_attr(name))


def constant(tensor: Any) -> Any:
    """The value of a tensor as nested lists where the graph alone tells it, else None."""
    value = tf.get_static_value(tensor)
    return None if value is None else value.tolist()


def zeros_before(operation: Any) -> list[int] | None:
    """Zeros (or pixels) that a padding operation puts ahead of each axis of its tensor."""
    table = constant(operation.inputs[1])
    return None if table is None else [before for before, _ in table]


def sides(tensor: Any, axes: tuple[int, ...]) -> tuple[int | None, ...]:
    """Sizes of a tensor along some axes, None where unknown."""
    if tensor.shape.rank is None:
        return (None,) * len(axes)
    shape = tensor.shape.as_list()
    return tuple(shape[axis] for axis in axes)


def size(shape: tuple[int | None, ...]) -> int | None:
    """Number of elements; None if a side is unknown."""
    return None if None in shape else math.prod(side for side in shape if side is not None)
