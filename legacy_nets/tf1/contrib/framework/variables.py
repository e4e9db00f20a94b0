"""``tf.contrib.framework.zero_initializer``."""

from __future__ import annotations

from typing import Any

import tensorflow.compat.v1 as tf

__all__ = ["zero_initializer"]


def zero_initializer(ref: Any, use_locking: bool = True, name: str = "zero_initializer") -> Any:
    """The variable with zeros assigned."""
    return tf.assign(ref, tf.zeros(ref.shape, ref.dtype.base_dtype), use_locking, name=name)
