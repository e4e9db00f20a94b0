"""Recurrent cells of single papers."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import tensorflow.compat.v1 as tf

from legacy_nets.tf1 import nn
from legacy_nets.tf1.contrib import layers
from legacy_nets.tf1.rnn_cells import LayerRNNCell, RNNCell, linear
from legacy_nets.types import DTypeLike, Initializer, ShapeLike, Structure, Tensor, TensorLike

__all__ = [
    "CoupledInputForgetGateLSTMCell",
    "LayerNormBasicLSTMCell",
    "NASCell",
    "PhasedLSTMCell",
    "SRUCell",
    "UGRNNCell",
]

Activation = Callable[[Any], Any]
_StateTuple: Any = nn.rnn_cell.LSTMStateTuple


def _normalize(x: TensorLike, scope: str, gain: float, shift: float) -> Tensor:
    """Layer norm with gamma and beta of the given first values in ``scope``."""
    with tf.variable_scope(scope):
        size = [x.shape.as_list()[-1]]
        tf.get_variable("gamma", size, x.dtype, initializer=tf.constant_initializer(gain))
        tf.get_variable("beta", size, x.dtype, initializer=tf.constant_initializer(shift))
    return layers.layer_norm(x, reuse=True, scope=scope)


class LayerNormBasicLSTMCell(RNNCell):
    """An LSTM with layer norm (arXiv:1607.06450) and dropout in the recurrence
    (arXiv:1603.05118)."""

    def __init__(
        self,
        num_units: int,
        forget_bias: float = 1.0,
        input_size: TensorLike | None = None,
        activation: Activation = tf.tanh,
        layer_norm: bool = True,
        norm_gain: float = 1.0,
        norm_shift: float = 0.0,
        dropout_keep_prob: TensorLike = 1.0,
        dropout_prob_seed: int | None = None,
        reuse: bool | None = None,
    ) -> None:
        super().__init__(_reuse=reuse)
        self._num_units = num_units
        self._activation = activation
        self._forget_bias = forget_bias
        self._keep_prob = dropout_keep_prob
        self._seed = dropout_prob_seed
        self._layer_norm = layer_norm
        self._norm_gain = norm_gain
        self._norm_shift = norm_shift

    @property
    def state_size(self) -> Structure:
        """(cell, hidden)."""
        return _StateTuple(self._num_units, self._num_units)

    @property
    def output_size(self) -> int:
        """Units."""
        return self._num_units

    def call(self, inputs: TensorLike, state: Structure) -> tuple[Tensor, Structure]:
        """[N, D], (cell, hidden) -> [N, units], (cell, hidden)."""
        cell, hidden = state
        gates = linear([inputs, hidden], 4 * self._num_units, not self._layer_norm)
        parts = [
            self._norm(part, scope)
            for part, scope in zip(
                tf.split(gates, 4, 1), ("input", "transform", "forget", "output"), strict=True
            )
        ]
        i, new, f, o = parts
        new = self._activation(new)
        if not isinstance(self._keep_prob, float) or self._keep_prob < 1:
            new = tf.nn.dropout(new, self._keep_prob, seed=self._seed)
        cell = cell * tf.sigmoid(f + self._forget_bias) + tf.sigmoid(i) * new
        cell = self._norm(cell, "state")
        hidden = self._activation(cell) * tf.sigmoid(o)
        return hidden, _StateTuple(cell, hidden)

    def _norm(self, x: TensorLike, scope: str) -> Tensor:
        if not self._layer_norm:
            return x
        return _normalize(x, scope, self._norm_gain, self._norm_shift)


class NASCell(LayerRNNCell):
    """The cell that architecture search found (arXiv:1611.01578)."""

    def __init__(
        self,
        num_units: int,
        num_proj: int | None = None,
        use_bias: bool = False,
        reuse: bool | None = None,
        **options: object,
    ) -> None:
        super().__init__(_reuse=reuse, **options)
        self._num_units = num_units
        self._num_proj = num_proj
        self._use_bias = use_bias

    @property
    def state_size(self) -> Structure:
        """(cell, hidden)."""
        return _StateTuple(self._num_units, self.output_size)

    @property
    def output_size(self) -> int:
        """Units, or units of the projection."""
        return self._num_proj or self._num_units

    def build(self, inputs_shape: ShapeLike) -> None:
        """Makes recurrent_kernel, kernel, bias and projection_weights."""
        width = 8 * self._num_units
        self.recurrent_kernel = self.add_weight("recurrent_kernel", [self.output_size, width])
        self.kernel = self.add_weight("kernel", [inputs_shape.as_list()[1], width])
        if self._use_bias:
            self.bias = self.add_weight("bias", [width], initializer=tf.zeros_initializer())
        if self._num_proj is not None:
            shape = [self._num_units, self._num_proj]
            self.projection_weights = self.add_weight("projection_weights", shape)
        self.built = True

    def call(self, inputs: TensorLike, state: Structure) -> tuple[Tensor, Structure]:
        """[N, D], (cell, hidden) -> [N, outputs], (cell, hidden)."""
        cell, hidden = state
        recurrent = tf.matmul(hidden, self.recurrent_kernel)
        if self._use_bias:
            recurrent = tf.nn.bias_add(recurrent, self.bias)
        h = tf.split(recurrent, 8, 1)
        x = tf.split(tf.matmul(inputs, self.kernel), 8, 1)
        # The tree that was found, leaves first.
        left = tf.tanh(tf.sigmoid(x[0] + h[0]) * tf.nn.relu(x[1] + h[1]))
        right = tf.tanh(tf.sigmoid(x[2] + h[2]) + tf.nn.relu(x[3] * h[3]))
        third = tf.tanh(tf.tanh(x[4] + h[4]) * tf.sigmoid(x[5] + h[5]))
        fourth = tf.sigmoid(tf.tanh(x[6] + h[6]) + tf.sigmoid(x[7] + h[7]))
        cell = tf.tanh(left + cell) * right
        hidden = tf.tanh(cell * tf.tanh(third + fourth))
        if self._num_proj is not None:
            hidden = tf.matmul(hidden, self.projection_weights)
        return hidden, _StateTuple(cell, hidden)


class UGRNNCell(RNNCell):
    """The update gate RNN (arXiv:1611.09913)."""

    def __init__(
        self,
        num_units: int,
        initializer: Initializer | None = None,
        forget_bias: float = 1.0,
        activation: Activation = tf.tanh,
        reuse: bool | None = None,
    ) -> None:
        super().__init__(_reuse=reuse)
        self._num_units = num_units
        self._initializer = initializer
        self._forget_bias = forget_bias
        self._activation = activation

    @property
    def state_size(self) -> int:
        """Units."""
        return self._num_units

    @property
    def output_size(self) -> int:
        """Units."""
        return self._num_units

    def call(self, inputs: TensorLike, state: Structure) -> tuple[Tensor, Structure]:
        """[N, D], [N, units] -> [N, units] twice."""
        with tf.variable_scope(tf.get_variable_scope(), initializer=self._initializer):
            gate, new = tf.split(linear([inputs, state], 2 * self._num_units, True), 2, 1)
        gate = tf.sigmoid(gate + self._forget_bias)
        state = gate * state + (1 - gate) * self._activation(new)
        return state, state


class SRUCell(LayerRNNCell):
    """The simple recurrent unit (arXiv:1709.02755)."""

    def __init__(
        self,
        num_units: int,
        activation: Activation | None = None,
        reuse: bool | None = None,
        name: str | None = None,
        **options: object,
    ) -> None:
        super().__init__(_reuse=reuse, name=name, **options)
        self._num_units = num_units
        self._activation = activation or tf.tanh

    @property
    def state_size(self) -> int:
        """Units."""
        return self._num_units

    @property
    def output_size(self) -> int:
        """Units."""
        return self._num_units

    def build(self, inputs_shape: ShapeLike) -> None:
        """Makes kernel [D, 4 units] and bias [2 units]."""
        units = self._num_units
        self._kernel = self.add_weight("kernel", [inputs_shape.as_list()[1], 4 * units])
        self._bias = self.add_weight("bias", [2 * units], initializer=tf.zeros_initializer())
        self.built = True

    def call(self, inputs: TensorLike, state: Structure) -> tuple[Tensor, Structure]:
        """[N, D], [N, units] -> [N, units] twice."""
        new, f, r, x = tf.split(tf.matmul(inputs, self._kernel), 4, 1)
        f, r = tf.split(tf.sigmoid(tf.nn.bias_add(tf.concat([f, r], 1), self._bias)), 2, 1)
        state = f * state + (1 - f) * new
        return r * self._activation(state) + (1 - r) * x, state


class CoupledInputForgetGateLSTMCell(RNNCell):
    """An LSTM that takes in as much as it forgets (arXiv:1503.04069)."""

    def __init__(
        self,
        num_units: int,
        use_peepholes: bool = False,
        initializer: Initializer | None = None,
        num_proj: int | None = None,
        proj_clip: float | None = None,
        num_unit_shards: int = 1,
        num_proj_shards: int = 1,
        forget_bias: float = 1.0,
        state_is_tuple: bool = True,
        activation: Activation = tf.tanh,
        reuse: bool | None = None,
        layer_norm: bool = False,
        norm_gain: float = 1.0,
        norm_shift: float = 0.0,
    ) -> None:
        super().__init__(_reuse=reuse)
        if (num_unit_shards, num_proj_shards) != (1, 1):
            raise ValueError("more than one shard is not offered: set num_unit_shards=1")
        self._num_units = num_units
        self._use_peepholes = use_peepholes
        self._initializer = initializer
        self._num_proj = num_proj
        self._proj_clip = proj_clip
        self._forget_bias = forget_bias
        self._state_is_tuple = state_is_tuple
        self._activation = activation
        self._layer_norm = layer_norm
        self._norm_gain = norm_gain
        self._norm_shift = norm_shift

    @property
    def state_size(self) -> Structure:
        """(cell, hidden), or their sum."""
        sizes = (self._num_units, self.output_size)
        return _StateTuple(*sizes) if self._state_is_tuple else sum(sizes)

    @property
    def output_size(self) -> int:
        """Units, or units of the projection."""
        return self._num_proj or self._num_units

    def call(self, inputs: TensorLike, state: Structure) -> tuple[Tensor, Structure]:
        """[N, D], (cell, hidden) -> [N, outputs], (cell, hidden)."""
        if not self._state_is_tuple:
            state = tf.split(state, [self._num_units, self.output_size], 1)
        cell, hidden = state
        units = self._num_units
        x = tf.concat([inputs, hidden], 1)
        kernel = self._weight("W_0", [x.shape.as_list()[1], 3 * units], x)
        bias = tf.get_variable("B", [3 * units], x.dtype, initializer=tf.zeros_initializer())
        gates = tf.matmul(x, kernel)
        if not self._layer_norm:  # the variable is there in any case
            gates = tf.nn.bias_add(gates, bias)
        new, f, o = tf.split(gates, 3, 1)
        new, f, o = self._norm(new, "transform"), self._norm(f, "forget"), self._norm(o, "output")
        f += self._forget_bias
        if self._use_peepholes:
            f += self._weight("W_F_diag", [units], x) * cell
            output_peephole = self._weight("W_O_diag", [units], x)
        f = tf.sigmoid(f)
        cell = self._norm(f * cell + (1 - f) * self._activation(new), "state")
        if self._use_peepholes:
            o += output_peephole * cell
        hidden = tf.sigmoid(o) * self._activation(cell)
        if self._num_proj is not None:
            hidden = tf.matmul(hidden, self._weight("W_P_0", [units, self._num_proj], x))
            if self._proj_clip is not None:
                hidden = tf.clip_by_value(hidden, -self._proj_clip, self._proj_clip)
        both = _StateTuple(cell, hidden)
        return hidden, both if self._state_is_tuple else tf.concat(both, 1)

    def _weight(self, name: str, shape: list[int], like: Structure) -> Tensor:
        return tf.get_variable(name, shape, like.dtype, initializer=self._initializer)

    def _norm(self, x: TensorLike, scope: str) -> Tensor:
        if not self._layer_norm:
            return x
        return _normalize(x, scope, self._norm_gain, self._norm_shift)


class PhasedLSTMCell(RNNCell):
    """An LSTM whose units open at their own rhythm (arXiv:1610.09513)."""

    def __init__(
        self,
        num_units: int,
        use_peepholes: bool = False,
        leak: float = 0.001,
        ratio_on: float = 0.1,
        trainable_ratio_on: bool = True,
        period_init_min: float = 1.0,
        period_init_max: float = 1000.0,
        reuse: bool | None = None,
    ) -> None:
        super().__init__(_reuse=reuse)
        self._num_units = num_units
        self._use_peepholes = use_peepholes
        self._leak = leak
        self._ratio_on = ratio_on
        self._trainable_ratio_on = trainable_ratio_on
        self._period_init = (period_init_min, period_init_max)

    @property
    def state_size(self) -> Structure:
        """(cell, hidden)."""
        return _StateTuple(self._num_units, self._num_units)

    @property
    def output_size(self) -> int:
        """Units."""
        return self._num_units

    def call(self, inputs: TensorLike, state: Structure) -> tuple[Tensor, Structure]:
        """(times [N, 1], [N, D]), (cell, hidden) -> [N, units], (cell, hidden)."""
        times, x = inputs
        cell, hidden = state
        peephole = [cell] if self._use_peepholes else []
        gates = linear([x, hidden, *peephole], 2 * self._num_units, True, scope="mask_gates")
        i, f = tf.split(tf.sigmoid(gates), 2, 1)
        new = tf.tanh(linear([x, hidden], self._num_units, True, scope="new_input"))
        new_cell = cell * f + i * new
        peephole = [new_cell] if self._use_peepholes else []
        o = tf.sigmoid(linear([x, hidden, *peephole], self._num_units, True, scope="output_gate"))
        new_hidden = tf.tanh(new_cell) * o
        k = self._openness(times, x.dtype)
        new_cell = k * new_cell + (1 - k) * cell
        new_hidden = k * new_hidden + (1 - k) * hidden
        return new_hidden, _StateTuple(new_cell, new_hidden)

    def _openness(self, times: TensorLike, dtype: DTypeLike) -> Tensor:
        """How far each unit is open at its time, [N, units]."""
        size = [self._num_units]
        low, high = (math.log(bound) for bound in self._period_init)

        def first_period(
            shape: ShapeLike, dtype: DTypeLike, partition_info: object = None
        ) -> Tensor:
            return tf.exp(tf.random_uniform(shape, low, high, dtype=dtype))

        period = tf.get_variable("period", size, dtype, initializer=first_period)

        def first_phase(
            shape: ShapeLike, dtype: DTypeLike, partition_info: object = None
        ) -> Tensor:
            return tf.random_uniform(shape, 0.0, period.initial_value, dtype=dtype)

        phase = tf.get_variable("phase", size, dtype, initializer=first_phase)
        ratio_on = tf.get_variable(
            "ratio_on",
            size,
            dtype,
            initializer=tf.constant_initializer(self._ratio_on),
            trainable=self._trainable_ratio_on,
        )
        since = tf.cast(times, dtype) - phase
        since += tf.stop_gradient(tf.mod(since, period) - since)  # to the period no gradient
        where = since / period  # in the cycle, [0, 1)
        rising = 2 * where / ratio_on
        k = tf.where(where < ratio_on, 2 - rising, self._leak * where)
        return tf.where(where < 0.5 * ratio_on, rising, k)
