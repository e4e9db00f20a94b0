"""``tensorflow.python.ops.rnn_cell_impl`` and ``rnn_cell`` of 1.15: the cells of tf.nn.rnn_cell.

Classes are those of tf_keras, so that ``isinstance`` holds whatever path a script imports.
"""

from __future__ import annotations

import importlib
from typing import Any

import tensorflow.compat.v1 as tf
from tensorflow.python.ops.rnn_cell_impl import assert_like_rnncell

from legacy_nets.types import Initializer, Scope, Structure, Tensor, TensorLike

__all__ = [
    "GRUCell",
    "LayerRNNCell",
    "Linear",
    "RNNCell",
    "assert_like_rnncell",
    "like_rnncell",
    "linear",
]

_cells = importlib.import_module("tf_keras.src.layers.rnn.legacy_cells")
_wrappers = importlib.import_module("tf_keras.src.layers.rnn.legacy_cell_wrappers")
RNNCell: Any = _cells.RNNCell
GRUCell: Any = _cells.GRUCell
# The base class of cells that make their variables in ``build``.
LayerRNNCell: Any = _cells.LayerRNNCell


def __getattr__(name: str) -> Any:
    if name.startswith("__"):
        raise AttributeError(name)
    return getattr(_wrappers if name.endswith("Wrapper") else _cells, name)


def like_rnncell(cell: RNNCell) -> bool:
    """Whether an object has what an RNN cell must have."""
    needed = ("output_size", "state_size", "zero_state")
    return callable(cell) and all(hasattr(cell, name) for name in needed)


def linear(
    args: TensorLike,
    output_size: int,
    bias: bool,
    bias_initializer: Initializer | None = None,
    scope: Scope = None,
    kernel_initializer: Initializer | None = None,
) -> Tensor:
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


class Linear:
    """``core_rnn_cell._Linear``: a linear map that makes its variables once."""

    def __init__(
        self,
        args: TensorLike,
        output_size: int,
        build_bias: bool,
        bias_initializer: Initializer | None = None,
        kernel_initializer: Initializer | None = None,
    ) -> None:
        inputs = args if isinstance(args, (list, tuple)) else [args]
        rows = sum(tensor.shape.as_list()[1] for tensor in inputs)
        dtype = inputs[0].dtype
        self._weights = tf.get_variable(
            "kernel", [rows, output_size], dtype, initializer=kernel_initializer
        )
        first = bias_initializer or tf.zeros_initializer()
        self._biases = (
            tf.get_variable("bias", [output_size], dtype, initializer=first) if build_bias else None
        )

    def __call__(self, args: TensorLike) -> tuple[Tensor, Structure]:
        """Concatenated [N, _] inputs to [N, output_size]."""
        inputs = tf.concat(args, 1) if isinstance(args, (list, tuple)) else args
        result = tf.matmul(inputs, self._weights)
        return result if self._biases is None else tf.nn.bias_add(result, self._biases)


# As scripts imported them.
_linear, _Linear, _like_rnncell = linear, Linear, like_rnncell
