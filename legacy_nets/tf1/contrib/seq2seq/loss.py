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
        flat = {
            "labels": tf.reshape(targets, [-1]),
            "logits": tf.reshape(logits, [-1, classes]),
        }
        function = softmax_loss_function or tf.nn.sparse_softmax_cross_entropy_with_logits
        losses = tf.reshape(function(**flat), tf.shape(logits)[:2]) * weights
        both = (average_across_timesteps and average_across_batch) or (
            sum_over_timesteps and sum_over_batch
        )
        averaging = average_across_timesteps or average_across_batch
        if both:
            axes = [0, 1]
        elif averaging:
            axes = [0] if average_across_batch else [1]
        elif sum_over_timesteps or sum_over_batch:
            axes = [0] if sum_over_batch else [1]
        else:
            return losses
        if averaging:
            count = tf.reduce_sum(weights, axes)
        else:
            count = tf.cast(tf.count_nonzero(weights, axis=axes), losses.dtype)
        return tf.div_no_nan(tf.reduce_sum(losses, axes), count)
