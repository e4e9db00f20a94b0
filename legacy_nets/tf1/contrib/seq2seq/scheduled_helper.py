"""Scheduled sampling (arXiv:1506.03099): training helpers that sometimes feed back."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import tensorflow.compat.v1 as tf

from legacy_nets.tf1.contrib.seq2seq.helper import TrainingHelper, draw_ids, make_lookup
from legacy_nets.types import Structure, Tensor, TensorLike

__all__ = ["ScheduledEmbeddingTrainingHelper", "ScheduledOutputTrainingHelper"]


def _draw_choices(probability: TensorLike, batch_size: TensorLike, seed: int | None) -> Tensor:
    """True with that probability, bool [N]."""
    return tf.random_uniform([batch_size], seed=seed) < probability


def _mix(chosen: TensorLike, sampled: TensorLike, given: object) -> Structure:
    """Rows of ``sampled`` where chosen, else of ``given``."""

    def mix(new: TensorLike, old: TensorLike) -> Tensor:
        return tf.where(chosen, new, tf.broadcast_to(old, tf.shape(new)))

    return tf.nest.map_structure(mix, sampled, given)


class ScheduledEmbeddingTrainingHelper(TrainingHelper):
    """Feeds with a probability the embedding of a drawn id in place of the input."""

    def __init__(
        self,
        inputs: TensorLike,
        sequence_length: TensorLike,
        embedding: TensorLike,
        sampling_probability: TensorLike,
        time_major: bool = False,
        seed: int | None = None,
        scheduling_seed: int | None = None,
        name: str | None = None,
    ) -> None:
        super().__init__(inputs, sequence_length, time_major, name)
        self._embedding_fn = make_lookup(embedding)
        self._probability = tf.convert_to_tensor(sampling_probability)
        self._seed = seed
        self._scheduling_seed = scheduling_seed

    def sample(
        self, time: TensorLike, outputs: TensorLike, state: Structure, name: str | None = None
    ) -> Tensor:
        """Drawn ids, and -1 where the input shall be read."""
        chosen = _draw_choices(self._probability, self.batch_size, self._scheduling_seed)
        ids = draw_ids(outputs, self._seed)
        return tf.where(chosen, ids, -tf.ones_like(ids))

    def next_inputs(
        self,
        time: TensorLike,
        outputs: TensorLike,
        state: Structure,
        sample_ids: Any = None,
        name: str | None = None,
    ) -> tuple[Tensor, ...]:
        """(finished [N], inputs, the state)."""
        finished, inputs, state = super().next_inputs(time, outputs, state, sample_ids)
        embedded = self._embedding_fn(tf.maximum(sample_ids, 0))
        return finished, _mix(sample_ids > -1, embedded, inputs), state


class ScheduledOutputTrainingHelper(TrainingHelper):
    """Feeds with a probability the output in place of the input."""

    def __init__(
        self,
        inputs: TensorLike,
        sequence_length: TensorLike,
        sampling_probability: TensorLike,
        time_major: bool = False,
        seed: int | None = None,
        next_inputs_fn: Callable[[TensorLike], TensorLike] | None = None,
        auxiliary_inputs: TensorLike | None = None,
        name: str | None = None,
    ) -> None:
        """``auxiliary_inputs`` [N, T, ...] are appended to the inputs of each step, and to what
        is fed back."""
        self._probability = tf.convert_to_tensor(sampling_probability)
        self._seed = seed
        self._next_inputs_fn = next_inputs_fn
        self._auxiliary: Any = None
        if auxiliary_inputs is not None:
            self._auxiliary = TrainingHelper(auxiliary_inputs, sequence_length, time_major)
            inputs = tf.nest.map_structure(
                lambda x, more: tf.concat([x, more], -1), inputs, auxiliary_inputs
            )
        super().__init__(inputs, sequence_length, time_major, name)

    def sample(
        self, time: TensorLike, outputs: TensorLike, state: Structure, name: str | None = None
    ) -> Tensor:
        """1 where the output shall be fed back, int32 [N]."""
        return tf.cast(_draw_choices(self._probability, self.batch_size, self._seed), tf.int32)

    def next_inputs(
        self,
        time: TensorLike,
        outputs: TensorLike,
        state: Structure,
        sample_ids: TensorLike | None = None,
        name: str | None = None,
    ) -> tuple[Tensor, ...]:
        """(finished [N], inputs, the state)."""
        finished, inputs, state = super().next_inputs(time, outputs, state, sample_ids)
        fed = self._next_inputs_fn(outputs) if self._next_inputs_fn else outputs
        if self._auxiliary is not None:
            more = self._auxiliary.next_inputs(time, outputs, state)[1]
            fed = tf.nest.map_structure(lambda x, y: tf.concat([x, y], -1), fed, more)
        return finished, _mix(tf.cast(sample_ids, tf.bool), fed, inputs), state
