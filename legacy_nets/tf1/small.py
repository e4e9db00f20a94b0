"""Private functions of TensorFlow 1.15 that scripts imported and nothing public stands for."""

from __future__ import annotations

import importlib
from typing import Any

import tensorflow.compat.v1 as tf

# The base class of cells that make their variables in ``build``.
LayerRNNCell: Any = importlib.import_module("tf_keras.src.layers.rnn.legacy_cells").LayerRNNCell


def scalar() -> Any:
    """``tensor_shape.scalar()``: the shape []."""
    return tf.TensorShape([])


def vector(length: Any) -> Any:
    """``tensor_shape.vector(n)``: the shape [n]."""
    return tf.TensorShape([length])


def matrix(rows: Any, cols: Any) -> Any:
    """``tensor_shape.matrix(m, n)``: the shape [m, n]."""
    return tf.TensorShape([rows, cols])


def like_rnncell(cell: Any) -> bool:
    """Whether an object has what an RNN cell must have."""
    needed = ("output_size", "state_size", "zero_state")
    return callable(cell) and all(hasattr(cell, name) for name in needed)


def linear(
    args: Any, output_size: int, bias: bool, bias_initializer: Any = None, scope: Any = None,
    kernel_initializer: Any = None,
) -> Any:  # fmt: skip
    """``rnn_cell_impl._linear``: concatenated [N, _] inputs times one kernel: [N, output_size]."""
    inputs = args if isinstance(args, (list, tuple)) else [args]
    sizes = [tensor.shape.as_list()[1] for tensor in inputs]
    dtype = inputs[0].dtype
    with tf.variable_scope(scope or tf.get_variable_scope()) as outer:
        kernel = tf.get_variable(
            "kernel", [sum(sizes), output_size], dtype, initializer=kernel_initializer
        )
        result = tf.matmul(inputs[0] if len(inputs) == 1 else tf.concat(inputs, 1), kernel)
        if not bias:
            return result
        with tf.variable_scope(outer) as inner:
            inner.set_partitioner(None)
            initializer = bias_initializer or tf.constant_initializer(0.0, dtype=dtype)
            biases = tf.get_variable("bias", [output_size], dtype, initializer=initializer)
        return tf.nn.bias_add(result, biases)
