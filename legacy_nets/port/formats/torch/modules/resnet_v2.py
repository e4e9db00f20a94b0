"""ResNet v2, pre-activation, as in slim: the last unit of a block has its stride.

Papers:  [1] Deep Residual Learning, arXiv:1512.03385  [2] Identity Mappings, arXiv:1603.05027
Source:  tutorial document 003, sections 1.1 and 1.2
Input:   float32 [N, 3, H, W], RGB in [-1, 1]; 224x224 (the published weights: 299x299), any works

A projection reads the input after batch norm and ReLU, and has a bias. Convolutions pad both
sides equally at any stride; only the pool pads as SAME does.
"""

from __future__ import annotations

import functools
from collections import OrderedDict

import torch
import torch.nn.functional as F
from same import BatchNorm, max_pool_same
from torch import nn

NORM = (0.997, 1e-5)  # momentum and epsilon
ROOT_STRIDE = 4  # the first convolution and the pool halve the map each


class ConvNorm(nn.Conv2d):
    """Convolution, batch norm, ReLU."""

    def __init__(
        self, channels: int, filters: int, size: int, stride: int = 1, rate: int = 1
    ) -> None:
        super().__init__(channels, filters, size, stride, rate * (size // 2), rate, bias=False)
        self.BatchNorm = BatchNorm(filters, *NORM)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return F.relu(self.BatchNorm(super().forward(x)))


class Bottleneck(nn.Module):
    """Batch norm and ReLU first, then 1x1, 3x3, 1x1 [2, figure 1b]; ``rate`` dilates the 3x3."""

    def __init__(self, channels: int, filters: int, stride: int, rate: int) -> None:
        super().__init__()
        depth = 4 * filters
        self.stride = stride
        self.preact = BatchNorm(channels, *NORM)
        self.shortcut = nn.Conv2d(channels, depth, 1, stride) if depth != channels else None
        self.conv1 = ConvNorm(channels, filters, 1)
        self.conv2 = ConvNorm(filters, filters, 3, stride, rate)
        self.conv3 = nn.Conv2d(filters, depth, 1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        preact = F.relu(self.preact(x))
        if self.shortcut is None:
            shortcut = x[:, :, :: self.stride, :: self.stride]
        else:
            shortcut = self.shortcut(preact)
        return shortcut + self.conv3(self.conv2(self.conv1(preact)))


class ResNetV2(nn.Module):
    """Logits [N, num_classes] of images of any size; the shapes in comments are for 224x224.

    Args:
      units: bottlenecks of each of the four blocks.
      num_classes: of the last layer.
      image_size: not read: any works.
      channels: of the images.
      global_pool: mean over the map before the logits; without it, the logits are a map.
      output_stride: image size over map size, 4, 8, 16 or 32. Once it is reached, further
        strides become dilation. None keeps all strides.
      spatial_squeeze: False keeps the last two axes, [N, num_classes, 1, 1]; None squeezes them
        with global_pool.
      store_non_strided_activations: move the stride of a block's last unit after the block.
    """

    def __init__(
        self,
        units: tuple[int, int, int, int],
        num_classes: int,
        image_size: tuple[int, int],
        channels: int,
        global_pool: bool = True,
        output_stride: int | None = None,
        spatial_squeeze: bool | None = None,
        store_non_strided_activations: bool = False,
    ) -> None:
        super().__init__()
        self.global_pool = global_pool
        self.squeeze = global_pool if spatial_squeeze is None else spatial_squeeze
        self.conv1 = nn.Conv2d(channels, 64, 7, 2, 3)
        depth, reached, rate = 64, ROOT_STRIDE, 1
        for number, count in enumerate(units, 1):
            filters, block = 32 << number, OrderedDict()
            for unit in range(1, count + 1):
                wanted = 2 if unit == count and number < 4 else 1
                stride = 1 if reached == output_stride else wanted
                inner, outer = (1, stride) if store_non_strided_activations else (stride, 1)
                bottleneck = Bottleneck(depth, filters, inner, rate)
                block[f"unit_{unit}"] = nn.Sequential(OrderedDict(bottleneck_v2=bottleneck))
                if outer > 1:
                    block["subsample"] = nn.MaxPool2d(1, outer)
                depth, reached, rate = 4 * filters, reached * stride, rate * (wanted // stride)
            self.add_module(f"block{number}", nn.Sequential(block))
        self.postnorm = BatchNorm(depth, *NORM)
        self.logits = nn.Conv2d(depth, num_classes, 1)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        x = self.conv1(images)  # (N, 64, 112, 112); no norm and no ReLU: the units begin with them
        x = max_pool_same(x, (3, 3), (2, 2))  # (N, 64, 56, 56)
        x = self.block1(x)  # (N, 256, 28, 28)
        x = self.block2(x)  # (N, 512, 14, 14)
        x = self.block3(x)  # (N, 1024, 7, 7)
        x = self.block4(x)  # (N, 2048, 7, 7)
        x = F.relu(self.postnorm(x))
        if self.global_pool:
            x = x.mean((2, 3), keepdim=True)  # (N, 2048, 1, 1)
        x = self.logits(x)  # (N, num_classes, 1, 1)
        return x.flatten(1) if self.squeeze else x


resnet_v2_50 = functools.partial(ResNetV2, (3, 4, 6, 3))
resnet_v2_101 = functools.partial(ResNetV2, (3, 4, 23, 3))
resnet_v2_152 = functools.partial(ResNetV2, (3, 8, 36, 3))
resnet_v2_200 = functools.partial(ResNetV2, (3, 24, 36, 3))
