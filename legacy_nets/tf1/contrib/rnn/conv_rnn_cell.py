"""LSTM cells that convolve (arXiv:1506.04214)."""

from __future__ import annotations

from typing import Any

import tensorflow.compat.v1 as tf

from legacy_nets.tf1 import nn
from legacy_nets.tf1.rnn_cells import RNNCell
from legacy_nets.types import Initializer, Scope, ShapeLike, Structure, Tensor, TensorLike

__all__ = ["Conv1DLSTMCell", "Conv2DLSTMCell", "Conv3DLSTMCell", "ConvLSTMCell"]

_StateTuple: Any = nn.rnn_cell.LSTMStateTuple


class ConvLSTMCell(RNNCell):
    """An LSTM whose state is a picture: its gates are one convolution over input and state."""

    def __init__(
        self,
        conv_ndims: int,
        input_shape: ShapeLike,
        output_channels: int,
        kernel_shape: ShapeLike,
        use_bias: bool = True,
        skip_connection: bool = False,
        forget_bias: float = 1.0,
        initializers: Initializer | None = None,
        name: str = "conv_lstm_cell",
    ) -> None:
        """``input_shape`` is that of one step without batch, channels last: [H, W, C]."""
        super().__init__(name=name)
        if conv_ndims != len(input_shape) - 1:
            raise ValueError(f"Invalid input_shape {input_shape} for conv_ndims={conv_ndims}.")
        self._kernel_shape = list(kernel_shape)
        self._output_channels = output_channels
        self._use_bias = use_bias
        self._skip_connection = skip_connection
        self._forget_bias = forget_bias
        self._initializers = initializers
        spatial = list(input_shape[:-1])
        outputs = output_channels + (input_shape[-1] if skip_connection else 0)
        state = tf.TensorShape([*spatial, output_channels])
        self._state_size = _StateTuple(state, state)
        self._output_size = tf.TensorShape([*spatial, outputs])

    @property
    def state_size(self) -> Structure:
        """(cell, hidden), shapes without batch."""
        return self._state_size

    @property
    def output_size(self) -> Structure:
        """Shape without batch."""
        return self._output_size

    def call(
        self, inputs: TensorLike, state: Structure, scope: Scope = None
    ) -> tuple[Tensor, Structure]:
        """[N, ..., C], (cell, hidden) -> output, (cell, output)."""
        cell, hidden = state
        x = tf.concat([inputs, hidden], -1)
        channels = 4 * self._output_channels
        shape = [*self._kernel_shape, x.shape.as_list()[-1], channels]
        kernel = tf.get_variable("kernel", shape, x.dtype, initializer=self._initializers)
        gates = tf.nn.convolution(x, kernel, "SAME")
        if self._use_bias:
            zero = tf.zeros_initializer()
            gates += tf.get_variable("biases", [channels], x.dtype, initializer=zero)
        i, new, f, o = tf.split(gates, 4, -1)
        cell = tf.sigmoid(f + self._forget_bias) * cell + tf.sigmoid(i) * tf.tanh(new)
        output = tf.tanh(cell) * tf.sigmoid(o)
        if self._skip_connection:
            output = tf.concat([output, inputs], -1)
        return output, _StateTuple(cell, output)


class Conv1DLSTMCell(ConvLSTMCell):
    """ConvLSTMCell over sequences of vectors."""

    def __init__(self, name: str = "conv_1d_lstm_cell", **options: Any) -> None:
        super().__init__(conv_ndims=1, name=name, **options)


class Conv2DLSTMCell(ConvLSTMCell):
    """ConvLSTMCell over images."""

    def __init__(self, name: str = "conv_2d_lstm_cell", **options: Any) -> None:
        super().__init__(conv_ndims=2, name=name, **options)


class Conv3DLSTMCell(ConvLSTMCell):
    """ConvLSTMCell over volumes."""

    def __init__(self, name: str = "conv_3d_lstm_cell", **options: Any) -> None:
        super().__init__(conv_ndims=3, name=name, **options)
