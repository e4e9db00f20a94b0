"""Private functions of TensorFlow 1.15 that scripts imported and no public name replaces."""

from __future__ import annotations

import tensorflow.compat.v1 as tf

from legacy_nets.types import TensorLike, TensorShape


def scalar() -> TensorShape:
    """Returns the shape [], as ``tensor_shape.scalar()``."""
    return tf.TensorShape([])


def vector(length: TensorLike) -> TensorShape:
    """Returns the shape [n], as ``tensor_shape.vector(n)``."""
    return tf.TensorShape([length])


def matrix(rows: TensorLike, cols: TensorLike) -> TensorShape:
    """Returns the shape [m, n], as ``tensor_shape.matrix(m, n)``."""
    return tf.TensorShape([rows, cols])
