"""Fake quantization of a tensor by its smallest and largest value."""

from __future__ import annotations

from collections.abc import Callable

import tensorflow.compat.v1 as tf
from tensorflow.python.training import moving_averages

from legacy_nets.types import Tensor, Variable


def quantize_by_last_value(
    inputs: Tensor,
    init_min: float = -6.0,
    init_max: float = 6.0,
    vars_collection: str | None = None,
    name_prefix: str = "LastValueQuant",
    is_training: bool = True,
    num_bits: int = 8,
    narrow_range: bool = False,
    symmetric: bool = False,
) -> Tensor:
    """Quantizes to the range of the values themselves; evaluation takes the last range."""

    def update(variable: Variable, value: Tensor, name: str) -> Tensor:
        return tf.assign(variable, value, name=f"Assign{name}Last")

    return _quantize(
        inputs, init_min, init_max, vars_collection, name_prefix, is_training, num_bits,
        narrow_range, symmetric, update,
    )  # fmt: skip


def quantize_by_moving_average(
    inputs: Tensor,
    init_min: float = -6.0,
    init_max: float = 6.0,
    vars_collection: str | None = tf.GraphKeys.MOVING_AVERAGE_VARIABLES,
    name_prefix: str = "MovingAvgQuantize",
    is_training: bool = True,
    num_bits: int = 8,
    narrow_range: bool = False,
    symmetric: bool = False,
    ema_decay: float = 0.999,
) -> Tensor:
    """Quantizes to the moving average of the range."""

    def update(variable: Variable, value: Tensor, name: str) -> Tensor:
        return moving_averages.assign_moving_average(
            variable, value, ema_decay, name=f"Assign{name}Ema"
        )

    return _quantize(
        inputs, init_min, init_max, vars_collection, name_prefix, is_training, num_bits,
        narrow_range, symmetric, update,
    )  # fmt: skip


def _quantize(
    inputs: Tensor,
    init_min: float,
    init_max: float,
    vars_collection: str | None,
    name_prefix: str,
    is_training: bool,
    num_bits: int,
    narrow_range: bool,
    symmetric: bool,
    update: Callable[[Variable, Tensor, str], Tensor],
) -> Tensor:
    collections = [vars_collection] if vars_collection else []
    with tf.variable_scope(None, default_name=name_prefix, values=[inputs]) as scope:
        scope.set_partitioner(None)
        low, high = (
            tf.get_variable(
                name, [], initializer=tf.constant_initializer(value), trainable=False,
                collections=[*collections, tf.GraphKeys.GLOBAL_VARIABLES],
                aggregation=tf.VariableAggregation.MEAN,
            )
            for name, value in (("min", init_min), ("max", init_max))
        )  # fmt: skip
        if is_training:
            smallest = tf.reduce_min(inputs, name="BatchMin")
            largest = tf.reduce_max(inputs, name="BatchMax")
            if symmetric:
                ratio = -1 if narrow_range else -((1 << num_bits) - 2) / (1 << num_bits)
                new_low = tf.minimum(smallest, largest / ratio)
                new_high = tf.maximum(largest, smallest * ratio)
            else:
                new_low, new_high = tf.minimum(smallest, 0.0), tf.maximum(largest, 0.0)
            low, high = update(low, new_low, "Min"), update(high, new_high, "Max")
        return tf.quantization.fake_quant_with_min_max_vars(
            inputs, low, high, num_bits=num_bits, narrow_range=narrow_range
        )
