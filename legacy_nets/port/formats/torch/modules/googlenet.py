"""GoogLeNet (Inception v1) without batch norm, with two auxiliary heads.

Papers:  [1] Going Deeper with Convolutions, arXiv:1409.4842
Source:  tutorial document 004, section GoogLeNet
Input:   float32 [N, 3, 224, 224], RGB in [0, 1]

Layers without a name are numbered over the full net with its auxiliary heads, as in Keras:
conv2d, conv2d_1, ... This is not torchvision's net, which has batch norm, no
biases, and 3x3 where [1] has 5x5.
"""

from __future__ import annotations

import itertools
from collections import OrderedDict, defaultdict
from collections.abc import Callable, Iterator

import torch
import torch.nn.functional as F
from same import SameConv2d, flatten, max_pool_same
from torch import nn

# filters: 1x1; 3x3 after a 1x1; 5x5 after a 1x1; 1x1 after a pool [1, table 1]
MODULES = {
    "3a": (64, 96, 128, 16, 32, 32),  # (N, 256, 28, 28)
    "3b": (128, 128, 192, 32, 96, 64),  # (N, 480, 28, 28)
    "4a": (192, 96, 208, 16, 48, 64),  # (N, 512, 14, 14)
    "4b": (160, 112, 224, 24, 64, 64),  # (N, 512, 14, 14)
    "4c": (128, 128, 256, 24, 64, 64),  # (N, 512, 14, 14)
    "4d": (112, 144, 288, 32, 64, 64),  # (N, 528, 14, 14)
    "4e": (256, 160, 320, 32, 128, 128),  # (N, 832, 14, 14)
    "5a": (256, 160, 320, 32, 128, 128),  # (N, 832, 7, 7)
    "5b": (384, 192, 384, 48, 128, 128),  # (N, 1024, 7, 7)
}
POOL_AFTER = ("3b", "4e")
HEAD_AFTER = {"4a": "aux_1", "4d": "aux_2"}

Name = Callable[[str], str]


def number_layers() -> Name:
    """Returns a function that names layers: for "dense" dense, dense_1, dense_2, ..."""
    numbers: dict[str, Iterator[int]] = defaultdict(itertools.count)
    return lambda layer: f"{layer}_{number}" if (number := next(numbers[layer])) else layer


class ReluConv2d(SameConv2d):
    """Convolution, bias, ReLU."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return F.relu(super().forward(x))


class Inception(nn.Module):
    """Four parallel branches, of the widths ch1x1, ch3x3, ch5x5 and pool_proj."""

    def __init__(self, channels: int, widths: tuple[int, ...], name: Name) -> None:
        super().__init__()
        ch1x1, ch3x3red, ch3x3, ch5x5red, ch5x5, pool_proj = widths
        self.add_module(name("conv2d"), ReluConv2d(channels, ch1x1, 1))
        for reduced, filters, size in ((ch3x3red, ch3x3, 3), (ch5x5red, ch5x5, 5)):
            layers = OrderedDict({name("conv2d"): ReluConv2d(channels, reduced, 1)})
            layers[name("conv2d")] = ReluConv2d(reduced, filters, size)
            self.add_module(name("sequential"), nn.Sequential(layers))
        layers = OrderedDict({"pool": nn.MaxPool2d(3, 1, padding=1)})
        layers[name("conv2d")] = ReluConv2d(channels, pool_proj, 1)
        self.add_module(name("sequential"), nn.Sequential(layers))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return torch.cat([branch(x) for branch in self.children()], 1)


class Head(nn.Module):
    """An auxiliary head: [N, channels, H, W] -> [N, num_classes]."""

    def __init__(
        self, channels: int, positions: int, num_classes: int, dropout: float, name: Name
    ) -> None:
        super().__init__()
        self.dropout = dropout
        self.add_module(name("conv2d"), ReluConv2d(channels, 128, 1))
        self.add_module(name("dense"), nn.Linear(positions * 128, 1024))
        self.add_module(name("dense"), nn.Linear(1024, num_classes))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        conv, dense, logits = self.children()
        x = flatten(conv(F.avg_pool2d(x, 5, 3)))  # (N, 2048) of a map of 4x4
        x = F.relu(dense(F.dropout(x, self.dropout, self.training)))
        return logits(F.dropout(x, self.dropout, self.training))


class GoogLeNet(nn.Module):
    """Images -> logits [N, num_classes]; in training (logits, aux_1, aux_2), where it has them.

    ``dropout``: share of units that is dropped before the last layer. ``aux_dropout``: the same for
    the dense layers of the auxiliary heads, whose losses have a weight of 0.3 each [1].
    """

    def __init__(
        self,
        num_classes: int,
        image_size: tuple[int, int],
        channels: int,
        aux_logits: bool = False,
        dropout: float = 0.4,
        aux_dropout: float = 0.5,
    ) -> None:
        super().__init__()
        self.dropout, self.aux_logits = dropout, aux_logits
        (rows, columns), (last_rows, last_columns) = (
            [-(-side // stride) for side in image_size] for stride in (16, 32)
        )
        self.conv2d_1 = ReluConv2d(channels, 64, 7, 2)
        self.conv2d_2 = ReluConv2d(64, 64, 1)
        self.conv2d_3 = ReluConv2d(64, 192, 3)
        name, depth = number_layers(), 192
        for module, widths in MODULES.items():
            self.add_module(f"inception_{module}", Inception(depth, widths, name))
            depth = widths[0] + widths[2] + widths[4] + widths[5]
            if module in HEAD_AFTER and aux_logits:
                positions = ((rows - 5) // 3 + 1) * ((columns - 5) // 3 + 1)
                head = Head(depth, positions, num_classes, aux_dropout, name)
                self.add_module(HEAD_AFTER[module], head)
        self.output_dense = nn.Linear((last_rows - 6) * (last_columns - 6) * depth, num_classes)

    def forward(self, images: torch.Tensor) -> torch.Tensor | tuple[torch.Tensor, ...]:
        x = self.conv2d_1(images)  # (N, 64, 112, 112)
        x = max_pool_same(x, (3, 3), (2, 2))  # (N, 64, 56, 56)
        x = self.conv2d_3(self.conv2d_2(x))  # (N, 192, 56, 56)
        x = max_pool_same(x, (3, 3), (2, 2))  # (N, 192, 28, 28)
        aux = []
        for module in MODULES:
            x = getattr(self, f"inception_{module}")(x)
            if module in HEAD_AFTER and self.aux_logits and self.training:
                aux.append(getattr(self, HEAD_AFTER[module])(x))
            if module in POOL_AFTER:
                x = max_pool_same(x, (3, 3), (2, 2))  # (N, 480, 14, 14), (N, 832, 7, 7)
        x = flatten(F.avg_pool2d(x, 7, 1))  # (N, 1024)
        logits = self.output_dense(F.dropout(x, self.dropout, self.training))
        return (logits, *aux) if aux else logits


googlenet = GoogLeNet
