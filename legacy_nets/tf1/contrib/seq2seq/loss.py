"""Cross-entropy over sequences."""

from __future__ import annotations

from collections.abc import Callable

import tensorflow.compat.v1 as tf

from legacy_nets.types import Tensor, TensorLike


def sequence_loss(
    logits: TensorLike,
    targets: TensorLike,
    weights: TensorLike,
    average_across_timesteps: bool = True,
    average_across_batch: bool = True,
    sum_over_timesteps: bool = False,
    sum_over_batch: bool = False,
    softmax_loss_function: Callable[..., TensorLike] | None = None,
    name: str | None = None,
) -> Tensor:
    """Weighted cross-entropy of logits [N, T, C], targets [N, T] and weights [N, T].

    Averages divide by the sum of the weights, sums by the number of weights that are not zero;
    axes that are neither stay. Raises ValueError for another rank, or both of one axis.
    """
    for tensor, rank in ((logits, 3), (targets, 2), (weights, 2)):
        if len(tensor.shape) != rank:
            raise ValueError(f"expected rank {rank}, got shape {tensor.shape}")
    if average_across_timesteps and sum_over_timesteps:
        raise ValueError("average_across_timesteps and sum_over_timesteps cannot both be set")
    if average_across_batch and sum_over_batch:
        raise ValueError("average_across_batch and sum_over_batch cannot both be set")
    with tf.name_scope(name, "sequence_loss", [logits, targets, weights]):
        classes = tf.shape(logits)[2]
        logits_of_steps = tf.reshape(logits, [-1, classes])
        labels = tf.reshape(targets, [-1])
        function = softmax_loss_function or tf.nn.sparse_softmax_cross_entropy_with_logits
        losses = function(labels=labels, logits=logits_of_steps) * tf.reshape(weights, [-1])
        if average_across_timesteps and average_across_batch:
            return tf.div_no_nan(tf.reduce_sum(losses), tf.reduce_sum(weights))
        if sum_over_timesteps and sum_over_batch:
            total = tf.reduce_sum(losses)
            return tf.div_no_nan(total, tf.cast(tf.count_nonzero(weights), total.dtype))
        losses = tf.reshape(losses, tf.shape(logits)[0:2])
        if average_across_timesteps or average_across_batch:
            axes = [0] if average_across_batch else [1]
            return tf.div_no_nan(tf.reduce_sum(losses, axes), tf.reduce_sum(weights, axes))
        if sum_over_timesteps or sum_over_batch:
            axes = [0] if sum_over_batch else [1]
            total = tf.reduce_sum(losses, axes)
            return tf.div_no_nan(total, tf.cast(tf.count_nonzero(weights, axis=axes), total.dtype))
        return losses
