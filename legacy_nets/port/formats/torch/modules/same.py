"""TensorFlow's padding and batch norm in PyTorch, shared by the nets of this folder.

Maps are [N, C, H, W], or [N, C, T, H, W] for video clips; windows and strides have that order.
Layers without padding (VALID) are plain PyTorch: nn.Conv2d, F.max_pool2d, F.avg_pool2d.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import nn


def compute_same_padding(
    sides: tuple[int, ...], window: tuple[int, ...], stride: tuple[int, ...]
) -> list[int]:
    """Returns the pads of "SAME" for F.pad: the last axis first, an odd pixel at its end."""
    pads = []
    for side, size, step in reversed(list(zip(sides, window, stride, strict=True))):
        total = max((-(-side // step) - 1) * step + size - side, 0)
        pads += [total // 2, total - total // 2]
    return pads


class SameConv2d(nn.Conv2d):
    """A convolution with padding="SAME": [N, C, H, W] -> [N, filters, ceil(H/s), ceil(W/s)]."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return super().forward(
            F.pad(x, compute_same_padding(x.shape[2:], self.kernel_size, self.stride))
        )


class SameConv3d(nn.Conv3d):
    """As ``SameConv2d``, for video clips."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return super().forward(
            F.pad(x, compute_same_padding(x.shape[2:], self.kernel_size, self.stride))
        )


def max_pool_same(
    x: torch.Tensor, window: tuple[int, ...], stride: tuple[int, ...]
) -> torch.Tensor:
    """Takes the maximum of each window, with padding="SAME", of images or video clips."""
    pool = F.max_pool2d if x.dim() == 4 else F.max_pool3d
    x = F.pad(x, compute_same_padding(x.shape[2:], window, stride), value=float("-inf"))
    return pool(x, window, stride)


def flatten(x: torch.Tensor) -> torch.Tensor:
    """Flattens [N, C, H, W] to [N, H*W*C], the order of TensorFlow's dense layers."""
    return x.movedim(1, -1).flatten(1)


class BatchNorm(nn.Module):
    """Batch norm over all axes but the second; inference uses the moving statistics.

    Args:
      channels: of the map.
      momentum: TensorFlow's: the share of the old statistics that a step keeps.
      eps: added to the variance.
      scale: whether there is a gamma (``weight``).
    """

    def __init__(self, channels: int, momentum: float, eps: float, scale: bool = True) -> None:
        super().__init__()
        self.momentum, self.eps = momentum, eps
        self.weight = nn.Parameter(torch.ones(channels)) if scale else None
        self.bias = nn.Parameter(torch.zeros(channels))
        self.register_buffer("running_mean", torch.zeros(channels))
        self.register_buffer("running_var", torch.ones(channels))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        statistics = (self.running_mean, self.running_var)
        share = 1 - self.momentum  # PyTorch's: of the new
        return F.batch_norm(x, *statistics, self.weight, self.bias, self.training, share, self.eps)
