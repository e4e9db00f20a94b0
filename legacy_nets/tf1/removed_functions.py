"""Private functions of TensorFlow 1.15 that scripts imported and nothing public stands for."""

from __future__ import annotations

import tensorflow.compat.v1 as tf

from legacy_nets.types import TensorLike, TensorShape


def scalar() -> TensorShape:
    """``tensor_shape.scalar()``: the shape []."""
    return tf.TensorShape([])


def vector(length: TensorLike) -> TensorShape:
    """``tensor_shape.vector(n)``: the shape [n]."""
    return tf.TensorShape([length])


def matrix(rows: TensorLike, cols: TensorLike) -> TensorShape:
    """``tensor_shape.matrix(m, n)``: the shape [m, n]."""
    return tf.TensorShape([rows, cols])
