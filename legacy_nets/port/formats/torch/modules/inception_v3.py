"""Inception V3 as in slim, with its auxiliary head.

Papers:  [1] Rethinking the Inception Architecture, arXiv:1512.00567  [2] batch norm,
         arXiv:1502.03167
Source:  tutorial document 002, sections 1 to 3
Input:   float32 [N, 3, 299, 299], RGB in [-1, 1]; from 75x75 (107x107 with the auxiliary head)

Layers have slim's names, also the odd ones: two 3x3 kernels are called 1x1. This is not
torchvision's net: modules and epsilon are the same, but its averages count the padding.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
import torch.nn.functional as F
from same import BatchNorm
from torch import nn


class Conv(nn.Conv2d):
    """Convolution, batch norm without gamma, ReLU."""

    def __init__(
        self,
        channels: int,
        filters: int,
        size: int | tuple[int, int],
        stride: int = 1,
        padding: str = "valid",
    ) -> None:
        super().__init__(channels, filters, size, stride, padding, bias=False)
        self.BatchNorm = BatchNorm(filters, momentum=0.9997, eps=0.001, scale=False)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return F.relu(self.BatchNorm(super().forward(x)))


# A branch is a chain of steps: {name: filters}. All layers of one step read the same map.
Branch = list[dict[str, int]]
Depth = Callable[[int], int]  # filters of a layer, after depth_multiplier
AVERAGE, LARGEST = {"AvgPool_0a_3x3": 0}, {"MaxPool_1a_3x3": 0}


def build_module_5(
    pool: int, first: str = "Conv2d_0a_1x1", second: str = "Conv2d_0b_5x5"
) -> list[Branch]:
    """Builds [1] figure 5, with a 5x5 that is not split and ``pool`` filters after the pool."""
    return [
        [{"Conv2d_0a_1x1": 64}],
        [{first: 48}, {second: 64}],
        [{"Conv2d_0a_1x1": 64}, {"Conv2d_0b_3x3": 96}, {"Conv2d_0c_3x3": 96}],
        [AVERAGE, {"Conv2d_0b_1x1": pool}],
    ]


def build_module_6(n: int) -> list[Branch]:
    """Builds [1] figure 6: 7x7 factorised into 1x7 and 7x1, n filters wide."""
    double = [{"Conv2d_0b_7x1": n}, {"Conv2d_0c_1x7": n}, {"Conv2d_0d_7x1": n}]
    return [
        [{"Conv2d_0a_1x1": 192}],
        [{"Conv2d_0a_1x1": n}, {"Conv2d_0b_1x7": n}, {"Conv2d_0c_7x1": 192}],
        [{"Conv2d_0a_1x1": n}, *double, {"Conv2d_0e_1x7": 192}],
        [AVERAGE, {"Conv2d_0b_1x1": 192}],
    ]


def build_module_7(tall: str) -> list[Branch]:
    """Builds [1] figure 7: 1x3 and 3x1 in parallel; ``tall`` names the first 3x1."""
    start = [{"Conv2d_0a_1x1": 448}, {"Conv2d_0b_3x3": 384}]
    return [
        [{"Conv2d_0a_1x1": 320}],
        [{"Conv2d_0a_1x1": 384}, {"Conv2d_0b_1x3": 384, tall: 384}],
        [*start, {"Conv2d_0c_1x3": 384, "Conv2d_0d_3x1": 384}],
        [AVERAGE, {"Conv2d_0b_1x1": 192}],
    ]


MODULES = {  # shapes of 299x299
    "Mixed_5b": build_module_5(32),  # (N, 256, 35, 35)
    "Mixed_5c": build_module_5(64, "Conv2d_0b_1x1", "Conv_1_0c_5x5"),  # (N, 288, 35, 35)
    "Mixed_5d": build_module_5(64),  # (N, 288, 35, 35)
    "Mixed_6a": [  # (N, 768, 17, 17)
        [{"Conv2d_1a_1x1": 384}],
        [{"Conv2d_0a_1x1": 64}, {"Conv2d_0b_3x3": 96}, {"Conv2d_1a_1x1": 96}],
        [LARGEST],
    ],
    "Mixed_6b": build_module_6(128),  # (N, 768, 17, 17)
    "Mixed_6c": build_module_6(160),  # (N, 768, 17, 17)
    "Mixed_6d": build_module_6(160),  # (N, 768, 17, 17)
    "Mixed_6e": build_module_6(192),  # (N, 768, 17, 17)
    "Mixed_7a": [  # (N, 1280, 8, 8)
        [{"Conv2d_0a_1x1": 192}, {"Conv2d_1a_3x3": 320}],
        [
            *[{"Conv2d_0a_1x1": 192}, {"Conv2d_0b_1x7": 192}, {"Conv2d_0c_7x1": 192}],
            {"Conv2d_1a_3x3": 192},
        ],
        [LARGEST],
    ],
    "Mixed_7b": build_module_7("Conv2d_0b_3x1"),  # (N, 2048, 8, 8)
    "Mixed_7c": build_module_7("Conv2d_0c_3x1"),  # (N, 2048, 8, 8)
}


def make_layer(name: str, channels: int, filters: int) -> nn.Module:
    """Makes the layer of a slim name: 1a halves the map, all others leave its size."""
    layer_type, number, kernel = name.rsplit("_", 2)
    if layer_type == "MaxPool":
        return nn.MaxPool2d(3, 2)
    if layer_type == "AvgPool":  # TensorFlow does not count the padding
        return nn.AvgPool2d(3, 1, padding=1, count_include_pad=False)
    if number == "1a":  # 3x3, though the name may say 1x1
        return Conv(channels, filters, 3, 2)
    height, width = kernel.split("x")
    return Conv(channels, filters, (int(height), int(width)), padding="same")


class Chain(nn.Module):
    """One branch; ``filters`` are the channels that it returns."""

    def __init__(self, channels: int, steps: Branch) -> None:
        super().__init__()
        self.steps = [list(step) for step in steps]
        self.filters = channels
        for step in steps:
            for name, filters in step.items():
                self.add_module(name, make_layer(name, self.filters, filters))
            self.filters = sum(step.values()) or self.filters  # a pool keeps them

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        for names in self.steps:
            x = torch.cat([getattr(self, name)(x) for name in names], 1)
        return x


class Mixed(nn.Module):
    """Parallel branches; ``filters`` are the channels of all of them."""

    def __init__(self, channels: int, branches: list[Branch], depth: Depth) -> None:
        super().__init__()
        self.filters = 0
        for number, branch in enumerate(branches):
            steps = [{name: n and depth(n) for name, n in step.items()} for step in branch]
            chain = Chain(channels, steps)
            self.add_module(f"Branch_{number}", chain)
            self.filters += chain.filters

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return torch.cat([branch(x) for branch in self.children()], 1)


def compute_aux_kernel(side: int) -> int:
    """Computes the side of the auxiliary head's kernel, at most 5, from the image's side."""
    for size, stride in ((3, 2), (3, 1), (3, 2), (3, 1), (3, 2), (3, 2), (5, 3)):
        side = (side - size) // stride + 1
    return min(side, 5)


class AuxLogits(nn.Module):
    """The auxiliary head on Mixed_6e: [N, C, 17, 17] -> [N, num_classes, 1, 1]."""

    def __init__(
        self, channels: int, num_classes: int, kernel: tuple[int, int], depth: Depth
    ) -> None:
        super().__init__()
        self.Conv2d_1b_1x1 = Conv(channels, depth(128), 1)
        self.name = f"Conv2d_2a_{kernel[0]}x{kernel[1]}"  # 5x5 at 299 pixels, 3x3 at 224
        self.add_module(self.name, Conv(depth(128), depth(768), kernel))
        self.Conv2d_2b_1x1 = nn.Conv2d(depth(768), num_classes, 1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.Conv2d_1b_1x1(F.avg_pool2d(x, 5, 3))  # (N, 128, 5, 5)
        return self.Conv2d_2b_1x1(getattr(self, self.name)(x))


class InceptionV3(nn.Module):
    """Logits [N, num_classes]; in training (logits, aux), where it has the auxiliary head.

    Args:
      num_classes: of the last layer, with the background.
      image_size: (height, width); the auxiliary head has a kernel of its map's size.
      channels: of the images.
      dropout_keep_prob: share of the features that dropout keeps in training.
      min_depth: fewest filters of a layer.
      depth_multiplier: factor on the filters of every layer.
      spatial_squeeze: False keeps the last two axes, [N, num_classes, 1, 1].
      create_aux_logits: whether there is an auxiliary head; its loss is weighed by 0.4.
      global_pool: mean of the full map in place of the 8x8 pool, for large images.
    """

    def __init__(
        self,
        num_classes: int,
        image_size: tuple[int, int],
        channels: int,
        dropout_keep_prob: float = 0.8,
        min_depth: int = 16,
        depth_multiplier: float = 1.0,
        spatial_squeeze: bool = True,
        create_aux_logits: bool = True,
        global_pool: bool = False,
    ) -> None:
        super().__init__()
        self.dropout = 1 - dropout_keep_prob
        self.squeeze, self.global_pool = spatial_squeeze, global_pool

        def depth(filters: int) -> int:
            return max(int(filters * depth_multiplier), min_depth)

        self.Conv2d_1a_3x3 = Conv(channels, depth(32), 3, 2)
        self.Conv2d_2a_3x3 = Conv(depth(32), depth(32), 3)
        self.Conv2d_2b_3x3 = Conv(depth(32), depth(64), 3, padding="same")
        self.Conv2d_3b_1x1 = Conv(depth(64), depth(80), 1)
        self.Conv2d_4a_3x3 = Conv(depth(80), depth(192), 3)
        filters, self.AuxLogits = depth(192), None
        for name, branches in MODULES.items():
            mixed = Mixed(filters, branches, depth)
            self.add_module(name, mixed)
            filters = mixed.filters
            if name == "Mixed_6e" and create_aux_logits:
                kernel = (compute_aux_kernel(image_size[0]), compute_aux_kernel(image_size[1]))
                self.AuxLogits = AuxLogits(filters, num_classes, kernel, depth)
        self.Logits = nn.ModuleDict({"Conv2d_1c_1x1": nn.Conv2d(filters, num_classes, 1)})

    def forward(self, images: torch.Tensor) -> torch.Tensor | tuple[torch.Tensor, torch.Tensor]:
        x = self.Conv2d_1a_3x3(images)  # (N, 32, 149, 149)
        x = self.Conv2d_2a_3x3(x)  # (N, 32, 147, 147)
        x = self.Conv2d_2b_3x3(x)  # (N, 64, 147, 147)
        x = F.max_pool2d(x, 3, 2)  # (N, 64, 73, 73)
        x = self.Conv2d_3b_1x1(x)  # (N, 80, 73, 73)
        x = self.Conv2d_4a_3x3(x)  # (N, 192, 71, 71)
        x = F.max_pool2d(x, 3, 2)  # (N, 192, 35, 35)
        aux = None
        for name in MODULES:
            x = getattr(self, name)(x)
            if name == "Mixed_6e" and self.training and self.AuxLogits is not None:
                aux = self.squeeze_map(self.AuxLogits(x))
        if self.global_pool:
            x = x.mean((2, 3), keepdim=True)  # (N, 2048, 1, 1)
        else:
            x = F.avg_pool2d(x, [min(side, 8) for side in x.shape[2:]], 2)  # (N, 2048, 1, 1)
        x = self.Logits["Conv2d_1c_1x1"](F.dropout(x, self.dropout, self.training))
        logits = self.squeeze_map(x)
        return logits if aux is None else (logits, aux)

    def squeeze_map(self, x: torch.Tensor) -> torch.Tensor:
        """Squeezes [N, C, 1, 1] to [N, C], where spatial_squeeze is set; a larger map is kept."""
        return x.squeeze(3).squeeze(2) if self.squeeze else x


inception_v3 = InceptionV3
