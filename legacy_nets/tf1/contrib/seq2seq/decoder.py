"""The interface of decoders, and the loop that runs one until all sequences have ended."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from typing import Any

import tensorflow.compat.v1 as tf
from tensorflow.python.ops.rnn import _transpose_batch_time
from tensorflow.python.util import nest

from legacy_nets.types import (
    DTypeLike,
    Scope,
    ShapeLike,
    Structure,
    Tensor,
    TensorArray,
    TensorLike,
)

_zero_state_tensors = importlib.import_module(
    "tf_keras.src.layers.rnn.legacy_cells"
)._zero_state_tensors

__all__ = ["Decoder", "_transpose_batch_time", "_zero_state_tensors", "dynamic_decode"]


class Decoder:
    """What has batch_size, output_size, output_dtype, initialize, step and maybe finalize."""

    @property
    def batch_size(self) -> Tensor:
        """N."""
        raise NotImplementedError

    @property
    def output_size(self) -> Structure:
        """Shapes of one step's output, without batch."""
        raise NotImplementedError

    @property
    def output_dtype(self) -> Structure:
        """Types of one step's output."""
        raise NotImplementedError

    def initialize(self, name: str | None = None) -> tuple[Tensor, ...]:
        """(finished [N], first inputs, first state)."""
        raise NotImplementedError

    def step(
        self, time: TensorLike, inputs: TensorLike, state: Structure, name: str | None = None
    ) -> tuple[Structure, Structure, Structure, Tensor]:
        """(outputs, next state, next inputs, finished [N])."""
        raise NotImplementedError

    def finalize(
        self, outputs: TensorLike, final_state: Structure, sequence_lengths: TensorLike
    ) -> tuple[Structure, Structure]:
        """(outputs, state) after the last step."""
        raise NotImplementedError

    @property
    def tracks_own_finished(self) -> bool:
        """Whether ``step`` itself remembers what has finished (beams change places)."""
        return False


class _Loop:
    """One ``tf.while_loop`` over the steps of a decoder."""

    def __init__(self, decoder: Decoder, impute_finished: bool, options: dict[str, Any]) -> None:
        self._decoder = decoder
        self._impute_finished = impute_finished
        self._options = options
        self._batch_size = tf.convert_to_tensor(decoder.batch_size)
        self._sizes, self._dtypes = decoder.output_size, decoder.output_dtype
        self._zero_outputs = self._map_outputs(self._make_zeros)

    def _map_outputs(self, make: Callable[[ShapeLike, DTypeLike], Structure]) -> Structure:
        return _map_sizes(make, self._sizes, self._dtypes)

    def _make_zeros(self, size: ShapeLike, dtype: DTypeLike) -> Tensor:
        return tf.zeros(tf.concat([[self._batch_size], _make_shape_tensor(size)], 0), dtype)

    def _make_array(self, size: ShapeLike, dtype: DTypeLike) -> TensorArray:
        known = tf.get_static_value(self._batch_size)
        shape = tf.TensorShape([known]).concatenate(tf.TensorShape(size))
        return tf.TensorArray(dtype, 0, dynamic_size=True, element_shape=shape)

    def make_first(self, state: Structure, inputs: Structure, finished: Tensor) -> Structure:
        """Makes the values before the first step: time, outputs, state, inputs, finished, lengths.

        ``finished`` is bool [N], the lengths are int32 [N].
        """
        return (
            tf.constant(0, tf.int32),
            self._map_outputs(self._make_array),
            state,
            inputs,
            finished,
            tf.zeros_like(finished, tf.int32),
        )

    def goes_on(
        self, time: Tensor, arrays: Structure, state: Structure, inputs: Structure,
        finished: Tensor, lengths: Tensor,
    ) -> Tensor:  # fmt: skip
        """Tells whether a sequence has not finished: bool []."""
        return tf.logical_not(tf.reduce_all(finished))

    def step(
        self, time: Tensor, arrays: Structure, state: Structure, inputs: Structure,
        finished: Tensor, lengths: Tensor,
    ) -> Structure:  # fmt: skip
        """Takes one step; arguments and results are those of ``make_first``."""
        outputs, next_state, next_inputs, now_finished = self._decoder.step(
            time, inputs, state, **self._options
        )
        if not self._decoder.tracks_own_finished:
            now_finished = tf.logical_or(now_finished, finished)
        next_lengths = tf.where(finished, lengths, tf.fill(tf.shape(lengths), time + 1))
        tf.nest.assert_same_structure(state, next_state)
        if self._impute_finished:
            outputs = tf.nest.map_structure(
                lambda new, zero: tf.where(finished, zero, new), outputs, self._zero_outputs
            )
            next_state = tf.nest.map_structure(
                lambda new, old: _keep_finished(finished, new, old), next_state, state
            )
        arrays = tf.nest.map_structure(
            lambda array, value: array.write(time, value), arrays, outputs
        )
        return time + 1, arrays, next_state, next_inputs, now_finished, next_lengths


