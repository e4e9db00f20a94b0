"""``tf.contrib.nn``: losses whose arguments are the other way round, and a few functions."""

from __future__ import annotations

from typing import Any

import tensorflow.compat.v1 as tf
from tensorflow.compat.v1.nn import conv1d_transpose

from legacy_nets.tf1 import refused
from legacy_nets.types import ShapeLike, Tensor, TensorLike

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
    raise refused.make_error("nn", name)


def deprecated_flipped_softmax_cross_entropy_with_logits(
    logits: TensorLike, labels: TensorLike, dim: int = -1, name: str | None = None
) -> Tensor:
    """``tf.nn.softmax_cross_entropy_with_logits`` with logits first."""
    return tf.nn.softmax_cross_entropy_with_logits(labels=labels, logits=logits, dim=dim, name=name)


def deprecated_flipped_sparse_softmax_cross_entropy_with_logits(
    logits: TensorLike, labels: TensorLike, name: str | None = None
) -> Tensor:
    """``tf.nn.sparse_softmax_cross_entropy_with_logits`` with logits first."""
    return tf.nn.sparse_softmax_cross_entropy_with_logits(labels=labels, logits=logits, name=name)


def deprecated_flipped_sigmoid_cross_entropy_with_logits(
    logits: TensorLike, targets: TensorLike, name: str | None = None
) -> Tensor:
    """``tf.nn.sigmoid_cross_entropy_with_logits`` with logits first."""
    return tf.nn.sigmoid_cross_entropy_with_logits(labels=targets, logits=logits, name=name)


def alpha_dropout(
    x: TensorLike,
    keep_prob: TensorLike,
    noise_shape: ShapeLike | None = None,
    seed: int | None = None,
    name: str | None = None,
) -> Tensor:
    """Dropout that keeps mean and variance of SELU activations (arXiv:1706.02515)."""
    with tf.name_scope(name, "alpha_dropout", [x]):
        x = tf.convert_to_tensor(x, name="x")
        if isinstance(keep_prob, (int, float)) and not 0 < keep_prob <= 1:
            raise ValueError(
                "keep_prob must be a scalar tensor or a float in the range (0, 1], "
                f"got {keep_prob:g}"
            )
        keep_prob = tf.convert_to_tensor(keep_prob, x.dtype, name="keep_prob")
        if tf.get_static_value(keep_prob) == 1:
            return x
        low = -1.7580993408473766  # -scale * alpha of SELU
        shape = tf.shape(x) if noise_shape is None else noise_shape
        random = tf.random_uniform(shape, dtype=x.dtype, seed=seed)
        kept = tf.cast(tf.greater_equal(random, 1 - keep_prob), x.dtype)
        x = x * kept + low * (1 - kept)
        a = (keep_prob + keep_prob * (1 - keep_prob) * low**2) ** -0.5
        b = -a * low * (1 - keep_prob)
        return a * x + b


def nth_element(
    input: TensorLike, n: TensorLike, reverse: bool = False, name: str | None = None
) -> Tensor:
    """The n-th smallest of the last axis (largest, with ``reverse``)."""
    return tf.raw_ops.NthElement(input=input, n=n, reverse=reverse, name=name)


def scaled_softplus(
    x: TensorLike, alpha: TensorLike, clip: TensorLike | None = None, name: str | None = None
) -> Tensor:
    """alpha * softplus(x / alpha), at most ``clip``."""
    with tf.name_scope(name, "scaled_softplus", [x, alpha]):
        y = alpha * tf.nn.softplus(x / alpha)
        return y if clip is None else tf.minimum(y, clip)
