"""The cells that compute on a CPU what cuDNN did on a GPU."""

from __future__ import annotations

import tensorflow.compat.v1 as tf

from legacy_nets.tf1.contrib.rnn import LSTMBlockCell
from legacy_nets.tf1.rnn_cells import GRUCell
from legacy_nets.types import Initializer, ShapeLike, Structure, Tensor, TensorLike

__all__ = ["CudnnCompatibleGRUCell", "CudnnCompatibleLSTMCell"]


class CudnnCompatibleLSTMCell(LSTMBlockCell):
    """An LSTM as CudnnLSTM: no forget bias, no clipping, no peepholes."""

    def __init__(self, num_units: int, reuse: bool | None = None) -> None:
        super().__init__(num_units, 0, reuse=reuse, name="cudnn_compatible_lstm_cell")


class CudnnCompatibleGRUCell(GRUCell):
    """A GRU as CudnnGRU: the reset gate acts after the recurrent product."""

    def __init__(
        self,
        num_units: int,
        reuse: bool | None = None,
        kernel_initializer: Initializer | None = None,
    ) -> None:
        super().__init__(num_units, reuse=reuse, kernel_initializer=kernel_initializer)

    def build(self, inputs_shape: ShapeLike) -> None:
        """Makes gates and candidate, the candidate's two products apart."""
        depth, units = inputs_shape.as_list()[1], self._num_units
        kernel = self._kernel_initializer
        given = self._bias_initializer
        one, zero = given or tf.ones_initializer(), given or tf.zeros_initializer()
        self._gate_kernel = self.add_weight(
            "gates/kernel", [depth + units, 2 * units], initializer=kernel
        )
        self._gate_bias = self.add_weight("gates/bias", [2 * units], initializer=one)
        parts = (("input_projection", depth), ("hidden_projection", units))
        kernels = [
            self.add_weight(f"candidate/{part}/kernel", [rows, units], initializer=kernel)
            for part, rows in parts
        ]
        biases = [
            self.add_weight(f"candidate/{part}/bias", [units], initializer=zero)
            for part, _ in parts
        ]
        self._parts = list(zip(kernels, biases, strict=True))
        self.built = True

    def call(self, inputs: TensorLike, state: Structure) -> tuple[Tensor, Structure]:
        """[N, D], [N, units] -> [N, units] twice."""
        gates = tf.matmul(tf.concat([inputs, state], 1), self._gate_kernel)
        r, u = tf.split(tf.sigmoid(tf.nn.bias_add(gates, self._gate_bias)), 2, 1)
        x, h = (
            tf.nn.bias_add(tf.matmul(value, weights), bias)
            for value, (weights, bias) in zip((inputs, state), self._parts, strict=True)
        )
        hidden = (1 - u) * self._activation(x + r * h) + u * state
        return hidden, hidden
