"""AlexNet with half the filters of the paper, in the two versions of the TensorFlow 2 notes.

Papers:  [1] AlexNet, doi:10.1145/3065386  [2] dropout, arXiv:1207.0580
Source:  tutorial document 004, section AlexNet
Input:   float32 [N, 3, 224, 224], RGB in [0, 1]

This is not torchvision's AlexNet: other widths, and a map that is flattened H, W, C.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from same import SameConv2d, flatten
from torch import nn


def count_positions(image_size: tuple[int, int]) -> int:
    """Counts the pixels of the last map, 6x6 for 224x224."""
    product = 1
    for side in image_size:
        side = (side + 3 - 11) // 4 + 1
        for _ in range(3):
            side = (side - 3) // 2 + 1
        product *= side
    return product


def add_convolutions(net: nn.Module, channels: int) -> None:
    """Adds five convolutions to the net, as attributes."""
    net.conv2d = nn.Conv2d(channels, 48, 11, 4)
    net.conv2d_1 = SameConv2d(48, 128, 5)
    net.conv2d_2 = SameConv2d(128, 192, 3)
    net.conv2d_3 = SameConv2d(192, 192, 3)
    net.conv2d_4 = SameConv2d(192, 128, 3)


def extract_features(net: nn.Module, images: torch.Tensor) -> torch.Tensor:
    """Applies convolutions and overlapping pools; the shapes in comments are for 224x224."""
    x = F.pad(images, (1, 2, 1, 2))  # (N, 3, 227, 227)
    x = F.relu(net.conv2d(x))  # (N, 48, 55, 55)
    x = F.max_pool2d(x, 3, 2)  # (N, 48, 27, 27)
    x = F.relu(net.conv2d_1(x))  # (N, 128, 27, 27)
    x = F.max_pool2d(x, 3, 2)  # (N, 128, 13, 13)
    x = F.relu(net.conv2d_2(x))  # (N, 192, 13, 13)
    x = F.relu(net.conv2d_3(x))
    x = F.relu(net.conv2d_4(x))  # (N, 128, 13, 13)
    return flatten(F.max_pool2d(x, 3, 2))  # (N, 4608)


class Classifier(nn.Module):
    """Two dense layers with dropout before each, then the logits [N, num_classes]."""

    def __init__(self, units: tuple[int, int, int], num_classes: int, dropout: float) -> None:
        super().__init__()
        self.dropout = dropout
        self.dense = nn.Linear(units[0], units[1])
        self.dense_1 = nn.Linear(units[1], units[2])
        self.dense_2 = nn.Linear(units[2], num_classes)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = F.dropout(x, self.dropout, self.training)
        x = F.dropout(F.relu(self.dense(x)), self.dropout, self.training)
        return self.dense_2(F.relu(self.dense_1(x)))


class AlexNetV1(Classifier):
    """Version 1: all layers are in one scope."""

    def __init__(
        self, num_classes: int, image_size: tuple[int, int], channels: int, dropout: float = 0.2
    ) -> None:
        super().__init__((count_positions(image_size) * 128, 2048, 2048), num_classes, dropout)
        add_convolutions(self, channels)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        return super().forward(extract_features(self, images))


class Features(nn.Module):
    """The convolutions of version 2."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        add_convolutions(self, channels)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        return extract_features(self, images)


class AlexNetV2(nn.Module):
    """Version 2: convolutions and dense layers have a scope each."""

    def __init__(
        self, num_classes: int, image_size: tuple[int, int], channels: int, dropout: float = 0.2
    ) -> None:
        super().__init__()
        units = (count_positions(image_size) * 128, 1024, 128)
        self.sequential = Features(channels)
        self.sequential_1 = Classifier(units, num_classes, dropout)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        return self.sequential_1(self.sequential(images))


alexnet_v1 = AlexNetV1
alexnet_v2 = AlexNetV2
