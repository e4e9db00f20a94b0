"""The formulas of the documents as functions of plain numbers. No TensorFlow.

Papers:  [1] dilated convolutions, arXiv:1603.07285  [2] MobileNets, arXiv:1704.04861
Source:  output size: documents 002 (section 1) and 004 (its first CNN, AlexNet);
         receptive field: document 004 (VGG); depthwise against plain: document 004 (MobileNet)
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from fractions import Fraction

from legacy_nets.errors import BadInputError

Padding = str | int | tuple[int, int]


def reach(kernel: int, dilation: int = 1) -> int:
    """Pixels from the first to the last that a kernel touches along one axis [1]."""
    return dilation * (kernel - 1) + 1


def same_padding(size: int, kernel: int, stride: int = 1, dilation: int = 1) -> tuple[int, int]:
    """Zeros that SAME puts before and after ``size`` pixels: the odd one comes after."""
    missing = (-(-size // stride) - 1) * stride + reach(kernel, dilation) - size
    total = max(missing, 0)
    return total // 2, total - total // 2


def output_size(
    size: int, kernel: int, stride: int = 1, padding: Padding = "VALID", dilation: int = 1
) -> int:
    """Pixels that a convolution or pooling leaves along one axis.

    VALID: ceil((W - F + 1) / S). SAME: ceil(W / S). Zeros: floor((W - F + 2P) / S) + 1.

    Args:
      padding: "VALID", "SAME", P zeros at either end, or (before, after).

    Raises: BadInputError where the kernel does not fit, or for another word.
    """
    if min(size, kernel, stride, dilation) < 1:
        raise BadInputError(
            f"size {size}, kernel {kernel}, stride {stride}, dilation {dilation}: all are 1 or more"
        )
    if isinstance(padding, str):
        word = padding.upper()
        if word == "SAME":
            return -(-size // stride)
        if word != "VALID":
            raise BadInputError(f'padding {padding!r}: "VALID", "SAME", a number or two of them')
        before = after = 0
    else:
        before, after = (padding, padding) if isinstance(padding, int) else padding
    left = size + before + after - reach(kernel, dilation)
    if left < 0:
        raise BadInputError(
            f"a kernel that reaches {reach(kernel, dilation)} pixels does not fit into {size} "
            f"with {before}+{after} zeros: pad more, or take a larger image"
        )
    return left // stride + 1


def transposed_output_size(size: int, kernel: int, stride: int = 1, padding: str = "VALID") -> int:
    """Pixels that a transposed convolution of TensorFlow gives when nobody states them [1]."""
    if padding.upper() == "SAME":
        return size * stride
    return size * stride + max(kernel - stride, 0)


def receptive_field(layers: Iterable[Sequence[int]]) -> int:
    """Pixels of the input that one pixel of the last layer depends on, along one axis.

    Args:
      layers: (kernel, stride), or (kernel, stride, dilation), from the input on.

    From the last layer down, as the document has it: RF = (RF_next - 1) * stride + kernel; the
    last one counted alone has its kernel.
    """
    field = 1
    for kernel, stride, *dilation in reversed(list(layers)):
        field = (field - 1) * stride + reach(kernel, *dilation)
    return field


def conv_parameters(
    kernel: Sequence[int], inputs: int, outputs: int, *, bias: bool = True, groups: int = 1
) -> int:
    """Weights and biases of a convolution; ``inputs`` and ``outputs`` count channels."""
    return math.prod(kernel) * inputs // groups * outputs + (outputs if bias else 0)


def depthwise_parameters(
    kernel: Sequence[int], channels: int, multiplier: int = 1, *, bias: bool = True
) -> int:
    """Weights and biases of a depthwise convolution."""
    return (math.prod(kernel) + bool(bias)) * channels * multiplier


def dense_parameters(inputs: int, outputs: int, *, bias: bool = True) -> int:
    """Weights and biases of a dense layer."""
    return inputs * outputs + (outputs if bias else 0)


def lstm_parameters(inputs: int, units: int) -> int:
    """Kernel and bias of TensorFlow 1's LSTMCell, without peepholes and projection."""
    return 4 * units * (inputs + units + 1)


def conv_multiply_adds(
    output: Sequence[int], kernel: Sequence[int], inputs: int, outputs: int, groups: int = 1
) -> int:
    """Multiply-adds of a convolution for one image; ``output`` is the size of its map."""
    return math.prod(output) * math.prod(kernel) * (inputs // groups) * outputs


def depthwise_multiply_adds(
    output: Sequence[int], kernel: Sequence[int], channels: int, multiplier: int = 1
) -> int:
    """Multiply-adds of a depthwise convolution for one image."""
    return math.prod(output) * math.prod(kernel) * channels * multiplier


def dense_multiply_adds(inputs: int, outputs: int, rows: int = 1) -> int:
    """Multiply-adds of a matrix product [rows, inputs] x [inputs, outputs]."""
    return rows * inputs * outputs


def separable_ratio(kernel: Sequence[int], outputs: int) -> Fraction:
    """Cost of depthwise + pointwise over that of the plain convolution [2]: 1/N + 1/K^2.

    A 3x3 kernel and many channels give 1/9 at best: "8 to 9 times" cheaper, as document 004 says.
    """
    return Fraction(1, outputs) + Fraction(1, math.prod(kernel))
