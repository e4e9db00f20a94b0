"""``tf.contrib.framework.zero_initializer``."""

from __future__ import annotations

import tensorflow.compat.v1 as tf

from legacy_nets.types import Tensor, TensorLike

__all__ = ["zero_initializer"]


def zero_initializer(
    ref: TensorLike, use_locking: bool = True, name: str = "zero_initializer"
) -> Tensor:
    """The variable with zeros assigned."""
    return tf.assign(ref, tf.zeros(ref.shape, ref.dtype.base_dtype), use_locking, name=name)
