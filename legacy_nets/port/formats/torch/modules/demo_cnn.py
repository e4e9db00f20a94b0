"""The demo of the TensorFlow 2 notes: one convolution and two dense layers, for MNIST.

Papers:  [1] MNIST and LeNet, doi:10.1109/5.726791
Source:  tutorial document 004, section TensorflowDemo
Input:   float32 [N, 1, 28, 28] in [0, 1]
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from same import flatten
from torch import nn


class DemoCnn(nn.Module):
    """Images [N, channels, *image_size] -> logits [N, num_classes]."""

    def __init__(self, num_classes: int, image_size: tuple[int, int], channels: int) -> None:
        super().__init__()
        height, width = image_size
        self.conv2d = nn.Conv2d(channels, 32, 3)
        self.dense = nn.Linear((height - 2) * (width - 2) * 32, 128)
        self.dense_1 = nn.Linear(128, num_classes)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        x = F.relu(self.conv2d(images))  # (N, 32, 26, 26)
        x = F.relu(self.dense(flatten(x)))  # (N, 128)
        return self.dense_1(x)


demo_cnn = DemoCnn
