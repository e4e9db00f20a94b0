"""``tf.contrib.rnn``: the cells of ``tf.nn.rnn_cell`` and the static loops."""

from __future__ import annotations

from tensorflow.compat.v1.nn import static_bidirectional_rnn
from tensorflow.compat.v1.nn import static_rnn
from tensorflow.compat.v1.nn import static_state_saving_rnn

from legacy_nets.tf1 import nn

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

__all__ = [
    "BasicLSTMCell",
    "BasicRNNCell",
    "DeviceWrapper",
    "DropoutWrapper",
    "GRUCell",
    "LSTMCell",
    "LSTMStateTuple",
    "MultiRNNCell",
    "RNNCell",
    "ResidualWrapper",
    "static_bidirectional_rnn",
    "static_rnn",
    "static_state_saving_rnn",
]
