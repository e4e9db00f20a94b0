"""What a checkpoint has of a cuDNN network: the variables of the cells that equal it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

import tensorflow.compat.v1 as tf
from tensorflow.python.training.saver import BaseSaverBuilder

from legacy_nets.tf1.contrib.cudnn_rnn.weights import (
    CUDNN_INPUT_LINEAR_MODE,
    CUDNN_RNN_BIDIRECTION,
    CUDNN_RNN_UNIDIRECTION,
    Layout,
)
from legacy_nets.types import Operation, Scope, ShapeLike, Tensor, Variable

_GRU_PARTS = ("gates", "candidate/input_projection", "candidate/hidden_projection")


class _Saveable(BaseSaverBuilder.SaveableObject):
    """Saves and restores the vector of a network under the names of the cells' variables.

    Args:
      opaque_params: the vector.
      num_layers: of the network.
      num_units: of each layer, in each direction.
      input_size: the last size of its input.
      input_mode: ``linear_input``.
      direction: ``unidirectional`` or ``bidirectional``.
      scope: the prefix of the names.
      name: of the saveable.
    """

    _mode: ClassVar[str]
    _cell: ClassVar[str]  # its name among the variables'
    _parts: ClassVar[Sequence[str]] = ("",)  # of the cell that have a kernel and a bias

    def __init__(
        self,
        opaque_params: Variable,
        num_layers: int,
        num_units: int,
        input_size: int,
        input_mode: str = CUDNN_INPUT_LINEAR_MODE,
        direction: str = CUDNN_RNN_UNIDIRECTION,
        scope: Scope = None,
        name: str = "cudnn_rnn_saveable",
    ) -> None:
        is_bidirectional = direction == CUDNN_RNN_BIDIRECTION
        self._layout = Layout(self._mode, num_layers, num_units, input_size, is_bidirectional)
        self._variable = opaque_params
        scope = scope if isinstance(scope, str) or scope is None else scope.name
        prefix = f"{scope}/" if scope else ""
        kernels, biases = self._layout.to_cells(opaque_params)
        names = [f"{prefix}{place}" for place in self._list_places()]
        specs = [
            BaseSaverBuilder.SaveSpec(value, "", f"{place}/{kind}")
            for kind, values in (("kernel", kernels), ("bias", biases))
            for place, value in zip(names, values, strict=True)
        ]
        super().__init__(tf.identity(opaque_params), specs, name)

    def _list_places(self) -> list[str]:
        """Returns the scopes of the kernels and biases, layer by layer."""
        cells = []
        for layer in range(self._layout.num_layers):
            if self._layout.is_bidirectional:
                above = f"stack_bidirectional_rnn/cell_{layer}/bidirectional_rnn"
                cells += [f"{above}/{direction}/{self._cell}" for direction in ("fw", "bw")]
            else:
                cells.append(f"rnn/multi_rnn_cell/cell_{layer}/{self._cell}")
        return [f"{cell}/{part}".rstrip("/") for cell in cells for part in self._parts]

    def restore(
        self, restored_tensors: Sequence[Tensor], restored_shapes: Sequence[ShapeLike] | None
    ) -> Operation:
        """Assigns the vector of the cells' variables."""
        opaque = self._layout.from_cells(restored_tensors)
        return tf.assign(self._variable, opaque, validate_shape=False)


class CudnnLSTMSaveable(_Saveable):
    """The variables of CudnnCompatibleLSTMCell."""

    _mode = "lstm"
    _cell = "cudnn_compatible_lstm_cell"


class CudnnGRUSaveable(_Saveable):
    """The variables of CudnnCompatibleGRUCell."""

    _mode = "gru"
    _cell = "cudnn_compatible_gru_cell"
    _parts = _GRU_PARTS


class CudnnRNNTanhSaveable(_Saveable):
    """The variables of BasicRNNCell."""

    _mode = "rnn_tanh"
    _cell = "basic_rnn_cell"


class CudnnRNNReluSaveable(_Saveable):
    """The variables of BasicRNNCell."""

    _mode = "rnn_relu"
    _cell = "basic_rnn_cell"
