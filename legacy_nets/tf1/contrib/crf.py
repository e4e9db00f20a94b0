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


def crf_unary_score(
    tag_indices: TensorLike, sequence_lengths: TensorLike, inputs: TensorLike
) -> Tensor:
    """Sum of the scores of the given tags [N, T]: [N]."""
    picked = tf.gather(inputs, tag_indices, batch_dims=2)
    inside = tf.sequence_mask(sequence_lengths, tf.shape(tag_indices)[1], dtype=inputs.dtype)
    return tf.reduce_sum(picked * inside, 1)


def crf_binary_score(
    tag_indices: TensorLike, sequence_lengths: TensorLike, transition_params: TensorLike
) -> Tensor:
    """Sum of the transitions between the given tags [N, T]: [N]."""
    pairs = tf.stack([tag_indices[:, :-1], tag_indices[:, 1:]], 2)
    picked = tf.gather_nd(transition_params, pairs)
    steps = tf.maximum(tf.cast(sequence_lengths, tf.int32) - 1, 0)
    inside = tf.sequence_mask(steps, tf.shape(tag_indices)[1] - 1, dtype=picked.dtype)
    return tf.reduce_sum(picked * inside, 1)


def crf_sequence_score(
    inputs: TensorLike,
    tag_indices: TensorLike,
    sequence_lengths: TensorLike,
    transition_params: TensorLike,
) -> Tensor:
    """Unnormalized score of the given tags [N, T]: [N]; 0 for an empty sequence."""
    return crf_unary_score(tag_indices, sequence_lengths, inputs) + crf_binary_score(
        tag_indices, sequence_lengths, transition_params
    )


def crf_multitag_sequence_score(
    inputs: TensorLike,
    tag_bitmap: TensorLike,
    sequence_lengths: TensorLike,
    transition_params: TensorLike,
) -> Tensor:
    """Log of the summed scores of all paths through allowed tags, bool [N, T, tags]: [N]."""
    allowed = tf.where(tag_bitmap, inputs, tf.fill(tf.shape(inputs), -float("inf")))
    return crf_log_norm(allowed, sequence_lengths, transition_params)


def crf_log_norm(
    inputs: TensorLike, sequence_lengths: TensorLike, transition_params: TensorLike
) -> Tensor:
    """Log of the summed scores of all paths: [N]; 0 for an empty sequence."""
    lengths = tf.cast(sequence_lengths, tf.int32)
    transitions = transition_params[None]

    def forward(state: Structure, step: TensorLike) -> Tensor:
        scores, time = step
        new = scores + tf.reduce_logsumexp(state[:, :, None] + transitions, 1)
        return tf.where(tf.broadcast_to((time < lengths)[:, None], tf.shape(new)), new, state)

    alphas = _scan_time(forward, inputs[:, 0], inputs)
    norm = tf.reduce_logsumexp(alphas[-1], 1)
    return tf.where(lengths <= 0, tf.zeros_like(norm), norm)


def _scan_time(step: Callable[..., Structure], first: TensorLike, inputs: TensorLike) -> Tensor:
    """States [T, N, ...] of ``step(state, (scores, time))``, the first one included."""
    by_time = tf.transpose(inputs, [1, 0, 2])[1:]
    later = tf.scan(step, (by_time, tf.range(1, tf.shape(inputs)[1])), first)
    return tf.concat([first[None], later], 0)


def crf_log_likelihood(
    inputs: TensorLike,
    tag_indices: TensorLike,
    sequence_lengths: TensorLike,
    transition_params: TensorLike | None = None,
) -> tuple[Tensor, Tensor]:
    """(log likelihood [N] of the given tags, transitions: the variable "transitions" if None)."""
    tags = inputs.shape.as_list()[2]
    lengths = tf.convert_to_tensor(sequence_lengths)
    if transition_params is None:
        transition_params = tf.get_variable("transitions", [tags, tags])
    score = crf_sequence_score(inputs, tag_indices, lengths, transition_params)
    return score - crf_log_norm(inputs, lengths, transition_params), transition_params


def crf_decode(
    potentials: TensorLike, transition_params: TensorLike, sequence_length: TensorLike
) -> tuple[Tensor, Tensor]:
    """(best tags int32 [N, T], their scores [N]); tags after a sequence's end are 0."""
    lengths = tf.maximum(tf.cast(sequence_length, tf.int32), 1)
    transitions = transition_params[None]
    tags = tf.shape(potentials)[2]
    batch = tf.shape(potentials)[0]
    stay = tf.tile(tf.range(tags)[None], [batch, 1])

    def forward(state: Structure, step: TensorLike) -> tuple[Tensor, Tensor]:
        best, _ = state
        scores, time = step
        paths = best[:, :, None] + transitions
        inside = tf.broadcast_to((time < lengths)[:, None], tf.shape(best))
        return (
            tf.where(inside, scores + tf.reduce_max(paths, 1), best),
            tf.where(inside, tf.argmax(paths, 1, output_type=tf.int32), stay),
        )

    first = potentials[:, 0]
    by_time = tf.transpose(potentials, [1, 0, 2])[1:]
    steps = (by_time, tf.range(1, tf.shape(potentials)[1]))
    bests, parents = tf.scan(forward, steps, (first, stay))
    best = tf.concat([first[None], bests], 0)[-1]
    last = tf.argmax(best, 1, output_type=tf.int32)

    def back(tag: TensorLike, parent: TensorLike) -> Tensor:
        return tf.gather(parent, tag, batch_dims=1)

    earlier = tf.scan(back, parents, last, reverse=True)
    path = tf.transpose(tf.concat([earlier, last[None]], 0))
    path *= tf.sequence_mask(lengths, tf.shape(potentials)[1], dtype=tf.int32)
    return path, tf.reduce_max(best, 1)


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
        self._transitions = transition_params[None]
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
        new = inputs + tf.reduce_logsumexp(state[:, :, None] + self._transitions, 1)
        return new, new


class CrfDecodeForwardRnnCell(CrfForwardRnnCell):
    """One step of ``crf_decode`` forward."""

    def __call__(
        self, inputs: TensorLike, state: Structure, scope: Scope = None
    ) -> tuple[Tensor, Structure]:
        """Scores [N, tags], best scores -> where each tag's best path came from, best scores."""
        paths = state[:, :, None] + self._transitions
        parents = tf.argmax(paths, 1, output_type=tf.int32)
        return parents, inputs + tf.reduce_max(paths, 1)


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
        tag = tf.gather(inputs, state[:, 0], batch_dims=1)[:, None]
        return tag, tag
