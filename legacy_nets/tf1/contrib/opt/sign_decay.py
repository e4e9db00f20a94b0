"""Decays of the sign in AddSign and PowerSign (arXiv:1709.07417), by the global step."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TypeAlias

import tensorflow.compat.v1 as tf

from legacy_nets.types import Tensor, TensorLike

SignDecay: TypeAlias = "Callable[[TensorLike | None], Tensor]"

__all__ = ["get_cosine_decay_fn", "get_linear_decay_fn", "get_restart_decay_fn"]


def get_linear_decay_fn(decay_steps: int) -> SignDecay:
    """Returns a function of the step: from 1 to 0 in ``decay_steps`` steps."""

    def linear_decay_fn(global_step: TensorLike | None) -> Tensor:
        step = _check_step(global_step, "linear_decay")
        remaining = tf.cast(decay_steps - tf.minimum(step, decay_steps), tf.float32)
        return tf.maximum(0.0, remaining / decay_steps)

    return linear_decay_fn


def get_cosine_decay_fn(
    decay_steps: int, num_periods: float = 0.5, zero_after: float | None = None
) -> SignDecay:
    """Returns a function of the step: ``num_periods`` cosines between 1 and 0.

    After ``zero_after`` periods, where that is given, it is 0.
    """

    def cosine_decay_fn(global_step: TensorLike | None) -> Tensor:
        step = tf.minimum(_check_step(global_step, "cosine_decay"), decay_steps)
        fraction = 2.0 * num_periods * (tf.cast(step, tf.float32) / decay_steps)
        decayed = 0.5 * (1.0 + tf.cos(math.pi * fraction))
        return _zero(decayed, fraction, zero_after)

    return cosine_decay_fn


def get_restart_decay_fn(
    decay_steps: int, num_periods: float = 1, zero_after: float | None = None
) -> SignDecay:
    """Returns a function of the step: ``num_periods`` halves of a cosine, each from 1 to 0.

    After ``zero_after`` periods, where that is given, it is 0.
    """

    def restart_decay_fn(global_step: TensorLike | None) -> Tensor:
        step = tf.minimum(_check_step(global_step, "cosine_decay"), decay_steps)
        periods = num_periods * tf.cast(step, tf.float32)
        fraction = tf.math.floormod(periods, decay_steps) / decay_steps
        decayed = 0.5 * (1.0 + tf.cos(math.pi * fraction))
        return _zero(decayed, 2 * (periods / decay_steps), zero_after)

    return restart_decay_fn


def _check_step(global_step: TensorLike | None, name: str) -> Tensor:
    if global_step is None:
        raise ValueError(f"global_step is required for {name}.")
    return tf.convert_to_tensor(global_step)


def _zero(decayed: Tensor, half_periods: Tensor, zero_after: float | None) -> Tensor:
    if zero_after is None:
        return decayed
    return tf.where(half_periods >= 2 * zero_after, tf.zeros_like(decayed), decayed)
