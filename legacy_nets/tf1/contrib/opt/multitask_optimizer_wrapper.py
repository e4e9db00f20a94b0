"""Clipping of gradients by their global norm."""

from __future__ import annotations

from collections.abc import Iterable

import tensorflow.compat.v1 as tf

from legacy_nets.types import Tensor, Variable

__all__ = ["clip_gradients_by_global_norm"]


def clip_gradients_by_global_norm(
    gradients_variables: Iterable[tuple[Tensor, Variable]], clip_norm: float = 20.0
) -> list[tuple[Tensor, Variable]]:
    """(gradient, variable) pairs with all gradients scaled to a global norm of at most that."""
    gradients, variables = zip(*gradients_variables, strict=True)
    return list(zip(tf.clip_by_global_norm(gradients, clip_norm)[0], variables, strict=True))
