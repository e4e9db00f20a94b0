"""tf.contrib.sparsemax: a softmax that gives zeros.

Source: Martins and Astudillo, "From Softmax to Sparsemax", https://arxiv.org/abs/1602.02068,
algorithm 1 and equation 19. Names of operations are those of 1.15.5's scope, not of each node.
"""

from __future__ import annotations

import tensorflow.compat.v1 as tf

from legacy_nets.types import Tensor, TensorLike

__all__ = ["sparsemax", "sparsemax_loss"]


def sparsemax(logits: TensorLike, name: str | None = None) -> Tensor:
    """Projects each row of logits [batch, classes] onto the simplex: many values become zero.

    Rows with NaN or infinity give NaN.
    """
    with tf.name_scope(name, "sparsemax", [logits]):
        logits = tf.convert_to_tensor(logits, name="logits")
        rows, classes = tf.unstack(tf.shape(logits))
        ordered, _ = tf.nn.top_k(logits, k=classes)
        sums = tf.cumsum(ordered, axis=1)
        ranks = tf.range(1, tf.cast(classes, logits.dtype) + 1, dtype=logits.dtype)
        is_in_support = 1 + ranks * ordered > sums
        size = tf.reduce_sum(tf.cast(is_in_support, tf.int32), axis=1)
        positions = tf.stack([tf.range(rows), tf.maximum(size, 1) - 1], axis=1)
        total = tf.gather_nd(sums, positions)
        threshold = (total - 1) / tf.cast(size, logits.dtype)
        probabilities = tf.maximum(tf.cast(0, logits.dtype), logits - threshold[:, tf.newaxis])
        is_undefined = tf.equal(size, 0) | tf.is_nan(sums[:, -1])
        nan = tf.fill([rows, classes], tf.cast(float("nan"), logits.dtype))
        return tf.where(is_undefined, nan, probabilities)


def sparsemax_loss(
    logits: TensorLike, sparsemax: TensorLike, labels: TensorLike, name: str | None = None
) -> Tensor:
    """Computes the loss of each row, [batch].

    Args:
      logits: [batch, classes].
      sparsemax: what ``sparsemax`` gives for them.
      labels: [batch, classes], each row a distribution.
    """
    with tf.name_scope(name, "sparsemax_loss", [logits, sparsemax, labels]):
        logits = tf.convert_to_tensor(logits, name="logits")
        sparsemax = tf.convert_to_tensor(sparsemax, name="sparsemax")
        labels = tf.convert_to_tensor(labels, name="labels")
        sums = sparsemax * (logits - 0.5 * sparsemax)
        # Outside of the support a logit may be minus infinity, which counts for nothing.
        supported = tf.where((sparsemax > 0) | tf.is_nan(sparsemax), sums, tf.zeros_like(sums))
        of_labels = labels * (0.5 * labels - logits)
        labelled = tf.where(
            tf.equal(labels, 0) & tf.is_inf(logits), tf.zeros_like(of_labels), of_labels
        )
        return tf.reduce_sum(supported + labelled, axis=1)
