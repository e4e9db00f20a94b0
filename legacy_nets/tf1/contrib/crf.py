"""``tf.contrib.crf``: linear-chain conditional random fields.

Scores are [N, T, tags], transitions [from, to], lengths count the steps of each sequence.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import tensorflow.compat.v1 as tf

from legacy_nets.tf1.rnn_cells import RNNCell
from legacy_nets.types import Scope, Structure, Tensor, TensorLike

__all__ = [
    "CrfDecodeBackwardRnnCell",
    "CrfDecodeForwardRnnCell",
    "CrfForwardRnnCell",
    "crf_binary_score",
    "crf_decode",
    "crf_log_likelihood",
    "crf_log_norm",
    "crf_multitag_sequence_score",
    "crf_sequence_score",
    "crf_unary_score",
    "viterbi_decode",
]


def _choose_by_length(
    scores: TensorLike, of_one: Callable[[], Structure], of_many: Callable[[], Structure]
) -> Structure:
    """One of two graphs, by whether scores [N, T, tags] have one step; both where T is unknown."""
    is_one = tf.equal(scores.shape.as_list()[1] or tf.shape(scores)[1], 1)
    known = tf.get_static_value(is_one)
    if known is None:
        return tf.cond(is_one, of_one, of_many)
    return of_one() if known else of_many()


def crf_unary_score(
    tag_indices: TensorLike, sequence_lengths: TensorLike, inputs: TensorLike
) -> Tensor:
    """Sum of the scores of the given tags [N, T]: [N]."""
    batch, steps, tags = tf.shape(inputs)[0], tf.shape(inputs)[1], tf.shape(inputs)[2]
    scores = tf.reshape(inputs, [-1])
    offsets = tf.expand_dims(tf.range(batch) * steps * tags, 1)
    offsets += tf.expand_dims(tf.range(steps) * tags, 0)
    if tag_indices.dtype == tf.int64:
        offsets = tf.cast(offsets, tf.int64)
    indices = tf.reshape(offsets + tag_indices, [-1])
    picked = tf.reshape(tf.gather(scores, indices), [batch, steps])
    inside = tf.sequence_mask(sequence_lengths, tf.shape(tag_indices)[1], dtype=tf.float32)
    return tf.reduce_sum(picked * inside, 1)


def crf_binary_score(
    tag_indices: TensorLike, sequence_lengths: TensorLike, transition_params: TensorLike
) -> Tensor:
    """Sum of the transitions between the given tags [N, T]: [N]."""
    tags = transition_params.shape.as_list()[0]
    count = tf.shape(tag_indices)[1] - 1
    start = tf.slice(tag_indices, [0, 0], [-1, count])
    end = tf.slice(tag_indices, [0, 1], [-1, count])
    indices = start * tags + end
    picked = tf.gather(tf.reshape(transition_params, [-1]), indices)
    inside = tf.sequence_mask(sequence_lengths, tf.shape(tag_indices)[1], dtype=tf.float32)
    return tf.reduce_sum(picked * tf.slice(inside, [0, 1], [-1, -1]), 1)


def crf_sequence_score(
    inputs: TensorLike,
    tag_indices: TensorLike,
    sequence_lengths: TensorLike,
    transition_params: TensorLike,
) -> Tensor:
    """Unnormalized score of the given tags [N, T]: [N]; 0 for an empty sequence."""

    def score_one() -> Tensor:
        batch = tf.shape(inputs, out_type=tag_indices.dtype)[0]
        examples = tf.reshape(tf.range(batch, dtype=tag_indices.dtype), [-1, 1])
        scores = tf.gather_nd(tf.squeeze(inputs, [1]), tf.concat([examples, tag_indices], 1))
        return tf.where(tf.less_equal(sequence_lengths, 0), tf.zeros_like(scores), scores)

    def score_many() -> Tensor:
        unary = crf_unary_score(tag_indices, sequence_lengths, inputs)
        return unary + crf_binary_score(tag_indices, sequence_lengths, transition_params)

    return _choose_by_length(inputs, score_one, score_many)


def crf_multitag_sequence_score(
    inputs: TensorLike,
    tag_bitmap: TensorLike,
    sequence_lengths: TensorLike,
    transition_params: TensorLike,
) -> Tensor:
    """Log of the summed scores of all paths through allowed tags, bool [N, T, tags]: [N]."""

    def filter_inputs() -> Tensor:
        return tf.where(tag_bitmap, inputs, tf.fill(tf.shape(inputs), float("-inf")))

    return _choose_by_length(
        inputs,
        lambda: tf.reduce_logsumexp(filter_inputs(), [1, 2], keepdims=False),
        lambda: crf_log_norm(filter_inputs(), sequence_lengths, transition_params),
    )


def crf_log_norm(
    inputs: TensorLike, sequence_lengths: TensorLike, transition_params: TensorLike
) -> Tensor:
    """Log of the summed scores of all paths: [N]; 0 for an empty sequence."""
    first = tf.squeeze(tf.slice(inputs, [0, 0, 0], [-1, 1, -1]), [1])

    def mask(norm: TensorLike) -> Tensor:
        return tf.where(tf.less_equal(sequence_lengths, 0), tf.zeros_like(norm), norm)

    def norm_many() -> Tensor:
        later = tf.slice(inputs, [0, 1, 0], [-1, -1, -1])
        cell = CrfForwardRnnCell(transition_params)
        lengths = tf.maximum(tf.constant(0, sequence_lengths.dtype), sequence_lengths - 1)
        _, alphas = tf.nn.dynamic_rnn(cell, later, lengths, first, dtype=tf.float32)
        return mask(tf.reduce_logsumexp(alphas, [1]))

    return _choose_by_length(inputs, lambda: mask(tf.reduce_logsumexp(first, [1])), norm_many)


def crf_log_likelihood(
    inputs: TensorLike,
    tag_indices: TensorLike,
    sequence_lengths: TensorLike,
    transition_params: TensorLike | None = None,
) -> tuple[Tensor, Tensor]:
    """(log likelihood [N] of the given tags, transitions: the variable "transitions" if None)."""
    tags = inputs.shape.as_list()[2]
    if transition_params is None:
        transition_params = tf.get_variable("transitions", [tags, tags])
    score = crf_sequence_score(inputs, tag_indices, sequence_lengths, transition_params)
    return score - crf_log_norm(inputs, sequence_lengths, transition_params), transition_params


def crf_decode(
    potentials: TensorLike, transition_params: TensorLike, sequence_length: TensorLike
) -> tuple[Tensor, Tensor]:
    """(best tags int32 [N, T], their scores [N]); tags after a sequence's end are 0."""

    def decode_one() -> tuple[Tensor, Tensor]:
        scores = tf.squeeze(potentials, [1])
        tags = tf.expand_dims(tf.argmax(scores, 1), 1)
        best = tf.reduce_max(scores, 1)
        return tf.cast(tags, tf.int32), best

    def decode_many() -> tuple[Tensor, Tensor]:
        cell = CrfDecodeForwardRnnCell(transition_params)
        first = tf.squeeze(tf.slice(potentials, [0, 0, 0], [-1, 1, -1]), [1])
        later = tf.slice(potentials, [0, 1, 0], [-1, -1, -1])
        lengths = tf.maximum(tf.constant(0, sequence_length.dtype), sequence_length - 1)
        parents, last = tf.nn.dynamic_rnn(cell, later, lengths, first, dtype=tf.int32)
        parents = tf.reverse_sequence(parents, lengths, seq_axis=1)
        back = CrfDecodeBackwardRnnCell(potentials.shape.as_list()[2])
        best = tf.expand_dims(tf.cast(tf.argmax(last, 1), tf.int32), -1)
        tags, _ = tf.nn.dynamic_rnn(back, parents, lengths, best, dtype=tf.int32)
        tags = tf.concat([best, tf.squeeze(tags, [2])], 1)
        tags = tf.reverse_sequence(tags, sequence_length, seq_axis=1)
        return tags, tf.reduce_max(last, 1)

    return _choose_by_length(potentials, decode_one, decode_many)


