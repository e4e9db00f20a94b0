"""Checks and small helpers of ``tf.contrib.framework`` that no package has today."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import tensorflow.compat.v1 as tf
from tensorflow.python.ops import confusion_matrix
from tensorflow.python.util import nest

__all__ = [
    "assert_scalar_int",
    "get_placeholders",
    "py_func",
    "reduce_sum_n",
    "remove_squeezable_dimensions",
    "with_same_shape",
    "with_shape",
    "zero_initializer",
]


def assert_scalar_int(tensor: Any, name: str | None = None) -> Any:
    """The tensor, a scalar of integers. Raises ValueError for another dtype or shape."""
    tensor = tf.convert_to_tensor(tensor)
    if not tensor.dtype.base_dtype.is_integer:
        raise ValueError(f"Expected integer type for {tensor.name}, received type: {tensor.dtype}.")
    return tf.debugging.assert_scalar(tensor, name=name)


def get_placeholders(graph: Any) -> list[Any]:
    """The placeholders of a graph, as tensors."""
    kinds = ("Placeholder", "PlaceholderV2")
    return [op.outputs[0] for op in graph.get_operations() if op.type in kinds]


def py_func(
    func: Callable[..., Any],
    args: Any = (),
    kwargs: dict[str, Any] | None = None,
    output_types: Any = None,
    output_shapes: Any = None,
    stateful: bool = True,
    name: str | None = None,
) -> Any:
    """``tf.py_func`` with nested arguments, keywords and results."""
    given = {"args": args, "kwargs": kwargs or {}}
    flat = tf.nest.flatten(given)
    types = tf.nest.flatten(output_types)

    def flat_func(*values: Any) -> Any:
        packed = tf.nest.pack_sequence_as(given, values)
        results = func(*packed["args"], **packed["kwargs"])
        return [
            np.asarray(value, dtype.as_numpy_dtype)
            for value, dtype in zip(tf.nest.flatten(results), types, strict=True)
        ]

    results = tf.py_func(flat_func, flat, types, stateful, name)
    if output_shapes is not None:
        for result, shape in zip(
            results, nest.flatten_up_to(output_types, output_shapes), strict=True
        ):
            result.set_shape(shape)
    if not tf.nest.is_nested(output_types):
        return results[0]
    return tf.nest.pack_sequence_as(output_types, results)


def reduce_sum_n(tensors: Any, name: str | None = None) -> Any:
    """The sum of all entries of all tensors, a scalar. Raises ValueError for none."""
    if not tensors:
        raise ValueError("No tensors provided.")
    with tf.name_scope(name, "reduce_sum_n", tensors) as scope:
        return tf.add_n([tf.reduce_sum(tensor) for tensor in tensors], name=scope)


def remove_squeezable_dimensions(predictions: Any, labels: Any, name: str | None = None) -> Any:
    """(predictions, labels) of equal rank: a last dimension 1 too many goes."""
    labels, predictions = confusion_matrix.remove_squeezable_dimensions(
        labels, predictions, name=name
    )
    return predictions, labels


def with_same_shape(expected_tensor: Any, tensor: Any) -> Any:
    """The tensor, checked to have the shape of another."""
    shape = expected_tensor.shape
    return with_shape(shape if shape.is_fully_defined() else tf.shape(expected_tensor), tensor)


def with_shape(expected_shape: Any, tensor: Any) -> Any:
    """The tensor, with that shape: checked now where it is known, else when it runs.

    Raises ValueError for a known shape that differs.
    """
    tensor = tf.convert_to_tensor(tensor)
    if tf.is_tensor(expected_shape):
        known = tf.get_static_value(expected_shape)
        if known is None:
            wrong = ["Wrong shape", tensor.name, expected_shape, tf.shape(tensor)]
            check = tf.debugging.assert_equal(tf.shape(tensor), expected_shape, data=wrong)
            with tf.control_dependencies([check]):
                return tf.identity(tensor)
        expected_shape = known
    shape = tf.TensorShape(expected_shape)
    if not tensor.shape.is_compatible_with(shape):
        raise ValueError(f"Wrong shape for {tensor.name}, expected {shape}, got {tensor.shape}.")
    if not tensor.shape.is_fully_defined() and shape.is_fully_defined():
        wrong = ["Wrong shape", tensor.name, tf.shape(tensor)]
        check = tf.debugging.assert_equal(tf.shape(tensor), shape.as_list(), data=wrong)
        with tf.control_dependencies([check]):
            tensor = tf.identity(tensor)
        tensor.set_shape(shape)
    return tensor


def zero_initializer(ref: Any, use_locking: bool = True, name: str = "zero_initializer") -> Any:
    """The variable with zeros assigned."""
    return tf.assign(ref, tf.zeros(ref.shape, ref.dtype.base_dtype), use_locking, name=name)
