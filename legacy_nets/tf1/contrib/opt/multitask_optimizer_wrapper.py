"""Clipping of gradients by their global norm."""

from __future__ import annotations

from typing import Any

import tensorflow.compat.v1 as tf

__all__ = ["clip_gradients_by_global_norm"]


def clip_gradients_by_global_norm(gradients_variables: Any, clip_norm: float = 20.0) -> Any:
    """(gradient, variable) pairs with all gradients scaled to a global norm of at most that."""
    gradients, variables = zip(*gradients_variables, strict=True)
    return list(zip(tf.clip_by_global_norm(gradients, clip_norm)[0], variables, strict=True))
