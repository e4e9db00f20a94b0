"""``tf.contrib.cudnn_rnn``: its layers, computed without cuDNN, and the cells that equal them.

Names:   cudnn_lstm/opaque_kernel, one vector of all weights and biases. A checkpoint has the
         cells' variables, too: cudnn_lstm/rnn/multi_rnn_cell/cell_0/cudnn_compatible_lstm_cell/
         {kernel, bias}, as in 1.15.
"""

from __future__ import annotations

from legacy_nets.tf1 import refused
from legacy_nets.tf1.contrib.cudnn_rnn.cells import (
    CudnnCompatibleGRUCell,
    CudnnCompatibleLSTMCell,
)
from legacy_nets.tf1.contrib.cudnn_rnn.layers import (
    CudnnGRU,
    CudnnLSTM,
    CudnnRNNRelu,
    CudnnRNNTanh,
)
from legacy_nets.tf1.contrib.cudnn_rnn.saveables import (
    CudnnGRUSaveable,
    CudnnLSTMSaveable,
    CudnnRNNReluSaveable,
    CudnnRNNTanhSaveable,
)
from legacy_nets.tf1.contrib.cudnn_rnn.weights import (
    CUDNN_INPUT_AUTO_MODE,
    CUDNN_INPUT_LINEAR_MODE,
    CUDNN_INPUT_SKIP_MODE,
    CUDNN_RNN_BIDIRECTION,
    CUDNN_RNN_UNIDIRECTION,
)

__all__ = [
    "CUDNN_INPUT_AUTO_MODE",
    "CUDNN_INPUT_LINEAR_MODE",
    "CUDNN_INPUT_SKIP_MODE",
    "CUDNN_RNN_BIDIRECTION",
    "CUDNN_RNN_UNIDIRECTION",
    "CudnnCompatibleGRUCell",
    "CudnnCompatibleLSTMCell",
    "CudnnGRU",
    "CudnnGRUSaveable",
    "CudnnLSTM",
    "CudnnLSTMSaveable",
    "CudnnRNNRelu",
    "CudnnRNNReluSaveable",
    "CudnnRNNTanh",
    "CudnnRNNTanhSaveable",
]


def __getattr__(name: str) -> object:
    raise refused.make_error("cudnn_rnn", name)
