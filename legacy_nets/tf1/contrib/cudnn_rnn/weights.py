"""The weights of a cuDNN network: in one vector, as matrices, and as variables of cells.

cuDNN's vector has all matrices, each row by row, then all biases. Each layer, and of a
bidirectional one each direction, has the gates' matrices for the input and then those for the
state.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import tensorflow.compat.v1 as tf

from legacy_nets.types import Tensor

CUDNN_RNN_UNIDIRECTION = "unidirectional"
CUDNN_RNN_BIDIRECTION = "bidirectional"
CUDNN_INPUT_LINEAR_MODE = "linear_input"
CUDNN_INPUT_SKIP_MODE = "skip_input"
CUDNN_INPUT_AUTO_MODE = "auto_select"

GATES = {"lstm": 4, "gru": 3, "rnn_tanh": 1, "rnn_relu": 1}  # of each cell
_LSTM_ORDER = (0, 2, 1, 3)  # cuDNN has i f c o, the cell i c f o; each way


class CellWeights(NamedTuple):
    """The weights of one layer in one direction, by gate: [units, depth], [units, units]."""

    inputs: list[Tensor]
    states: list[Tensor]
    input_biases: list[Tensor]
    state_biases: list[Tensor]


class Layout(NamedTuple):
    """The sizes of a network, and so the places of its weights."""

    mode: str  # lstm, gru, rnn_tanh, rnn_relu
    num_layers: int
    num_units: int
    input_size: int
    is_bidirectional: bool

    @property
    def num_directions(self) -> int:
        """2, or 1."""
        return 2 if self.is_bidirectional else 1

    def list_weight_shapes(self) -> list[tuple[int, int]]:
        """Returns the shapes of all matrices, in cuDNN's order."""
        gates, units = GATES[self.mode], self.num_units
        shapes = []
        for layer in range(self.num_layers):
            depth = units * self.num_directions if layer else self.input_size
            one = [(units, depth)] * gates + [(units, units)] * gates
            shapes += one * self.num_directions
        return shapes

    def list_bias_shapes(self) -> list[list[int]]:
        """Returns the shapes of all biases, in cuDNN's order."""
        return [[self.num_units]] * len(self.list_weight_shapes())

    def split(self, opaque: Tensor) -> list[CellWeights]:
        """Returns the weights by layer, and by direction in each."""
        shapes = [*self.list_weight_shapes(), *self.list_bias_shapes()]
        sizes = [tf.TensorShape(shape).num_elements() for shape in shapes]
        parts = [
            tf.reshape(part, shape)
            for part, shape in zip(tf.split(opaque, sizes), shapes, strict=True)
        ]
        matrices, biases = parts[: len(parts) // 2], parts[len(parts) // 2 :]
        gates = GATES[self.mode]
        return [
            CellWeights(
                matrices[start : start + gates],
                matrices[start + gates : start + 2 * gates],
                biases[start : start + gates],
                biases[start + gates : start + 2 * gates],
            )
            for start in range(0, len(matrices), 2 * gates)
        ]

    def to_cells(self, opaque: Tensor) -> tuple[list[Tensor], list[Tensor]]:
        """Returns the kernels and the biases of the cells' variables, layer by layer."""
        kernels, biases = [], []
        for cell in self.split(opaque):
            both = [tf.concat([w, r], 1) for w, r in zip(cell.inputs, cell.states, strict=True)]
            pairs = zip(cell.input_biases, cell.state_biases, strict=True)
            added = [w + r for w, r in pairs]
            if self.mode == "lstm":
                both = [both[gate] for gate in _LSTM_ORDER]
                added = [added[gate] for gate in _LSTM_ORDER]
            if self.mode == "gru":
                kernels += [tf.transpose(tf.concat(both[:2], 0)), tf.transpose(cell.inputs[2]),
                            tf.transpose(cell.states[2])]  # fmt: skip
                biases += [tf.concat(added[:2], 0), cell.input_biases[2], cell.state_biases[2]]
            else:
                kernels.append(tf.transpose(tf.concat(both, 0)))
                biases.append(tf.concat(added, 0))
        return kernels, biases

    def from_cells(self, values: Sequence[Tensor]) -> Tensor:
        """Returns cuDNN's vector of the cells' variables: all kernels, then all biases."""
        per_cell = 3 if self.mode == "gru" else 1
        count = len(values) // 2
        matrices: list[Tensor] = []
        all_biases: list[Tensor] = []
        for start in range(0, count, per_cell):
            kernels = values[start : start + per_cell]
            biases = values[count + start : count + start + per_cell]
            inputs, states = self._split_kernels(kernels)
            matrices += [*inputs, *states]
            if self.mode == "gru":  # the third gate has two biases in the cell, too
                halves = tf.split(biases[0] * 0.5, 2)
                all_biases += [*halves, biases[1], *halves, biases[2]]
            else:
                all_biases += self._order(tf.split(biases[0] * 0.5, GATES[self.mode])) * 2
        return tf.concat([tf.reshape(value, [-1]) for value in (*matrices, *all_biases)], 0)

    def _split_kernels(self, kernels: Sequence[Tensor]) -> tuple[list[Tensor], list[Tensor]]:
        """Returns a cell's matrices by gate: for the input, for the state."""
        gates = 2 if self.mode == "gru" else GATES[self.mode]
        inputs, states = [], []
        for gate in self._order(tf.split(tf.transpose(kernels[0]), gates)):
            inputs.append(gate[:, : -self.num_units])
            states.append(gate[:, -self.num_units :])
        if self.mode == "gru":
            inputs.append(tf.transpose(kernels[1]))
            states.append(tf.transpose(kernels[2]))
        return inputs, states

    def _order(self, gates: list[Tensor]) -> list[Tensor]:
        return [gates[gate] for gate in _LSTM_ORDER] if self.mode == "lstm" else gates
