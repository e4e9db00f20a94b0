"""``tf.contrib.training``: repeats examples by rate or weight."""

from __future__ import annotations

import tensorflow.compat.v1 as tf

from legacy_nets.types import Tensor, TensorArray, TensorLike


def resample_at_rate(
    inputs: TensorLike, rates: TensorLike, scope: str | None = None, seed: int | None = None,
    back_prop: bool = False,
) -> list[Tensor]:  # fmt: skip
    """Repeats each of N examples by a Poisson draw with its rate (float [N])."""
    with tf.name_scope(scope, "resample_at_rate", [*inputs, rates]):
        rates = tf.convert_to_tensor(rates)
        counts = tf.cast(tf.random_poisson(rates, (), rates.dtype, seed=seed), tf.int32)
        chosen = _repeat_range(counts)
        chosen = chosen if back_prop else tf.stop_gradient(chosen)
        return [tf.gather(tensor, chosen) for tensor in inputs]


def _repeat_range(counts: TensorLike) -> Tensor:
    """[0] * counts[0] + [1] * counts[1] + ..., int32."""
    with tf.name_scope("repeat_range", values=[counts]) as scope:
        counts = tf.convert_to_tensor(counts, name="counts")
        size = tf.shape(counts)[0]

        def body(output: TensorArray, i: TensorLike) -> tuple[TensorArray, Tensor]:
            return output.write(i, tf.fill(counts[i : i + 1], i)), i + 1

        first = tf.TensorArray(tf.int32, size, infer_shape=False)
        output, written = tf.while_loop(lambda _, i: i < size, body, [first, 0])
        return tf.cond(written > 0, output.concat, lambda: tf.zeros([0], tf.int32), name=scope)


def weighted_resample(
    inputs: TensorLike, weights: TensorLike, overall_rate: float, scope: str | None = None,
    mean_decay: float = 0.999, seed: int | None = None,
) -> tuple[list[Tensor], Tensor]:  # fmt: skip
    """Repeats examples in proportion to their weights, ``overall_rate`` times on average.

    Returns:
      (tensors [M, ...], float [M]: the rate by which each was drawn).
    """
    from tensorflow.python.training.moving_averages import assign_moving_average

    with tf.name_scope(scope, "weighted_resample", inputs) as inner:
        with tf.variable_scope(scope, "estimate_mean", inputs):
            estimated = tf.get_local_variable(
                "estimated_mean", initializer=tf.cast(0, weights.dtype), dtype=weights.dtype
            )
            mean = assign_moving_average(estimated, tf.reduce_mean(weights), mean_decay)
        rates = weights * overall_rate / mean
        drawn_rates, *drawn = resample_at_rate([rates, *inputs], rates, scope=inner, seed=seed)
        return drawn, drawn_rates