def viterbi_decode(score: TensorLike, transition_params: TensorLike) -> tuple[list[int], float]:
    """(best tags, their score) of one sequence: NumPy arrays [T, tags] and [tags, tags]."""
    best = np.asarray(score[0])
    parents = []
    for step in np.asarray(score)[1:]:
        paths = best[:, None] + transition_params
        parents.append(paths.argmax(0))
        best = step + paths.max(0)
    path = [int(best.argmax())]
    for parent in reversed(parents):
        path.append(int(parent[path[-1]]))
    return path[::-1], best.max()


class CrfForwardRnnCell(RNNCell):
    """One step of ``crf_log_norm``."""

    def __init__(self, transition_params: TensorLike) -> None:
        super().__init__()
        self._transitions = tf.expand_dims(transition_params, 0)
        self._tags = transition_params.shape.as_list()[0]

    @property
    def state_size(self) -> int:
        """Tags."""
        return self._tags

    @property
    def output_size(self) -> int:
        """Tags."""
        return self._tags

    def __call__(
        self, inputs: TensorLike, state: Structure, scope: Scope = None
    ) -> tuple[Tensor, Structure]:
        """Scores [N, tags], log sums [N, tags] -> log sums twice."""
        paths = tf.expand_dims(state, 2) + self._transitions
        new = inputs + tf.reduce_logsumexp(paths, [1])
        return new, new


class CrfDecodeForwardRnnCell(CrfForwardRnnCell):
    """One step of ``crf_decode`` forward."""

    def __call__(
        self, inputs: TensorLike, state: Structure, scope: Scope = None
    ) -> tuple[Tensor, Structure]:
        """Scores [N, tags], best scores -> where each tag's best path came from, best scores."""
        paths = tf.expand_dims(state, 2) + self._transitions
        new = inputs + tf.reduce_max(paths, [1])
        return tf.cast(tf.argmax(paths, 1), tf.int32), new


class CrfDecodeBackwardRnnCell(RNNCell):
    """One step of ``crf_decode`` backward."""

    def __init__(self, num_tags: int) -> None:
        super().__init__()
        self._tags = num_tags

    @property
    def state_size(self) -> int:
        """One tag."""
        return 1

    @property
    def output_size(self) -> int:
        """One tag."""
        return 1

    def __call__(
        self, inputs: TensorLike, state: Structure, scope: Scope = None
    ) -> tuple[Tensor, Structure]:
        """Parents [N, tags], tag [N, 1] -> the tag before it, twice."""
        state = tf.squeeze(state, [1])
        examples = tf.range(tf.shape(inputs)[0])
        tag = tf.expand_dims(tf.gather_nd(inputs, tf.stack([examples, state], 1)), -1)
        return tag, tag
