"""Runs the layers of a cuDNN network by TensorFlow's own operations."""

from __future__ import annotations

from collections.abc import Callable

import tensorflow.compat.v1 as tf

from legacy_nets.tf1.contrib.cudnn_rnn.weights import CellWeights, Layout
from legacy_nets.tf1.rnn_cells import RNNCell
from legacy_nets.types import Structure, Tensor, TensorLike


def run_layers(
    layout: Layout,
    opaque: Tensor,
    inputs: Tensor,
    states: tuple[TensorLike, ...],
    lengths: TensorLike | None = None,
    drop: Callable[[Tensor], Tensor] | None = None,
) -> tuple[Tensor, tuple[Tensor, ...]]:
    """Runs the layers over a batch of sequences.

    Args:
      layout: the sizes of the network.
      opaque: its weights, as cuDNN keeps them in one vector.
      inputs: [T, N, D].
      states: the first h and, of an LSTM, c: [layers * directions, N, units].
      lengths: int32 [N]; outputs after the end of a sequence are 0.
      drop: drops outputs between layers.

    Returns the outputs [T, N, directions * units], and the last states.
    """
    directions = layout.num_directions
    firsts = [tf.unstack(state, layout.num_layers * directions) for state in states]
    cells = layout.split(opaque)
    lasts: list[tuple[Tensor, ...]] = []
    outputs = inputs
    for layer in range(layout.num_layers):
        if layer and drop:
            outputs = drop(outputs)
        sides = []
        for direction in range(directions):
            number = layer * directions + direction
            first = tuple(states[number] for states in firsts)
            cell = _Cell(layout.mode, layout.num_units, cells[number])
            side, last = _run(cell, outputs, first, lengths, direction == 1)
            sides.append(side)
            lasts.append(last)
        outputs = tf.concat(sides, 2)
    return outputs, tuple(tf.stack(states) for states in zip(*lasts, strict=True))


class _Cell(RNNCell):
    """One layer in one direction, as cuDNN computes it."""

    def __init__(self, mode: str, num_units: int, weights: CellWeights) -> None:
        super().__init__(name="cudnn_cell")
        self._mode = mode
        self._num_units = num_units
        self._input_kernel = tf.transpose(tf.concat(weights.inputs, 0))
        self._state_kernel = tf.transpose(tf.concat(weights.states, 0))
        self._input_bias = tf.concat(weights.input_biases, 0)
        self._state_bias = tf.concat(weights.state_biases, 0)

    @property
    def state_size(self) -> Structure:
        """(h, c) of an LSTM, h of the others."""
        return (self._num_units, self._num_units) if self._mode == "lstm" else self._num_units

    @property
    def output_size(self) -> int:
        """The units."""
        return self._num_units

    def call(self, inputs: Tensor, state: Structure) -> tuple[Tensor, Structure]:
        """[N, D], [N, units] -> [N, units] and the next state."""
        h = state[0] if self._mode == "lstm" else state
        by_input = tf.matmul(inputs, self._input_kernel) + self._input_bias
        by_state = tf.matmul(h, self._state_kernel) + self._state_bias
        if self._mode == "lstm":
            i, f, c, o = tf.split(by_input + by_state, 4, 1)
            cell = tf.sigmoid(f) * state[1] + tf.sigmoid(i) * tf.tanh(c)
            h = tf.sigmoid(o) * tf.tanh(cell)
            return h, (h, cell)
        if self._mode == "gru":
            (r, u, x), (r_state, u_state, x_state) = (
                tf.split(value, 3, 1) for value in (by_input, by_state)
            )
            u = tf.sigmoid(u + u_state)
            h = (1 - u) * tf.tanh(x + tf.sigmoid(r + r_state) * x_state) + u * h
            return h, h
        activation = tf.tanh if self._mode == "rnn_tanh" else tf.nn.relu
        h = activation(by_input + by_state)
        return h, h


def _run(
    cell: _Cell,
    inputs: Tensor,
    first: tuple[Tensor, ...],
    lengths: TensorLike | None,
    is_reversed: bool,
) -> tuple[Tensor, tuple[Tensor, ...]]:
    """Runs one layer in one direction: outputs [T, N, units] and the last state."""
    is_lstm = len(first) == 2
    inputs = _reverse(inputs, lengths) if is_reversed else inputs
    outputs, last = tf.nn.dynamic_rnn(
        cell, inputs, lengths, first if is_lstm else first[0], time_major=True
    )
    outputs = _reverse(outputs, lengths) if is_reversed else outputs
    return outputs, tuple(last) if is_lstm else (last,)


def _reverse(values: Tensor, lengths: TensorLike | None) -> Tensor:
    if lengths is None:
        return tf.reverse(values, [0])
    return tf.reverse_sequence(values, lengths, seq_axis=0, batch_axis=1)
