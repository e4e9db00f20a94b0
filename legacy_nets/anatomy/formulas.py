"""The formulas of the documents as functions of plain numbers. Imports no TensorFlow.

Paper:   [1] dilated convolutions, arXiv:1603.07285
Source:  output size: documents 002 (section 1) and 004 (its first CNN, AlexNet);
         depthwise and plain: document 004 (MobileNet)
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from legacy_nets.errors import BadInputError

Padding = str | int | tuple[int, int]


def compute_reach(kernel: int, dilation: int = 1) -> int:
    """Computes the pixels that a dilated kernel spans along one axis [1]."""
    return dilation * (kernel - 1) + 1


def compute_same_padding(
    size: int, kernel: int, stride: int = 1, dilation: int = 1
) -> tuple[int, int]:
    """Computes the zeros that SAME adds before and after ``size`` pixels; the odd one is after."""
    missing = (-(-size // stride) - 1) * stride + compute_reach(kernel, dilation) - size
    total = max(missing, 0)
    return total // 2, total - total // 2


def compute_output_size(
    size: int, kernel: int, stride: int = 1, padding: Padding = "VALID", dilation: int = 1
) -> int:
    """Computes the pixels that a convolution or pooling outputs along one axis.

    VALID: ceil((W - F + 1) / S). SAME: ceil(W / S). Zeros: floor((W - F + 2P) / S) + 1.

    Args:
      padding: "VALID", "SAME", P zeros at either end, or (before, after).

    Raises: BadInputError where the kernel does not fit, or for another word.
    """
    if min(size, kernel, stride, dilation) < 1:
        raise BadInputError(
            f"size {size}, kernel {kernel}, stride {stride}, dilation {dilation}: "
            "all must be 1 or more"
        )
    if isinstance(padding, str):
        word = padding.upper()
        if word == "SAME":
            return -(-size // stride)
        if word != "VALID":
            raise BadInputError(
                f'padding {padding!r}: give "VALID", "SAME", a number or two numbers'
            )
        before = after = 0
    else:
        before, after = (padding, padding) if isinstance(padding, int) else padding
    reach = compute_reach(kernel, dilation)
    rest = size + before + after - reach
    if rest < 0:
        raise BadInputError(
            f"a kernel that spans {reach} pixels does not fit into {size} with "
            f"{before}+{after} zeros: pad more, or take a larger image"
        )
    return rest // stride + 1


def count_conv_multiply_adds(
    output: Sequence[int], kernel: Sequence[int], inputs: int, outputs: int, groups: int = 1
) -> int:
    """Counts multiply-adds of a convolution for one image; ``output`` is the size of its map."""
    return math.prod(output) * math.prod(kernel) * (inputs // groups) * outputs


def count_depthwise_multiply_adds(
    output: Sequence[int], kernel: Sequence[int], channels: int, multiplier: int = 1
) -> int:
    """Counts the multiply-adds of a depthwise convolution for one image."""
    return math.prod(output) * math.prod(kernel) * channels * multiplier


def count_dense_multiply_adds(inputs: int, outputs: int, rows: int = 1) -> int:
    """Counts the multiply-adds of a matrix product [rows, inputs] x [inputs, outputs]."""
    return rows * inputs * outputs
