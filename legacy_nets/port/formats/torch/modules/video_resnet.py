"""3D ResNet and ResNet (2+1)D for video clips, as small as in the tutorial.

Papers:  [1] R(2+1)D, arXiv:1711.11248  [2] residual blocks, arXiv:1512.03385
Source:  tutorial document 000, section 3D CNN
Input:   float32 [N, 3, T, H, W], RGB in [0, 1]; 16 frames of 112x112, from 5x5 (3D) or 9x9 on

There is no batch norm. A block ends in its sum: no ReLU follows. This is not torchvision's
r2plus1d_18. Convolutions are counted over the whole net: conv3d, conv3d_1, conv3d_2, ...
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator

import torch
import torch.nn.functional as F
from same import SameConv3d, max_pool_same
from torch import nn

# filters, window and stride of a convolution
Layer = tuple[int, tuple[int, int, int], tuple[int, int, int]]
ONE, HALVE, HALVE_SPACE = (1, 1, 1), (2, 2, 2), (1, 2, 2)


def list_layers_3d() -> list[Layer]:
    """Lists the 16 convolutions of the 3D ResNet: one, then three stages of one and two blocks."""
    cube = (3, 3, 3)
    layers = [(64, cube, ONE)]
    for filters in (128, 256, 512):
        layers += [(filters, cube, HALVE), *[(filters, cube, ONE)] * 4]
    return layers


def apply_base_3d(x: torch.Tensor, convs: Iterator[nn.Module]) -> torch.Tensor:
    """Maps [N, C, T, H, W] to [N, 512, T/8, H/8, W/8]; shapes in comments are for 16x112x112."""
    x = F.relu(next(convs)(x))  # (N, 64, 16, 112, 112)
    for _ in range(3):
        # (N, 128, 8, 56, 56), (N, 256, 4, 28, 28), (N, 512, 2, 14, 14)
        x = F.relu(next(convs)(x))
        for _ in range(2):
            y = F.relu(next(convs)(x))
            x = F.relu(next(convs)(y)) + x
    return x


def list_layers_2plus1d() -> list[Layer]:
    """Lists the 21 convolutions of the ResNet (2+1)D: in space, in time and 1x1x1 in each block."""
    layers = [(64, (1, 7, 7), HALVE_SPACE)]
    for filters in (64, 128, 256):
        if filters > 64:
            layers.append((filters, (1, 3, 3), HALVE_SPACE))
        layers += [(filters, window, ONE) for window in ((1, 3, 3), (3, 1, 1), ONE)] * 2
    return layers


def apply_base_2plus1d(x: torch.Tensor, convs: Iterator[nn.Module]) -> torch.Tensor:
    """Maps [N, C, T, H, W] to [N, 256, T, H/16, W/16]; shapes in comments are for 16x112x112."""
    x = F.relu(next(convs)(x))  # (N, 64, 16, 56, 56)
    x = max_pool_same(x, (1, 3, 3), HALVE_SPACE)  # (N, 64, 16, 28, 28)
    for stage in range(3):
        # (N, 64, 16, 28, 28), (N, 128, 16, 14, 14), (N, 256, 16, 7, 7)
        if stage:
            x = F.relu(next(convs)(x))
        for _ in range(2):
            y = F.relu(next(convs)(x))
            y = F.relu(next(convs)(y))
            x = next(convs)(y) + x  # the 1x1x1 is linear
    return x


# A base: its layers, and the function that applies them to [N, C, T, H, W]
Base = tuple[
    Callable[[], list[Layer]],
    Callable[[torch.Tensor, Iterator[nn.Module]], torch.Tensor],
]


class VideoResNet(nn.Module):
    """One base or two, one after the other, and a dense layer on the mean of the last map.

    ``image_size`` (frames, height, width) is not read: any works.
    """

    def __init__(
        self, bases: list[Base], num_classes: int, image_size: tuple[int, int, int], channels: int
    ) -> None:
        super().__init__()
        self.bases = [apply for _, apply in bases]
        layers = [layer for list_layers, _ in bases for layer in list_layers()]
        for number, (filters, window, stride) in enumerate(layers):
            name = f"conv3d_{number}" if number else "conv3d"
            self.add_module(name, SameConv3d(channels, filters, window, stride))
            channels = filters
        self.dense = nn.Linear(channels, num_classes)

    def forward(self, clips: torch.Tensor) -> torch.Tensor:
        x, convs = clips, self.children()
        for apply in self.bases:
            x = apply(x, convs)
        return self.dense(x.mean((2, 3, 4)))  # (N, num_classes)


THREE = (list_layers_3d, apply_base_3d)
TWO_PLUS_ONE = (list_layers_2plus1d, apply_base_2plus1d)

resnet_3d = functools.partial(VideoResNet, [THREE])
resnet_2plus1d = functools.partial(VideoResNet, [TWO_PLUS_ONE])
resnet_3d_2plus1d = functools.partial(VideoResNet, [THREE, TWO_PLUS_ONE])
