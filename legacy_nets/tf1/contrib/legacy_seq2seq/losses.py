"""Losses of sequences, and models with buckets of lengths."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import tensorflow.compat.v1 as tf

from legacy_nets.types import Tensor, TensorLike

__all__ = ["model_with_buckets", "sequence_loss", "sequence_loss_by_example"]

Loss = Callable[..., Any]
_EPSILON = 1e-12  # to the sum of the weights: it may be 0


def sequence_loss_by_example(
    logits: TensorLike,
    targets: TensorLike,
    weights: TensorLike,
    average_across_timesteps: bool = True,
    softmax_loss_function: Loss | None = None,
    name: str | None = None,
) -> Tensor:
    """Weighted cross-entropy of each sequence, [N]: T logits [N, C], T targets [N], T weights [N].

    Raises ValueError for lists of unequal length.
    """
    if not len(targets) == len(weights) == len(logits):
        raise ValueError(
            "Lengths of logits, weights, and targets must be the same "
            f"{len(logits)}, {len(weights)}, {len(targets)}."
        )
    function = softmax_loss_function or tf.nn.sparse_softmax_cross_entropy_with_logits
    with tf.name_scope(name, "sequence_loss_by_example", [*logits, *targets, *weights]):
        losses = []
        for logit, target, weight in zip(logits, targets, weights, strict=True):
            labels = target if softmax_loss_function else tf.reshape(target, [-1])
            losses.append(function(labels=labels, logits=logit) * weight)
        total = tf.add_n(losses)
        return total / (tf.add_n(weights) + _EPSILON) if average_across_timesteps else total


def sequence_loss(
    logits: TensorLike,
    targets: TensorLike,
    weights: TensorLike,
    average_across_timesteps: bool = True,
    average_across_batch: bool = True,
    softmax_loss_function: Loss | None = None,
    name: str | None = None,
) -> Tensor:
    """The sum of ``sequence_loss_by_example`` over the batch, or its mean: a scalar."""
    with tf.name_scope(name, "sequence_loss", [*logits, *targets, *weights]):
        losses = sequence_loss_by_example(
            logits, targets, weights, average_across_timesteps, softmax_loss_function
        )
        total = tf.reduce_sum(losses)
        if not average_across_batch:
            return total
        return total / tf.cast(tf.shape(targets[0])[0], total.dtype)


def model_with_buckets(
    encoder_inputs: TensorLike,
    decoder_inputs: TensorLike,
    targets: TensorLike,
    weights: TensorLike,
    buckets: TensorLike,
    seq2seq: Callable[..., TensorLike],
    softmax_loss_function: Loss | None = None,
    per_example_loss: bool = False,
    name: str | None = None,
) -> tuple[list[list[Tensor]], list[Tensor]]:
    """One model ``seq2seq(encoder_inputs, decoder_inputs)`` per pair of lengths, sharing weights.

    Returns (outputs of each bucket, loss of each bucket). Raises ValueError for lists shorter
    than the last bucket.
    """
    longest_in, longest_out = buckets[-1]
    for argument, given, needed in (
        ("encoder_inputs", encoder_inputs, longest_in),
        ("targets", targets, longest_out),
        ("weights", weights, longest_out),
    ):
        if len(given) < needed:
            raise ValueError(f"Length of {argument} ({len(given)}) must be "
                             f"at least that of the last bucket ({needed}).")  # fmt: skip
    loss = sequence_loss_by_example if per_example_loss else sequence_loss
    outputs, losses = [], []
    everything = [*encoder_inputs, *decoder_inputs, *targets, *weights]
    with tf.name_scope(name, "model_with_buckets", everything):
        for i, (length_in, length_out) in enumerate(buckets):
            with tf.variable_scope(tf.get_variable_scope(), reuse=True if i else None):
                bucket_outputs, _ = seq2seq(encoder_inputs[:length_in], decoder_inputs[:length_out])
                outputs.append(bucket_outputs)
                losses.append(
                    loss(
                        bucket_outputs,
                        targets[:length_out],
                        weights[:length_out],
                        softmax_loss_function=softmax_loss_function,
                    )
                )
    return outputs, losses
