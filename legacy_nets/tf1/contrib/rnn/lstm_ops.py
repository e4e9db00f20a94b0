"""Cells that TensorFlow 1 computed in one operation: the same sums from plain operations.

``LSTMBlockFusedCell`` still is one operation for the whole sequence.
"""

from __future__ import annotations

from typing import Any

import tensorflow.compat.v1 as tf

from legacy_nets.tf1 import layers, nn
from legacy_nets.tf1.rnn_cells import LayerRNNCell
from legacy_nets.types import DTypeLike, Layer, ShapeLike, Structure, Tensor, TensorLike

__all__ = ["LSTMBlockCell", "LSTMBlockFusedCell"]

_Layer: Any = layers.Layer


_StateTuple: Any = nn.rnn_cell.LSTMStateTuple


_PEEPHOLES = ("w_i_diag", "w_f_diag", "w_o_diag")


def _add_lstm_weights(layer: Layer, depth: int, units: int, peephole: bool) -> None:
    layer.kernel = layer.add_weight("kernel", [depth + units, 4 * units])
    layer.bias = layer.add_weight("bias", [4 * units], initializer=tf.zeros_initializer())
    if peephole:
        layer.peepholes = [layer.add_weight(name, [units]) for name in _PEEPHOLES]


class LSTMBlockCell(LayerRNNCell):
    """An LSTM with peepholes (arXiv:1409.2329) and clipping of the cell state."""

    def __init__(
        self,
        num_units: int,
        forget_bias: float = 1.0,
        cell_clip: float | None = None,
        use_peephole: bool = False,
        dtype: DTypeLike | None = None,
        reuse: bool | None = None,
        name: str = "lstm_cell",
    ) -> None:
        super().__init__(_reuse=reuse, dtype=dtype, name=name)
        self._num_units = num_units
        self._forget_bias = forget_bias
        self._cell_clip = cell_clip
        self._use_peephole = use_peephole

    @property
    def state_size(self) -> Structure:
        """(cell, hidden)."""
        return _StateTuple(self._num_units, self._num_units)

    @property
    def output_size(self) -> int:
        """Units."""
        return self._num_units

    def build(self, inputs_shape: ShapeLike) -> None:
        """Makes kernel [D + units, 4 units], bias and peepholes."""
        depth = inputs_shape.as_list()[1]
        _add_lstm_weights(self, depth, self._num_units, self._use_peephole)
        self.built = True

    def call(self, inputs: TensorLike, state: Structure) -> tuple[Tensor, Structure]:
        """[N, D], (cell, hidden) -> [N, units], (cell, hidden)."""
        cell, hidden = state
        gates = tf.nn.bias_add(tf.matmul(tf.concat([inputs, hidden], 1), self.kernel), self.bias)
        i, new, f, o = tf.split(gates, 4, 1)
        f += self._forget_bias
        if self._use_peephole:
            i += cell * self.peepholes[0]
            f += cell * self.peepholes[1]
        cell = tf.sigmoid(i) * tf.tanh(new) + tf.sigmoid(f) * cell
        if self._cell_clip is not None and self._cell_clip > 0:
            # As if it were not clipped, the gradient: so did the one operation.
            clipped = tf.clip_by_value(cell, -self._cell_clip, self._cell_clip)
            cell += tf.stop_gradient(clipped - cell)
        if self._use_peephole:
            o += cell * self.peepholes[2]
        hidden = tf.sigmoid(o) * tf.tanh(cell)
        return hidden, _StateTuple(cell, hidden)


class LSTMBlockFusedCell(_Layer):
    """LSTMBlockCell over a whole sequence [T, N, D] in one operation."""

    def __init__(
        self,
        num_units: int,
        forget_bias: float = 1.0,
        cell_clip: float | None = None,
        use_peephole: bool = False,
        reuse: bool | None = None,
        dtype: DTypeLike | None = None,
        name: str = "lstm_fused_cell",
    ) -> None:
        super().__init__(_reuse=reuse, name=name, dtype=dtype)
        self._num_units = num_units
        self._forget_bias = forget_bias
        self._cell_clip = -1 if cell_clip is None else cell_clip
        self._use_peephole = use_peephole

    @property
    def num_units(self) -> int:
        """Units."""
        return self._num_units

    def build(self, input_shape: ShapeLike) -> None:
        """Makes kernel [D + units, 4 units], bias and peepholes."""
        depth = input_shape.as_list()[2]
        _add_lstm_weights(self, depth, self._num_units, self._use_peephole)
        self.built = True

    def call(
        self,
        inputs: TensorLike,
        initial_state: Structure | None = None,
        dtype: DTypeLike | None = None,
        sequence_length: TensorLike | None = None,
    ) -> tuple[Tensor, Structure]:
        """[T, N, D] (or a list of T [N, D]) -> outputs alike, (cell, hidden).

        Outputs after a sequence's end are zero; the state is that at its end.
        """
        as_list = isinstance(inputs, list)
        x = tf.stack(inputs) if as_list else inputs
        time, batch = tf.shape(x)[0], tf.shape(x)[1]
        if initial_state is None:
            zeros = tf.zeros([batch, self._num_units], dtype or x.dtype)
            initial_state = _StateTuple(zeros, zeros)
        cell, hidden = initial_state
        last = time if sequence_length is None else tf.reduce_max(sequence_length)
        diagonals = (
            self.peepholes if self._use_peephole else [tf.zeros([self._num_units], x.dtype)] * 3
        )
        block = tf.raw_ops.BlockLSTM(
            seq_len_max=tf.cast(last, tf.int64),
            x=x,
            cs_prev=cell,
            h_prev=hidden,
            w=self.kernel,
            wci=diagonals[0],
            wcf=diagonals[1],
            wco=diagonals[2],
            b=self.bias,
            forget_bias=self._forget_bias,
            cell_clip=self._cell_clip,
            use_peephole=self._use_peephole,
        )
        cells, outputs = block.cs, block.h
        if sequence_length is None:
            state = _StateTuple(cells[-1], outputs[-1])
        else:
            inside = tf.sequence_mask(sequence_length, time, dtype=x.dtype)  # [N, T]
            outputs *= tf.transpose(inside)[:, :, None]
            where = tf.stack([tf.cast(sequence_length, tf.int32), tf.range(batch)], 1)
            last_steps = [
                tf.gather_nd(tf.concat([first[None], all_steps], 0), where)
                for first, all_steps in ((cell, cells), (hidden, outputs))
            ]
            state = _StateTuple(*last_steps)
        return (tf.unstack(outputs, num=len(inputs)) if as_list else outputs), state
