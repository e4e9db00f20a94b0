"""Cells whose units see of the state only their own part (IndRNN, arXiv:1803.04831)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import tensorflow.compat.v1 as tf

from legacy_nets.tf1 import nn
from legacy_nets.tf1.rnn_cells import LayerRNNCell
from legacy_nets.types import DTypeLike, Initializer, ShapeLike, Structure, Tensor, TensorLike

__all__ = ["IndRNNCell", "IndyGRUCell", "IndyLSTMCell"]

Activation = Callable[[Any], Any]
_StateTuple: Any = nn.rnn_cell.LSTMStateTuple


class IndRNNCell(LayerRNNCell):
    """A plain RNN cell with one recurrent weight per unit."""

    def __init__(
        self,
        num_units: int,
        activation: Activation | None = None,
        reuse: bool | None = None,
        name: str | None = None,
        dtype: DTypeLike | None = None,
    ) -> None:
        super().__init__(_reuse=reuse, name=name, dtype=dtype)
        self._num_units = num_units
        self._activation = activation or tf.tanh

    @property
    def state_size(self) -> Structure:
        """Units."""
        return self._num_units

    @property
    def output_size(self) -> int:
        """Units."""
        return self._num_units

    def build(self, inputs_shape: ShapeLike) -> None:
        """Makes kernel_w [D, units], kernel_u [1, units] and bias."""
        units = self._num_units
        self._kernel_w = self.add_weight("kernel_w", [inputs_shape.as_list()[1], units])
        self._kernel_u = self.add_weight(
            "kernel_u", [1, units], initializer=tf.random_uniform_initializer(-1, 1)
        )
        self._bias = self.add_weight("bias", [units], initializer=tf.zeros_initializer())
        self.built = True

    def call(self, inputs: TensorLike, state: Structure) -> tuple[Tensor, Structure]:
        """[N, D], [N, units] -> [N, units] twice."""
        summed = tf.matmul(inputs, self._kernel_w) + state * self._kernel_u
        output = self._activation(tf.nn.bias_add(summed, self._bias))
        return output, output


class IndyGRUCell(IndRNNCell):
    """A GRU of that kind."""

    def __init__(
        self,
        num_units: int,
        activation: Activation | None = None,
        reuse: bool | None = None,
        kernel_initializer: Initializer | None = None,
        bias_initializer: Initializer | None = None,
        name: str | None = None,
        dtype: DTypeLike | None = None,
    ) -> None:
        super().__init__(num_units, activation, reuse, name, dtype)
        self._kernel_initializer = kernel_initializer
        self._bias_initializer = bias_initializer

    def build(self, inputs_shape: ShapeLike) -> None:
        """Makes the kernels and biases of gates and candidate."""
        units, depth = self._num_units, inputs_shape.as_list()[1]
        kernel, given = self._kernel_initializer, self._bias_initializer
        self._gate_w = self.add_weight("gates/kernel_w", [depth, 2 * units], initializer=kernel)
        self._gate_u = self.add_weight("gates/kernel_u", [1, 2 * units], initializer=kernel)
        self._gate_bias = self.add_weight(
            "gates/bias", [2 * units], initializer=given or tf.ones_initializer()
        )
        self._new_w = self.add_weight("candidate/kernel", [depth, units], initializer=kernel)
        self._new_u = self.add_weight("candidate/kernel_u", [1, units], initializer=kernel)
        self._new_bias = self.add_weight(
            "candidate/bias", [units], initializer=given or tf.zeros_initializer()
        )
        self.built = True

    def call(self, inputs: TensorLike, state: Structure) -> tuple[Tensor, Structure]:
        """[N, D], [N, units] -> [N, units] twice."""
        gates = tf.matmul(inputs, self._gate_w) + tf.tile(state, [1, 2]) * self._gate_u
        r, u = tf.split(tf.sigmoid(tf.nn.bias_add(gates, self._gate_bias)), 2, 1)
        new = tf.matmul(inputs, self._new_w) + r * state * self._new_u
        hidden = u * state + (1 - u) * self._activation(tf.nn.bias_add(new, self._new_bias))
        return hidden, hidden


class IndyLSTMCell(IndRNNCell):
    """An LSTM of that kind (arXiv:1903.08023)."""

    def __init__(
        self,
        num_units: int,
        forget_bias: float = 1.0,
        activation: Activation | None = None,
        reuse: bool | None = None,
        kernel_initializer: Initializer | None = None,
        bias_initializer: Initializer | None = None,
        name: str | None = None,
        dtype: DTypeLike | None = None,
    ) -> None:
        super().__init__(num_units, activation, reuse, name, dtype)
        self._forget_bias = forget_bias
        self._kernel_initializer = kernel_initializer
        self._bias_initializer = bias_initializer

    @property
    def state_size(self) -> Structure:
        """(cell, hidden)."""
        return _StateTuple(self._num_units, self._num_units)

    def build(self, inputs_shape: ShapeLike) -> None:
        """Makes kernel_w [D, 4 units], kernel_u [1, 4 units] and bias."""
        width, kernel = 4 * self._num_units, self._kernel_initializer
        depth = inputs_shape.as_list()[1]
        self._kernel_w = self.add_weight("kernel_w", [depth, width], initializer=kernel)
        self._kernel_u = self.add_weight("kernel_u", [1, width], initializer=kernel)
        first = self._bias_initializer or tf.zeros_initializer()
        self._bias = self.add_weight("bias", [width], initializer=first)
        self.built = True

    def call(self, inputs: TensorLike, state: Structure) -> tuple[Tensor, Structure]:
        """[N, D], (cell, hidden) -> [N, units], (cell, hidden)."""
        cell, hidden = state
        gates = tf.matmul(inputs, self._kernel_w) + tf.tile(hidden, [1, 4]) * self._kernel_u
        i, new, f, o = tf.split(tf.nn.bias_add(gates, self._bias), 4, 1)
        cell = cell * tf.sigmoid(f + self._forget_bias) + tf.sigmoid(i) * self._activation(new)
        hidden = self._activation(cell) * tf.sigmoid(o)
        return hidden, _StateTuple(cell, hidden)
