"""Convolutions, and an LSTM that reads their map row by row, for 28x28 grey images.

Papers:  [1] LSTM, doi:10.1162/neco.1997.9.8.1735  [2] residual blocks, arXiv:1512.03385
Source:  tutorial document 000, sections CNN+LSTM and ResNet + one layer of LSTM
Input:   float32 [N, 1, 28, 28] in [0, 1]
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from same import SameConv2d, max_pool_same
from torch import nn

GROUPS = (32, 64, 128, 256)  # filters of the four groups of convolutions
HIDDEN = 512  # units of either LSTM


class LstmCell(nn.Module):
    """TensorFlow's LSTM cell: one kernel over input and state, gates in the order i, j, f, o."""

    def __init__(self, inputs: int, units: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.empty(4 * units, inputs + units))
        self.bias = nn.Parameter(torch.zeros(4 * units))
        nn.init.xavier_uniform_(self.weight)

    def forward(
        self, x: torch.Tensor, h: torch.Tensor, c: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor]:
        gates = F.linear(torch.cat([x, h], 1), self.weight, self.bias)
        i, j, f, o = gates.chunk(4, 1)
        c = torch.sigmoid(f + 1) * c + torch.sigmoid(i) * torch.tanh(j)  # forget bias 1
        return torch.sigmoid(o) * torch.tanh(c), c


class Lstm(nn.Module):
    """[N, T, inputs] -> [N, T, units]: the outputs of all time steps."""

    def __init__(self, inputs: int, units: int) -> None:
        super().__init__()
        cell = nn.ModuleDict({"lstm_cell": LstmCell(inputs, units)})
        self.multi_rnn_cell = nn.ModuleDict({"cell_0": cell})  # TensorFlow's scopes
        self.units = units

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        cell = self.multi_rnn_cell["cell_0"]["lstm_cell"]
        h = c = x.new_zeros(len(x), self.units)
        outputs = []
        for step in x.unbind(1):
            h, c = cell(step, h, c)
            outputs.append(h)
        return torch.stack(outputs, 1)


class CnnLstm(nn.Module):
    """Four groups of convolutions and an LSTM over the rows of their map."""

    def __init__(self, num_classes: int, image_size: tuple[int, int], channels: int) -> None:
        super().__init__()
        self.layers = 0
        for filters in GROUPS:
            for inputs in (channels, filters, filters, filters):
                self.add_conv(inputs, filters)
            channels = filters
        columns = -(-(image_size[1] // 4) // 2)  # two pools VALID, one SAME
        self.rnn = Lstm(columns * channels, HIDDEN)
        self.dense = nn.Linear(HIDDEN, num_classes)

    def add_conv(self, inputs: int, filters: int) -> None:
        """Adds a 3x3 convolution: conv2d, then conv2d_1, conv2d_2, ..."""
        self.add_module(name_conv(self.layers), SameConv2d(inputs, filters, 3))
        self.layers += 1

    def apply_conv(self, x: torch.Tensor, index: int) -> torch.Tensor:
        """Applies one convolution and ReLU."""
        return F.relu(getattr(self, name_conv(index))(x))

    def apply_residual(self, x: torch.Tensor, index: int) -> torch.Tensor:
        """Applies two convolutions and adds their input; no ReLU follows."""
        return self.apply_conv(self.apply_conv(x, index), index + 1) + x

    def compute_steps(self, images: torch.Tensor) -> torch.Tensor:
        """Returns the outputs of the first LSTM: [N, channels, H, W] -> [N, H/8, 512]."""
        x = images
        for group in range(4):
            # (N, 32, 28, 28), (N, 64, 14, 14), (N, 128, 7, 7), (N, 256, 4, 4)
            x = self.apply_conv(self.apply_conv(x, 4 * group), 4 * group + 1)
            x = self.apply_residual(x, 4 * group + 2)
            if group < 2:
                x = F.max_pool2d(x, 2)
            elif group == 2:
                x = max_pool_same(x, (2, 2), (2, 2))
        return self.rnn(x.permute(0, 2, 3, 1).flatten(2))  # (N, 4, 1024) -> (N, 4, 512)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        return self.dense(self.compute_steps(images)[:, -1])  # the last time step


class CnnLstmResnet(CnnLstm):
    """``CnnLstm``, a residual block over its outputs, and a second LSTM.

    ``lstm_map``: the outputs as a map for the block. "column": 4x1; "tile": four times, 4x4.
    """

    def __init__(
        self,
        num_classes: int,
        image_size: tuple[int, int],
        channels: int,
        lstm_map: str = "column",
    ) -> None:
        super().__init__(num_classes, image_size, channels)
        rows = -(-(image_size[0] // 4) // 2)
        self.columns = rows if lstm_map == "tile" else 1
        self.add_conv(HIDDEN, HIDDEN)
        self.add_conv(HIDDEN, HIDDEN)
        self.lstm_2 = nn.ModuleDict({"rnn": Lstm(self.columns * HIDDEN, HIDDEN)})

    def compute_steps(self, images: torch.Tensor) -> torch.Tensor:
        """Returns the outputs of the second LSTM: [N, channels, H, W] -> [N, H/8, 512]."""
        x = super().compute_steps(images).transpose(1, 2)[..., None]  # (N, 512, 4, 1)
        x = self.apply_residual(x.expand(-1, -1, -1, self.columns), 16)
        return self.lstm_2["rnn"](x.permute(0, 2, 3, 1).flatten(2))


def name_conv(index: int) -> str:
    """Returns TensorFlow's name of a convolution."""
    return f"conv2d_{index}" if index else "conv2d"


cnn_lstm = CnnLstm
cnn_lstm_resnet = CnnLstmResnet
