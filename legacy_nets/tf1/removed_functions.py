"""Private functions of TensorFlow 1.15 that scripts imported and nothing public stands for."""

from __future__ import annotations

from typing import Any

import tensorflow.compat.v1 as tf


def scalar() -> Any:
    """``tensor_shape.scalar()``: the shape []."""
    return tf.TensorShape([])


def vector(length: Any) -> Any:
    """``tensor_shape.vector(n)``: the shape [n]."""
    return tf.TensorShape([length])


def matrix(rows: Any, cols: Any) -> Any:
    """``tensor_shape.matrix(m, n)``: the shape [m, n]."""
    return tf.TensorShape([rows, cols])
