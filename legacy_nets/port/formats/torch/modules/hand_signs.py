"""ResNet-50 for 64x64 hand signs; projections without batch norm, two dense layers at the end.

Papers:  [1] Deep Residual Learning, arXiv:1512.03385  [2] batch norm, arXiv:1502.03167
Source:  tutorial document 001, sections 3 to 5
Input:   float32 [N, 3, 64, 64], RGB in [0, 1]; any size from 5x5 works

The kernels have TensorFlow's names: Variable, Variable_1, ... No layer with a stride of 2 pads as
SAME does: this is plain PyTorch.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from same import BatchNorm
from torch import nn

# stage: filters of the three convolutions, stride of the first block, names of the blocks
STAGES = {
    2: ((64, 64, 256), 1, "abc"),
    3: ((128, 128, 512), 2, "abcd"),
    4: ((256, 256, 1024), 2, "abcdef"),
    5: ((512, 512, 2048), 2, "abc"),
}
EPSILON = 0.001


class Block(nn.Module):
    """Convolutions 1x1, 3x3, 1x1; adds the input, or a 1x1 projection of it.

    The first convolution has the stride. ``shortcut``: whether the input is projected.
    ``shortcut_norm``: whether batch norm follows the projection.
    """

    def __init__(
        self,
        channels: int,
        filters: tuple[int, int, int],
        stride: int,
        shortcut: bool,
        shortcut_norm: bool,
        momentum: float,
    ) -> None:
        super().__init__()
        f1, f2, f3 = filters
        self.Variable = nn.Conv2d(channels, f1, 1, stride, bias=False)
        self.batch_normalization = BatchNorm(f1, momentum, EPSILON)
        self.Variable_1 = nn.Conv2d(f1, f2, 3, padding=1, bias=False)
        self.batch_normalization_1 = BatchNorm(f2, momentum, EPSILON)
        self.Variable_2 = nn.Conv2d(f2, f3, 1, bias=False)
        self.batch_normalization_2 = BatchNorm(f3, momentum, EPSILON)
        self.Variable_3 = self.batch_normalization_3 = nn.Identity()
        if shortcut:
            self.Variable_3 = nn.Conv2d(channels, f3, 1, stride, bias=False)
        if shortcut and shortcut_norm:
            self.batch_normalization_3 = BatchNorm(f3, momentum, EPSILON)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y = F.relu(self.batch_normalization(self.Variable(x)))  # (N, f1, H/s, W/s)
        y = F.relu(self.batch_normalization_1(self.Variable_1(y)))  # (N, f2, H/s, W/s)
        y = self.batch_normalization_2(self.Variable_2(y))  # (N, f3, H/s, W/s)
        return F.relu(y + self.batch_normalization_3(self.Variable_3(x)))


class HandSigns(nn.Module):
    """Logits [N, num_classes]; the shapes in comments are for 64x64.

    Args:
      num_classes: of the last layer.
      image_size: not read: any works.
      channels: of the images.
      keep_prob: share of units that dropout keeps in training.
      shortcut_batch_norm: whether the four projections have batch norm too.
      initial_std: of a new net's kernels; None is sqrt(2 / fan_in).
      momentum: of the moving statistics.
    """

    def __init__(
        self,
        num_classes: int,
        image_size: tuple[int, int],
        channels: int,
        keep_prob: float = 0.5,
        shortcut_batch_norm: bool = False,
        initial_std: float | None = 0.1,
        momentum: float = 0.99,
    ) -> None:
        super().__init__()
        self.dropout = 1 - keep_prob
        self.Variable = nn.Conv2d(channels, 64, 7, 2, padding=3, bias=False)
        self.batch_normalization = BatchNorm(64, momentum, EPSILON)
        self.blocks = []
        depth = 64
        for stage, (filters, stride, names) in STAGES.items():
            for name in names:
                is_first = name == "a"
                options = (stride if is_first else 1, is_first, shortcut_batch_norm, momentum)
                self.add_module(f"res{stage}{name}", Block(depth, filters, *options))
                self.blocks.append(f"res{stage}{name}")
                depth = filters[-1]
        self.dense = nn.Linear(depth, 50)
        self.dense_1 = nn.Linear(50, num_classes)
        for layer in self.modules():
            if isinstance(layer, nn.Conv2d):
                std = initial_std or (2 / layer.weight[0].numel()) ** 0.5
                nn.init.trunc_normal_(layer.weight, std=std, a=-2 * std, b=2 * std)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        x = F.relu(self.batch_normalization(self.Variable(images)))  # (N, 64, 32, 32)
        x = F.max_pool2d(x, 3, 2)  # (N, 64, 15, 15)
        for block in self.blocks:
            # (N, 256, 15, 15), (N, 512, 8, 8), (N, 1024, 4, 4), (N, 2048, 2, 2)
            x = getattr(self, block)(x)
        x = F.relu(self.dense(x.mean((2, 3))))  # (N, 50)
        return self.dense_1(F.dropout(x, self.dropout, self.training))


hand_signs = HandSigns
