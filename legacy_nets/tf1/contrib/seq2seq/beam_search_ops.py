"""Reads sequences back from the ids and parents of beam search steps."""

from __future__ import annotations

import tensorflow.compat.v1 as tf

from legacy_nets.types import Tensor, TensorLike

__all__ = ["gather_tree"]


def trace_parents(parent_ids: TensorLike, max_sequence_lengths: TensorLike) -> Tensor:
    """[T, N, beams]: which beam the final beam k came from at each step; -1 after the end."""
    time = tf.shape(parent_ids)[0]
    last = tf.zeros_like(parent_ids[0]) + tf.range(tf.shape(parent_ids)[2])

    def back(came_from: TensorLike, step: TensorLike) -> tuple[Tensor, Tensor]:
        index, parents = step
        inside = tf.reshape(index < max_sequence_lengths, [-1, 1])
        inside = tf.logical_and(inside, tf.ones_like(parents, tf.bool))
        beams = came_from[0]
        step_beams = tf.where(inside, beams, -tf.ones_like(beams))
        return tf.where(inside, tf.gather(parents, beams, batch_dims=1), beams), step_beams

    steps = (tf.range(time), parent_ids)
    return tf.scan(back, steps, (last, last), back_prop=False, reverse=True)[1]


def gather_tree(
    step_ids: TensorLike,
    parent_ids: TensorLike,
    max_sequence_lengths: TensorLike,
    end_token: TensorLike,
    name: str | None = None,
) -> Tensor:
    """Whole sequences [T, N, beams] int32 from ids and parents of each step, all [T, N, beams].

    After the first end token, and from ``max_sequence_lengths`` [N] on, there are end tokens.
    """
    with tf.name_scope(name, "GatherTree", [step_ids, parent_ids]):
        step_ids = tf.convert_to_tensor(step_ids)
        parent_ids = tf.convert_to_tensor(parent_ids)
        lengths = tf.minimum(tf.cast(max_sequence_lengths, tf.int32), tf.shape(step_ids)[0])
        beams = trace_parents(parent_ids, lengths)
        ids = tf.gather(step_ids, tf.maximum(beams, 0), batch_dims=2)
        end = tf.cast(end_token, ids.dtype)
        ended = tf.cast(tf.equal(ids, end), tf.int32)
        over = tf.logical_or(beams < 0, tf.cumsum(ended, exclusive=True) > 0)
        return tf.where(over, tf.zeros_like(ids) + end, ids)
