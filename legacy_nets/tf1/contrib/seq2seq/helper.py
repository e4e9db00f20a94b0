"""Helpers: what a decoder is fed with at each step, and how its output is sampled."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import tensorflow.compat.v1 as tf

from legacy_nets.types import (
    DType,
    DTypeLike,
    ShapeLike,
    Structure,
    Tensor,
    TensorArray,
    TensorLike,
    TensorShape,
)

__all__ = [
    "CustomHelper",
    "GreedyEmbeddingHelper",
    "Helper",
    "InferenceHelper",
    "SampleEmbeddingHelper",
    "TrainingHelper",
]


class Helper:
    """What has batch_size, sample_ids_shape, sample_ids_dtype, initialize, sample, next_inputs."""

    @property
    def batch_size(self) -> Tensor:
        """N, a scalar int32."""
        raise NotImplementedError("batch_size has not been implemented")

    @property
    def sample_ids_shape(self) -> TensorShape:
        """Shape of one sample, without batch."""
        return tf.TensorShape([])

    @property
    def sample_ids_dtype(self) -> DType:
        """Type of a sample."""
        return tf.int32

    def initialize(self, name: str | None = None) -> tuple[Tensor, ...]:
        """(finished [N], first inputs)."""
        raise NotImplementedError("initialize has not been implemented")

    def sample(
        self, time: TensorLike, outputs: TensorLike, state: Structure, name: str | None = None
    ) -> Tensor:
        """Sample ids [N] of outputs."""
        raise NotImplementedError("sample has not been implemented")

    def next_inputs(
        self,
        time: TensorLike,
        outputs: TensorLike,
        state: Structure,
        sample_ids: TensorLike,
        name: str | None = None,
    ) -> tuple[Tensor, ...]:
        """(finished [N], next inputs, next state)."""
        raise NotImplementedError("next_inputs has not been implemented")


def select_best_ids(outputs: TensorLike) -> Tensor:
    """Classes of the largest logits. Raises TypeError for anything but one tensor."""
    if not tf.is_tensor(outputs):
        raise TypeError(f"Expected outputs to be a single Tensor, got: {type(outputs)}")
    return tf.argmax(outputs, -1, output_type=tf.int32)


def make_lookup(embedding: TensorLike) -> Callable[[Any], Any]:
    """A function from ids to vectors, from such a function or from a table."""
    return embedding if callable(embedding) else lambda ids: tf.nn.embedding_lookup(embedding, ids)


class TrainingHelper(Helper):
    """Reads its inputs [N, T, ...] one step after another."""

    def __init__(
        self,
        inputs: TensorLike,
        sequence_length: TensorLike,
        time_major: bool = False,
        name: str | None = None,
    ) -> None:
        with tf.name_scope(name, "TrainingHelper", [sequence_length]):
            self._inputs = inputs = tf.nest.map_structure(tf.convert_to_tensor, inputs)
            if not time_major:
                inputs = tf.nest.map_structure(_move_time_first, inputs)
            self._arrays = tf.nest.map_structure(unstack_array, inputs)
            self._sequence_length = tf.convert_to_tensor(sequence_length, name="sequence_length")
            if self._sequence_length.shape.rank != 1:
                raise ValueError(
                    f"Expected sequence_length to be a vector, got {self._sequence_length.shape}"
                )
            self._zero_inputs = tf.nest.map_structure(lambda x: tf.zeros_like(x[0]), inputs)
            self._start_inputs = self._zero_inputs
            self._batch_size = tf.size(self._sequence_length)

    @property
    def inputs(self) -> Structure:
        """As they were given."""
        return self._inputs

    @property
    def sequence_length(self) -> Tensor:
        """[N]."""
        return self._sequence_length

    @property
    def batch_size(self) -> Tensor:
        """N."""
        return self._batch_size

    def initialize(self, name: str | None = None) -> tuple[Tensor, ...]:
        """(finished [N], inputs at time 0)."""
        return self._inputs_at(0)

    def sample(
        self, time: TensorLike, outputs: TensorLike, state: Structure, name: str | None = None
    ) -> Tensor:
        """The best ids."""
        return select_best_ids(outputs)

    def next_inputs(
        self,
        time: TensorLike,
        outputs: TensorLike,
        state: Structure,
        sample_ids: TensorLike | None = None,
        name: str | None = None,
    ) -> tuple[Tensor, ...]:
        """(finished [N], inputs at the next time, the state)."""
        return (*self._inputs_at(time + 1), state)

    def _inputs_at(self, time: TensorLike) -> tuple[Tensor, Structure]:
        finished = tf.cast(time, self._sequence_length.dtype) >= self._sequence_length
        inputs = tf.cond(
            tf.reduce_all(finished),
            lambda: self._zero_inputs,
            lambda: tf.nest.map_structure(lambda array: array.read(time), self._arrays),
        )
        return finished, _copy_shapes(inputs, self._zero_inputs)


def _copy_shapes(values: TensorLike, like: Structure) -> Structure:
    tf.nest.map_structure(lambda value, other: value.set_shape(other.shape), values, like)
    return values


def _move_time_first(x: TensorLike) -> Tensor:
    return (
        tf.transpose(x, tf.concat([[1, 0], tf.range(2, tf.rank(x))], 0))
        if (x.shape.rank is None)
        else tf.transpose(x, [1, 0, *range(2, x.shape.rank)])
    )


class GreedyEmbeddingHelper(Helper):
    """Feeds the embedding of the best id back."""

    def __init__(
        self, embedding: TensorLike, start_tokens: TensorLike, end_token: TensorLike
    ) -> None:
        """``embedding`` is a table [C, D] or a function of ids; ``start_tokens`` [N]."""
        self._embedding_fn = make_lookup(embedding)
        self._start_tokens = tf.convert_to_tensor(start_tokens, tf.int32, name="start_tokens")
        self._end_token = tf.convert_to_tensor(end_token, tf.int32, name="end_token")
        if self._start_tokens.shape.rank != 1:
            raise ValueError("start_tokens must be a vector")
        if self._end_token.shape.rank != 0:
            raise ValueError("end_token must be a scalar")
        self._batch_size = tf.size(self._start_tokens)
        self._start_inputs = self._embedding_fn(self._start_tokens)

    @property
    def batch_size(self) -> Tensor:
        """N."""
        return self._batch_size

    def initialize(self, name: str | None = None) -> tuple[Tensor, ...]:
        """(nothing finished, embedded start tokens)."""
        return tf.tile([False], [self._batch_size]), self._start_inputs

    def sample(
        self, time: TensorLike, outputs: TensorLike, state: Structure, name: str | None = None
    ) -> Tensor:
        """The best ids."""
        return select_best_ids(outputs)

    def next_inputs(
        self,
        time: TensorLike,
        outputs: TensorLike,
        state: Structure,
        sample_ids: TensorLike,
        name: str | None = None,
    ) -> tuple[Tensor, ...]:
        """(finished where the end token came, embedded ids, the state)."""
        finished = tf.equal(sample_ids, self._end_token)
        inputs = tf.cond(
            tf.reduce_all(finished),
            lambda: self._start_inputs,
            lambda: self._embedding_fn(sample_ids),
        )
        return finished, inputs, state


class SampleEmbeddingHelper(GreedyEmbeddingHelper):
    """Feeds the embedding of an id drawn from the softmax back."""

    def __init__(
        self,
        embedding: TensorLike,
        start_tokens: TensorLike,
        end_token: TensorLike,
        softmax_temperature: TensorLike | None = None,
        seed: int | None = None,
    ) -> None:
        super().__init__(embedding, start_tokens, end_token)
        self._softmax_temperature = softmax_temperature
        self._seed = seed

    def sample(
        self, time: TensorLike, outputs: TensorLike, state: Structure, name: str | None = None
    ) -> Tensor:
        """Ids drawn."""
        if not tf.is_tensor(outputs):
            raise TypeError(f"Expected outputs to be a single Tensor, got: {type(outputs)}")
        if self._softmax_temperature is not None:
            outputs /= self._softmax_temperature
        return draw_ids(outputs, self._seed)


def draw_ids(logits: TensorLike, seed: int | None) -> Tensor:
    """One id per row, int32 [N]."""
    return tf.random.categorical(logits, 1, dtype=tf.int32, seed=seed)[:, 0]


class CustomHelper(Helper):
    """A helper from functions."""

    def __init__(
        self,
        initialize_fn: Callable[..., TensorLike],
        sample_fn: Callable[..., TensorLike],
        next_inputs_fn: Callable[..., TensorLike],
        sample_ids_shape: ShapeLike | None = None,
        sample_ids_dtype: DTypeLike | None = None,
    ) -> None:
        self._initialize_fn = initialize_fn
        self._sample_fn = sample_fn
        self._next_inputs_fn = next_inputs_fn
        self._batch_size: Any = None
        self._sample_ids_shape = tf.TensorShape(sample_ids_shape or [])
        self._sample_ids_dtype = sample_ids_dtype or tf.int32

    @property
    def batch_size(self) -> Tensor:
        """N; known after ``initialize``."""
        if self._batch_size is None:
            raise ValueError("batch_size accessed before initialize was called")
        return self._batch_size

    @property
    def sample_ids_shape(self) -> TensorShape:
        """As given."""
        return self._sample_ids_shape

    @property
    def sample_ids_dtype(self) -> DType:
        """As given."""
        return self._sample_ids_dtype

    def initialize(self, name: str | None = None) -> tuple[Tensor, ...]:
        """What ``initialize_fn()`` gives."""
        finished, inputs = self._initialize_fn()
        if self._batch_size is None:
            self._batch_size = tf.size(finished)
        return finished, inputs

    def sample(
        self, time: TensorLike, outputs: TensorLike, state: Structure, name: str | None = None
    ) -> Tensor:
        """What ``sample_fn`` gives."""
        return self._sample_fn(time=time, outputs=outputs, state=state)

    def next_inputs(
        self,
        time: TensorLike,
        outputs: TensorLike,
        state: Structure,
        sample_ids: TensorLike,
        name: str | None = None,
    ) -> tuple[Tensor, ...]:
        """What ``next_inputs_fn`` gives."""
        return self._next_inputs_fn(time=time, outputs=outputs, state=state, sample_ids=sample_ids)


class InferenceHelper(Helper):
    """Feeds back what was sampled, of any shape."""

    def __init__(
        self,
        sample_fn: Callable[..., TensorLike],
        sample_shape: ShapeLike,
        sample_dtype: DTypeLike,
        start_inputs: TensorLike,
        end_fn: Callable[..., TensorLike],
        next_inputs_fn: Callable[..., TensorLike] | None = None,
    ) -> None:
        self._sample_fn = sample_fn
        self._end_fn = end_fn
        self._sample_shape = tf.TensorShape(sample_shape)
        self._sample_dtype = sample_dtype
        self._next_inputs_fn = next_inputs_fn or (lambda samples: samples)
        self._start_inputs = tf.convert_to_tensor(start_inputs, name="start_inputs")
        self._batch_size = tf.shape(self._start_inputs)[0]

    @property
    def batch_size(self) -> Tensor:
        """N."""
        return self._batch_size

    @property
    def sample_ids_shape(self) -> TensorShape:
        """As given."""
        return self._sample_shape

    @property
    def sample_ids_dtype(self) -> DType:
        """As given."""
        return self._sample_dtype

    def initialize(self, name: str | None = None) -> tuple[Tensor, ...]:
        """(nothing finished, start inputs)."""
        return tf.tile([False], [self._batch_size]), self._start_inputs

    def sample(
        self, time: TensorLike, outputs: TensorLike, state: Structure, name: str | None = None
    ) -> Tensor:
        """What ``sample_fn(outputs)`` gives."""
        return self._sample_fn(outputs)

    def next_inputs(
        self,
        time: TensorLike,
        outputs: TensorLike,
        state: Structure,
        sample_ids: TensorLike,
        name: str | None = None,
    ) -> tuple[Tensor, ...]:
        """(``end_fn(samples)``, next inputs, the state)."""
        return self._end_fn(sample_ids), self._next_inputs_fn(sample_ids), state


def unstack_array(inp: TensorLike) -> TensorArray:
    """Returns a TensorArray with ``inp`` along its first axis."""
    array = tf.TensorArray(inp.dtype, tf.shape(inp)[0], element_shape=inp.shape[1:])
    return array.unstack(inp)
