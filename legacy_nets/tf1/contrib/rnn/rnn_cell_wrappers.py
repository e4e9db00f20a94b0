"""Cells around cells: attention to the last outputs, and highways."""

from __future__ import annotations

import tensorflow.compat.v1 as tf

from legacy_nets.tf1.contrib.rnn.core_rnn_cell import CellWrapper
from legacy_nets.tf1.rnn_cells import RNNCell, linear
from legacy_nets.types import Scope, Structure, Tensor, TensorLike

__all__ = ["AttentionCellWrapper", "HighwayWrapper"]


class AttentionCellWrapper(RNNCell):
    """Attention to the last ``attn_length`` outputs (arXiv:1409.0473)."""

    def __init__(
        self,
        cell: RNNCell,
        attn_length: int,
        attn_size: int | None = None,
        attn_vec_size: int | None = None,
        input_size: int | None = None,
        state_is_tuple: bool = True,
        reuse: bool | None = None,
    ) -> None:
        super().__init__(_reuse=reuse)
        if attn_length <= 0:
            raise ValueError(f"attn_length should be greater than zero, got {attn_length}")
        self._cell = cell
        self._length = attn_length
        self._size = cell.output_size if attn_size is None else attn_size
        self._vec_size = self._size if attn_vec_size is None else attn_vec_size
        self._input_size = input_size
        self._state_is_tuple = state_is_tuple

    @property
    def state_size(self) -> Structure:
        """(the cell's, attention, the last outputs), or their sum."""
        sizes = (self._cell.state_size, self._size, self._size * self._length)
        return sizes if self._state_is_tuple else sum(sizes)

    @property
    def output_size(self) -> int:
        """Units of the attention."""
        return self._size

    def call(self, inputs: TensorLike, state: Structure) -> tuple[Tensor, Structure]:
        """[N, D], state -> [N, attn_size], state."""
        if not self._state_is_tuple:
            widths = [self._cell.state_size, self._size, self._size * self._length]
            state = tf.split(state, widths, 1)
        cell_state, attention, past = state
        past = tf.reshape(past, [-1, self._length, self._size])
        depth = self._input_size or inputs.shape.as_list()[1]
        output, cell_state = self._cell(linear([inputs, attention], depth, True), cell_state)
        query = tf.concat(tf.nest.flatten(cell_state), 1)
        attention = self._attend(query, past)
        output = linear([output, attention], self._size, True, scope="attn_output_projection")
        past = tf.concat([past[:, 1:], output[:, None]], 1)
        new = (cell_state, attention, tf.reshape(past, [-1, self._length * self._size]))
        return output, new if self._state_is_tuple else tf.concat(new, 1)

    def _attend(self, query: TensorLike, past: TensorLike) -> Tensor:
        """[N, _], [N, length, size] -> weighted sum [N, size]."""
        with tf.variable_scope("attention"):
            kernel = tf.get_variable("attn_w", [1, 1, self._size, self._vec_size])
            v = tf.get_variable("attn_v", [self._vec_size])
            keys = tf.nn.conv2d(past[:, :, None], kernel, 1, "SAME")[:, :, 0]
            y = linear(query, self._vec_size, True)[:, None]
        weights = tf.nn.softmax(tf.reduce_sum(v * tf.tanh(keys + y), 2))
        return tf.reduce_sum(weights[:, :, None] * past, 1)


class HighwayWrapper(CellWrapper):
    """A gate between the cell's input and output (arXiv:1505.00387)."""

    def __init__(
        self, cell: RNNCell, couple_carry_transform_gates: bool = True, carry_bias_init: float = 1.0
    ) -> None:
        super().__init__(cell)
        self._couple = couple_carry_transform_gates
        self._carry_bias_init = carry_bias_init

    def __call__(
        self, inputs: TensorLike, state: Structure, scope: Scope = None
    ) -> tuple[Tensor, Structure]:
        """As the cell; input and output have the same shape."""
        outputs, state = self._cell(inputs, state, scope=scope)
        tf.nest.assert_same_structure(inputs, outputs)
        return tf.nest.map_structure(self._highway, inputs, outputs), state

    def _highway(self, inputs: TensorLike, outputs: TensorLike) -> Tensor:
        carry = self._gate("carry", inputs, self._carry_bias_init)
        transform = (
            1 - carry if self._couple else self._gate("transform", inputs, -self._carry_bias_init)
        )
        return inputs * carry + outputs * transform

    @staticmethod
    def _gate(name: str, inputs: TensorLike, bias: float) -> Tensor:
        size = inputs.shape.as_list()[1]
        w = tf.get_variable(f"{name}_w", [size, size])
        b = tf.get_variable(f"{name}_b", [size], initializer=tf.constant_initializer(bias))
        return tf.sigmoid(tf.matmul(inputs, w) + b)
