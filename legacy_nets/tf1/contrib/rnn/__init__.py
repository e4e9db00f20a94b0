"""``tf.contrib.rnn``: RNN cells beyond ``tf.nn.rnn_cell``, fused cells and stacks of loops.

Papers are named where a cell is made. Variables are called as TensorFlow 1.15 called them.
"""

from __future__ import annotations

from typing import Any

from tensorflow.compat.v1.nn import static_bidirectional_rnn
from tensorflow.compat.v1.nn import static_rnn
from tensorflow.compat.v1.nn import static_state_saving_rnn

from legacy_nets.tf1 import nn
from legacy_nets.tf1 import refused
from legacy_nets.tf1.cells import LayerRNNCell
from legacy_nets.tf1.cells import Linear as _Linear
from legacy_nets.tf1.cells import linear as _linear
from legacy_nets.tf1.contrib.rnn.block import GRUBlockCell
from legacy_nets.tf1.contrib.rnn.block import GRUBlockCellV2
from legacy_nets.tf1.contrib.rnn.block import LSTMBlockCell
from legacy_nets.tf1.contrib.rnn.block import LSTMBlockFusedCell
from legacy_nets.tf1.contrib.rnn.cells import CoupledInputForgetGateLSTMCell
from legacy_nets.tf1.contrib.rnn.cells import LayerNormBasicLSTMCell
from legacy_nets.tf1.contrib.rnn.cells import NASCell
from legacy_nets.tf1.contrib.rnn.cells import PhasedLSTMCell
from legacy_nets.tf1.contrib.rnn.cells import SRUCell
from legacy_nets.tf1.contrib.rnn.cells import UGRNNCell
from legacy_nets.tf1.contrib.rnn.conv import Conv1DLSTMCell
from legacy_nets.tf1.contrib.rnn.conv import Conv2DLSTMCell
from legacy_nets.tf1.contrib.rnn.conv import Conv3DLSTMCell
from legacy_nets.tf1.contrib.rnn.conv import ConvLSTMCell
from legacy_nets.tf1.contrib.rnn.independent import IndRNNCell
from legacy_nets.tf1.contrib.rnn.independent import IndyGRUCell
from legacy_nets.tf1.contrib.rnn.independent import IndyLSTMCell
from legacy_nets.tf1.contrib.rnn.loops import FusedRNNCell
from legacy_nets.tf1.contrib.rnn.loops import FusedRNNCellAdaptor
from legacy_nets.tf1.contrib.rnn.loops import TimeReversedFusedRNN
from legacy_nets.tf1.contrib.rnn.loops import stack_bidirectional_dynamic_rnn
from legacy_nets.tf1.contrib.rnn.loops import stack_bidirectional_rnn
from legacy_nets.tf1.contrib.rnn.loops import transpose_batch_time
from legacy_nets.tf1.contrib.rnn.wrappers import AttentionCellWrapper
from legacy_nets.tf1.contrib.rnn.wrappers import EmbeddingWrapper
from legacy_nets.tf1.contrib.rnn.wrappers import HighwayWrapper
from legacy_nets.tf1.contrib.rnn.wrappers import InputProjectionWrapper
from legacy_nets.tf1.contrib.rnn.wrappers import OutputProjectionWrapper

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
    raise refused.error("rnn", name)
