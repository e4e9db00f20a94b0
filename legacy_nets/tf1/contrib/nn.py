"""``tf.contrib.nn``: losses whose arguments are the other way round, and a few functions."""

from __future__ import annotations

from typing import Any

import tensorflow.compat.v1 as tf
from tensorflow.compat.v1.nn import conv1d_transpose

from legacy_nets.tf1 import refused

__all__ = [
    "alpha_dropout",
    "conv1d_transpose",
    "deprecated_flipped_sigmoid_cross_entropy_with_logits",
    "deprecated_flipped_softmax_cross_entropy_with_logits",
    "deprecated_flipped_sparse_softmax_cross_entropy_with_logits",
    "nth_element",
    "scaled_softplus",
]


def __getattr__(name: str) -> Any:
    raise refused.error("nn", name)


def deprecated_flipped_softmax_cross_entropy_with_logits(
    logits: Any, labels: Any, dim: int = -1, name: str | None = None
) -> Any:
    """``tf.nn.softmax_cross_entropy_with_logits`` with logits first."""
    return tf.nn.softmax_cross_entropy_with_logits(labels=labels, logits=logits, dim=dim, name=name)


def deprecated_flipped_sparse_softmax_cross_entropy_with_logits(
    logits: Any, labels: Any, name: str | None = None
) -> Any:
    """``tf.nn.sparse_softmax_cross_entropy_with_logits`` with logits first."""
    return tf.nn.sparse_softmax_cross_entropy_with_logits(labels=labels, logits=logits, name=name)


def deprecated_flipped_sigmoid_cross_entropy_with_logits(
    logits: Any, targets: Any, name: str | None = None
) -> Any:
    """``tf.nn.sigmoid_cross_entropy_with_logits`` with logits first."""
    return tf.nn.sigmoid_cross_entropy_with_logits(labels=targets, logits=logits, name=name)


def alpha_dropout(
    x: Any, keep_prob: Any, noise_shape: Any = None, seed: int | None = None, name: Any = None
) -> Any:
    """Dropout that keeps mean and variance of SELU activations (arXiv:1706.02515)."""
    with tf.name_scope(name, "alpha_dropout", [x]):
        keep_prob = tf.convert_to_tensor(keep_prob, x.dtype)
        low = tf.constant(-1.7580993408473766, x.dtype)  # -scale * alpha of SELU
        shape = tf.shape(x) if noise_shape is None else noise_shape
        kept = tf.floor(keep_prob + tf.random_uniform(shape, dtype=x.dtype, seed=seed))
        a = tf.rsqrt(keep_prob + keep_prob * (1 - keep_prob) * tf.square(low))
        return a * (x * kept + low * (1 - kept)) - a * low * (1 - keep_prob)


def nth_element(values: Any, n: Any, reverse: bool = False, name: str | None = None) -> Any:
    """The n-th smallest of the last axis (largest, with ``reverse``)."""
    return tf.raw_ops.NthElement(input=values, n=n, reverse=reverse, name=name)


def scaled_softplus(x: Any, alpha: Any, clip: Any = None, name: str | None = None) -> Any:
    """alpha * softplus(x / alpha), at most ``clip``."""
    with tf.name_scope(name, "scaled_softplus", [x, alpha]):
        y = alpha * tf.nn.softplus(x / alpha)
        return y if clip is None else tf.minimum(y, clip)
