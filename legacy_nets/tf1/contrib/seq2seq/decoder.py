"""The interface of decoders, and the loop that runs one until all sequences have ended."""

from __future__ import annotations

from typing import Any

import tensorflow.compat.v1 as tf
from tensorflow.python.util import nest

__all__ = ["Decoder", "dynamic_decode"]


class Decoder:
    """What has batch_size, output_size, output_dtype, initialize, step and maybe finalize."""

    @property
    def batch_size(self) -> Any:
        """N."""
        raise NotImplementedError

    @property
    def output_size(self) -> Any:
        """Shapes of one step's output, without batch."""
        raise NotImplementedError

    @property
    def output_dtype(self) -> Any:
        """Types of one step's output."""
        raise NotImplementedError

    def initialize(self, name: str | None = None) -> Any:
        """(finished [N], first inputs, first state)."""
        raise NotImplementedError

    def step(self, time: Any, inputs: Any, state: Any, name: str | None = None) -> Any:
        """(outputs, next state, next inputs, finished [N])."""
        raise NotImplementedError

    def finalize(self, outputs: Any, final_state: Any, sequence_lengths: Any) -> Any:
        """(outputs, state) after the last step."""
        raise NotImplementedError

    @property
    def tracks_own_finished(self) -> bool:
        """Whether ``step`` itself remembers what has finished (beams change places)."""
        return False


def dynamic_decode(
    decoder: Any,
    output_time_major: bool = False,
    impute_finished: bool = False,
    maximum_iterations: Any = None,
    parallel_iterations: int = 32,
    swap_memory: bool = False,
    scope: Any = None,
    **options: Any,
) -> Any:
    """Runs a decoder: (outputs [N, T, ...], final state, lengths int32 [N]).

    ``impute_finished`` gives zeros, and the state as it was, after a sequence's end.
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
        batch = tf.convert_to_tensor(decoder.batch_size)
        known = tf.get_static_value(batch)
        sizes, types = decoder.output_size, decoder.output_dtype

        def array(size: Any, dtype: Any) -> Any:
            shape = tf.TensorShape([known]).concatenate(tf.TensorShape(size))
            return tf.TensorArray(dtype, 0, dynamic_size=True, element_shape=shape)

        def zeros(size: Any, dtype: Any) -> Any:
            return tf.zeros(tf.concat([[batch], _shape_tensor(size)], 0), dtype)

        zero_outputs = _map_sizes(zeros, sizes, types)

        def body(
            time: Any, arrays: Any, state: Any, inputs: Any, finished: Any, lengths: Any
        ) -> Any:
            outputs, next_state, next_inputs, now_finished = decoder.step(
                time, inputs, state, **options
            )
            if not decoder.tracks_own_finished:
                now_finished = tf.logical_or(now_finished, finished)
            next_lengths = tf.where(finished, lengths, tf.fill(tf.shape(lengths), time + 1))
            tf.nest.assert_same_structure(state, next_state)
            if impute_finished:
                outputs = tf.nest.map_structure(
                    lambda new, zero: tf.where(finished, zero, new), outputs, zero_outputs
                )
                next_state = tf.nest.map_structure(
                    lambda new, old: _kept(finished, new, old), next_state, state
                )
            arrays = tf.nest.map_structure(
                lambda array, value: array.write(time, value), arrays, outputs
            )
            return time + 1, arrays, next_state, next_inputs, now_finished, next_lengths

        first = (
            tf.constant(0, tf.int32),
            _map_sizes(array, sizes, types),
            state,
            inputs,
            finished,
            tf.zeros_like(finished, tf.int32),
        )
        _, arrays, state, _, _, lengths = tf.while_loop(
            lambda _0, _1, _2, _3, finished, _5: tf.logical_not(tf.reduce_all(finished)),
            body,
            first,
            parallel_iterations=parallel_iterations,
            maximum_iterations=maximum_iterations,
            swap_memory=swap_memory,
        )
        outputs = tf.nest.map_structure(lambda found: found.stack(), arrays)
        try:
            outputs, state = decoder.finalize(outputs, state, lengths)
        except NotImplementedError:
            pass
        if not output_time_major:
            outputs = tf.nest.map_structure(
                lambda x: tf.transpose(x, [1, 0, *range(2, x.shape.rank)]), outputs
            )
    return outputs, state, lengths


def _map_sizes(function: Any, sizes: Any, types: Any) -> Any:
    """``function(size, dtype)`` over the structure of ``types``; a size may be a TensorShape."""
    flat = nest.flatten_up_to(types, sizes) if tf.nest.is_nested(types) else [sizes]
    found = [function(*pair) for pair in zip(flat, tf.nest.flatten(types), strict=True)]
    return tf.nest.pack_sequence_as(types, found)


def _shape_tensor(size: Any) -> Any:
    if tf.is_tensor(size):
        return tf.reshape(size, [-1])
    return tf.constant(tf.TensorShape(size).as_list(), tf.int32)


def _kept(finished: Any, new: Any, old: Any) -> Any:
    """The old state where finished; what is no state of one sequence goes on."""
    if isinstance(old, tf.TensorArray) or new.shape.rank == 0:
        return new
    new.set_shape(old.shape)
    return tf.where(finished, old, new)
