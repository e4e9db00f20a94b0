"""``tf.contrib.metrics``: streaming metrics and set operations."""

from __future__ import annotations

import tensorflow.compat.v1 as tf
from tensorflow.compat.v1.math import confusion_matrix
from tensorflow.compat.v1.sets import difference as set_difference
from tensorflow.compat.v1.sets import intersection as set_intersection
from tensorflow.compat.v1.sets import size as set_size
from tensorflow.compat.v1.sets import union as set_union
from tf_slim.metrics import *  # noqa: F403

from legacy_nets.types import Tensor, TensorLike

__all__ = [
    "accuracy",
    "confusion_matrix",
    "set_difference",
    "set_intersection",
    "set_size",
    "set_union",
]


def accuracy(
    predictions: TensorLike,
    labels: TensorLike,
    weights: TensorLike | None = None,
    name: str | None = None,
) -> Tensor:
    """Share of equal entries, a scalar float32. Raises ValueError for unequal dtypes."""
    if labels.dtype != predictions.dtype:
        raise ValueError(
            f"dtypes of labels ({labels.dtype}) and predictions ({predictions.dtype}) differ"
        )
    with tf.name_scope(name, "accuracy", [predictions, labels]):
        right = tf.cast(tf.equal(predictions, labels), tf.float32)
        if weights is None:
            return tf.reduce_mean(right)
        weights = tf.cast(weights, tf.float32)
        return tf.math.divide(
            tf.reduce_sum(right * weights), tf.reduce_sum(tf.ones_like(right) * weights)
        )