def dynamic_decode(
    decoder: Decoder,
    output_time_major: bool = False,
    impute_finished: bool = False,
    maximum_iterations: TensorLike | None = None,
    parallel_iterations: int = 32,
    swap_memory: bool = False,
    scope: Scope = None,
    **options: Any,
) -> tuple[Structure, Structure, Tensor]:
    """Runs a decoder: (outputs [N, T, ...], final state, lengths int32 [N]).

    ``impute_finished`` gives zeros, and the state as it was, after a sequence's end.
    ``options`` go to the decoder's ``initialize`` and ``step``.
    """
    with tf.variable_scope(scope, "decoder") as outer:
        if outer.caching_device is None:
            outer.set_caching_device(lambda op: op.device)
        if maximum_iterations is not None:
            maximum_iterations = tf.convert_to_tensor(maximum_iterations, tf.int32)
            if maximum_iterations.shape.rank != 0:
                raise ValueError("maximum_iterations must be a scalar")
        finished, inputs, state = decoder.initialize(**options)
        if maximum_iterations is not None:
            finished = tf.logical_or(finished, maximum_iterations <= 0)
        loop = _Loop(decoder, impute_finished, options)
        _, arrays, state, _, _, lengths = tf.while_loop(
            loop.goes_on,
            loop.step,
            loop.make_first(state, inputs, finished),
            parallel_iterations=parallel_iterations,
            maximum_iterations=maximum_iterations,
            swap_memory=swap_memory,
        )
        outputs = tf.nest.map_structure(lambda array: array.stack(), arrays)
        try:
            outputs, state = decoder.finalize(outputs, state, lengths)
        except NotImplementedError:
            pass
        if not output_time_major:
            outputs = tf.nest.map_structure(
                lambda x: tf.transpose(x, [1, 0, *range(2, x.shape.rank)]), outputs
            )
    return outputs, state, lengths


def _map_sizes(function: TensorLike, sizes: Structure, types: DTypeLike) -> Structure:
    """``function(size, dtype)`` over the structure of ``types``; a size may be a TensorShape."""
    flat = nest.flatten_up_to(types, sizes) if tf.nest.is_nested(types) else [sizes]
    results = [function(*pair) for pair in zip(flat, tf.nest.flatten(types), strict=True)]
    return tf.nest.pack_sequence_as(types, results)


def _make_shape_tensor(size: ShapeLike) -> Tensor:
    if tf.is_tensor(size):
        return tf.reshape(size, [-1])
    return tf.constant(tf.TensorShape(size).as_list(), tf.int32)


def _keep_finished(finished: TensorLike, new: TensorLike, old: TensorLike) -> Tensor:
    """The old state where finished; what is no state of one sequence goes on."""
    if isinstance(old, tf.TensorArray) or new.shape.rank == 0:
        return new
    new.set_shape(old.shape)
    return tf.where(finished, old, new)


def create_zero_outputs(size: Structure, dtype: DTypeLike, batch_size: TensorLike) -> Structure:
    """Returns zeros [batch_size, *size] for each of the sizes and types."""
    return nest.map_structure(lambda s, d: _zero_state_tensors(s, batch_size, d), size, dtype)
