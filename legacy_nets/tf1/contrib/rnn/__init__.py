"""``tf.contrib.rnn``: RNN cells beyond ``tf.nn.rnn_cell``, fused cells and stacks of loops.

Papers are named where a cell is made. Variables are called as TensorFlow 1.15 called them.
"""

from __future__ import annotations

from typing import Any

from tensorflow.compat.v1.nn import static_bidirectional_rnn, static_rnn, static_state_saving_rnn

from legacy_nets.tf1 import nn, refused
from legacy_nets.tf1.contrib.rnn.conv_rnn_cell import (
    Conv1DLSTMCell,
    Conv2DLSTMCell,
    Conv3DLSTMCell,
    ConvLSTMCell,
)
from legacy_nets.tf1.contrib.rnn.core_rnn_cell import (
    EmbeddingWrapper,
    InputProjectionWrapper,
    OutputProjectionWrapper,
)
from legacy_nets.tf1.contrib.rnn.fused_rnn_cell import (
    FusedRNNCell,
    FusedRNNCellAdaptor,
    TimeReversedFusedRNN,
)
from legacy_nets.tf1.contrib.rnn.gru_ops import GRUBlockCell, GRUBlockCellV2
from legacy_nets.tf1.contrib.rnn.indy_rnn_cell import IndRNNCell, IndyGRUCell, IndyLSTMCell
from legacy_nets.tf1.contrib.rnn.lstm_ops import LSTMBlockCell, LSTMBlockFusedCell
from legacy_nets.tf1.contrib.rnn.rnn import (
    stack_bidirectional_dynamic_rnn,
    stack_bidirectional_rnn,
    transpose_batch_time,
)
from legacy_nets.tf1.contrib.rnn.rnn_cell import (
    CoupledInputForgetGateLSTMCell,
    LayerNormBasicLSTMCell,
    NASCell,
    PhasedLSTMCell,
    SRUCell,
    UGRNNCell,
)
from legacy_nets.tf1.contrib.rnn.rnn_cell_wrappers import AttentionCellWrapper, HighwayWrapper
from legacy_nets.tf1.rnn_cells import LayerRNNCell
from legacy_nets.tf1.rnn_cells import Linear as _Linear
from legacy_nets.tf1.rnn_cells import linear as _linear

BasicLSTMCell = nn.rnn_cell.BasicLSTMCell
BasicRNNCell = nn.rnn_cell.BasicRNNCell
DeviceWrapper = nn.rnn_cell.DeviceWrapper
DropoutWrapper = nn.rnn_cell.DropoutWrapper
GRUCell = nn.rnn_cell.GRUCell
LSTMCell = nn.rnn_cell.LSTMCell
LSTMStateTuple = nn.rnn_cell.LSTMStateTuple
MultiRNNCell = nn.rnn_cell.MultiRNNCell
RNNCell = nn.rnn_cell.RNNCell
ResidualWrapper = nn.rnn_cell.ResidualWrapper

# Private names that scripts built their own cells on.
_PRIVATE = (_Linear, _linear)

__all__ = [
    "AttentionCellWrapper",
    "BasicLSTMCell",
    "BasicRNNCell",
    "Conv1DLSTMCell",
    "Conv2DLSTMCell",
    "Conv3DLSTMCell",
    "ConvLSTMCell",
    "CoupledInputForgetGateLSTMCell",
    "DeviceWrapper",
    "DropoutWrapper",
    "EmbeddingWrapper",
    "FusedRNNCell",
    "FusedRNNCellAdaptor",
    "GRUBlockCell",
    "GRUBlockCellV2",
    "GRUCell",
    "HighwayWrapper",
    "IndRNNCell",
    "IndyGRUCell",
    "IndyLSTMCell",
    "InputProjectionWrapper",
    "LSTMBlockCell",
    "LSTMBlockFusedCell",
    "LSTMCell",
    "LSTMStateTuple",
    "LayerNormBasicLSTMCell",
    "LayerRNNCell",
    "MultiRNNCell",
    "NASCell",
    "OutputProjectionWrapper",
    "PhasedLSTMCell",
    "RNNCell",
    "ResidualWrapper",
    "SRUCell",
    "TimeReversedFusedRNN",
    "UGRNNCell",
    "stack_bidirectional_dynamic_rnn",
    "stack_bidirectional_rnn",
    "static_bidirectional_rnn",
    "static_rnn",
    "static_state_saving_rnn",
    "transpose_batch_time",
]


def __getattr__(name: str) -> Any:
    raise refused.make_error("rnn", name)
