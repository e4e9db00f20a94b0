"""GRU cells that TensorFlow 1 computed in one operation: the same sums from plain operations."""

from __future__ import annotations

from typing import Any

import tensorflow.compat.v1 as tf

from legacy_nets.tf1.rnn_cells import LayerRNNCell
from legacy_nets.types import ShapeLike, Structure, Tensor, TensorLike

__all__ = ["GRUBlockCell", "GRUBlockCellV2"]


class GRUBlockCell(LayerRNNCell):
    """A GRU (arXiv:1406.1078), its gates' bias 1 at first."""

    _names = ("w_ru", "b_ru", "w_c", "b_c")

    def __init__(
        self,
        num_units: int | None = None,
        cell_size: int | None = None,
        reuse: bool | None = None,
        name: str = "gru_cell",
    ) -> None:
        super().__init__(_reuse=reuse, name=name)
        if (cell_size is None) == (num_units is None):
            raise ValueError("Exactly one of num_units or cell_size must be provided.")
        self._cell_size: Any = cell_size if num_units is None else num_units

    @property
    def state_size(self) -> Structure:
        """Units."""
        return self._cell_size

    @property
    def output_size(self) -> Structure:
        """Units."""
        return self._cell_size

    def build(self, input_shape: ShapeLike) -> None:
        """Makes the kernels and biases of gates and candidate."""
        depth, units = input_shape.as_list()[1], self._cell_size
        one, zero = tf.ones_initializer(), tf.zeros_initializer()
        gates, gates_bias, candidate, candidate_bias = self._names
        self._gates = self.add_weight(gates, [depth + units, 2 * units])
        self._gates_bias = self.add_weight(gates_bias, [2 * units], initializer=one)
        self._candidate = self.add_weight(candidate, [depth + units, units])
        self._candidate_bias = self.add_weight(candidate_bias, [units], initializer=zero)
        self.built = True

    def call(self, inputs: TensorLike, state: Structure) -> tuple[Tensor, Structure]:
        """[N, D], [N, units] -> [N, units] twice."""
        gates = tf.matmul(tf.concat([inputs, state], 1), self._gates)
        r, u = tf.split(tf.sigmoid(tf.nn.bias_add(gates, self._gates_bias)), 2, 1)
        new = tf.matmul(tf.concat([inputs, r * state], 1), self._candidate)
        new = tf.tanh(tf.nn.bias_add(new, self._candidate_bias))
        hidden = u * state + (1 - u) * new
        return hidden, hidden


class GRUBlockCellV2(GRUBlockCell):
    """GRUBlockCell with the variable names of GRUCell."""

    _names = ("gates/kernel", "gates/bias", "candidate/kernel", "candidate/bias")
