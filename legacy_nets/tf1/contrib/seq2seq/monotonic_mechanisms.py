"""Attention that moves forward only."""

from __future__ import annotations

from typing import Any

import numpy as np
import tensorflow.compat.v1 as tf

from legacy_nets.tf1.contrib.seq2seq.attention_mechanisms import (
    BahdanauAttention,
    LuongAttention,
    Probability,
    bahdanau_score,
    luong_score,
)
from legacy_nets.types import DTypeLike, Structure, Tensor, TensorLike

__all__ = [
    "BahdanauMonotonicAttention",
    "LuongMonotonicAttention",
    "monotonic_attention",
    "safe_cumprod",
]


def safe_cumprod(x: TensorLike, *arguments: object, **options: object) -> Tensor:
    """``tf.cumprod`` of numbers in [0, 1] with a stable gradient."""
    with tf.name_scope(None, "SafeCumprod", [x]):
        x = tf.convert_to_tensor(x)
        tiny = np.finfo(x.dtype.as_numpy_dtype).tiny
        return tf.exp(tf.cumsum(tf.log(tf.clip_by_value(x, tiny, 1)), *arguments, **options))


def monotonic_attention(
    p_choose_i: TensorLike, previous_attention: TensorLike, mode: str
) -> Tensor:
    """[N, T] probabilities to stop, [N, T] last attention -> [N, T].

    ``mode``: "recursive" (exact), "parallel" (fast; underflows for long T) or "hard" (both
    arguments 0 or 1). Raises ValueError for another.
    """
    p = tf.convert_to_tensor(p_choose_i)
    previous = tf.convert_to_tensor(previous_attention)
    if mode == "recursive":
        batch = p.shape.as_list()[0] or tf.shape(p)[0]
        passed = tf.concat([tf.ones([batch, 1], p.dtype), 1 - p[:, :-1]], 1)
        steps = (tf.transpose(passed), tf.transpose(previous))
        reach = tf.scan(lambda last, step: step[0] * last + step[1], steps, tf.zeros([batch]))
        return p * tf.transpose(reach)
    if mode == "parallel":
        passed = safe_cumprod(1 - p, axis=1, exclusive=True)
        return p * passed * tf.cumsum(previous / tf.clip_by_value(passed, 1e-10, 1.0), 1)
    if mode == "hard":
        p *= tf.cumsum(previous, 1)
        return p * tf.cumprod(1 - p, axis=1, exclusive=True)
    raise ValueError("mode must be 'recursive', 'parallel', or 'hard'.")


def _probability(mode: str, noise: float, seed: int | None) -> Probability:
    def probability(score: TensorLike, previous: TensorLike) -> Tensor:
        if noise > 0:
            score += noise * tf.random_normal(tf.shape(score), dtype=score.dtype, seed=seed)
        p = tf.cast(score > 0, score.dtype) if mode == "hard" else tf.sigmoid(score)
        return monotonic_attention(p, previous, mode)

    return probability


def _get_score_bias(dtype: DTypeLike, first: float) -> Tensor:
    initializer = tf.constant_initializer(first)
    return tf.get_variable("attention_score_bias", [], dtype, initializer=initializer)


def _make_first_alignments(mechanism: Any, batch_size: TensorLike, dtype: DTypeLike) -> Tensor:
    return tf.one_hot(tf.zeros([batch_size], tf.int32), mechanism.alignments_size, dtype=dtype)


class BahdanauMonotonicAttention(BahdanauAttention):
    """BahdanauAttention made monotonic; the state is the last alignments."""

    def __init__(
        self,
        num_units: int,
        memory: Structure,
        memory_sequence_length: TensorLike | None = None,
        normalize: bool = False,
        score_mask_value: TensorLike | None = None,
        sigmoid_noise: float = 0.0,
        sigmoid_noise_seed: int | None = None,
        score_bias_init: float = 0.0,
        mode: str = "parallel",
        dtype: DTypeLike | None = None,
        name: str = "BahdanauMonotonicAttention",
    ) -> None:
        super().__init__(
            num_units,
            memory,
            memory_sequence_length,
            normalize,
            score_mask_value=score_mask_value,
            dtype=dtype,
            name=name,
        )
        probability = _probability(mode, sigmoid_noise, sigmoid_noise_seed)
        self._set_probability(probability, memory_sequence_length, score_mask_value)
        self._score_bias_init = score_bias_init

    def __call__(self, query: TensorLike, state: Structure) -> tuple[Tensor, Structure]:
        """[N, D], [N, T] -> alignments [N, T], and again as the state."""
        with tf.variable_scope(None, "bahdanau_monotonic_attention", [query]):
            processed = self.query_layer(query) if self.query_layer else query
            score = bahdanau_score(processed, self._keys, self._normalize)
            score += _get_score_bias(query.dtype, self._score_bias_init)
        alignments = self._probability_fn(score, state)
        return alignments, alignments

    def initial_alignments(self, batch_size: TensorLike, dtype: DTypeLike) -> Tensor:
        """All at the first place."""
        return _make_first_alignments(self, batch_size, dtype)


class LuongMonotonicAttention(LuongAttention):
    """LuongAttention made monotonic; the state is the last alignments."""

    def __init__(
        self,
        num_units: int,
        memory: Structure,
        memory_sequence_length: TensorLike | None = None,
        scale: bool = False,
        score_mask_value: TensorLike | None = None,
        sigmoid_noise: float = 0.0,
        sigmoid_noise_seed: int | None = None,
        score_bias_init: float = 0.0,
        mode: str = "parallel",
        dtype: DTypeLike | None = None,
        name: str = "LuongMonotonicAttention",
    ) -> None:
        super().__init__(
            num_units,
            memory,
            memory_sequence_length,
            scale,
            score_mask_value=score_mask_value,
            dtype=dtype,
            name=name,
        )
        probability = _probability(mode, sigmoid_noise, sigmoid_noise_seed)
        self._set_probability(probability, memory_sequence_length, score_mask_value)
        self._score_bias_init = score_bias_init

    def __call__(self, query: TensorLike, state: Structure) -> tuple[Tensor, Structure]:
        """[N, units], [N, T] -> alignments [N, T], and again as the state."""
        with tf.variable_scope(None, "luong_monotonic_attention", [query]):
            score = luong_score(query, self._keys, self._scale)
            score += _get_score_bias(query.dtype, self._score_bias_init)
        alignments = self._probability_fn(score, state)
        return alignments, alignments

    def initial_alignments(self, batch_size: TensorLike, dtype: DTypeLike) -> Tensor:
        """All at the first place."""
        return _make_first_alignments(self, batch_size, dtype)
