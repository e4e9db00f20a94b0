"""Checks of tensors that ``tf.contrib.framework`` has and no package offers today."""

from __future__ import annotations

from collections.abc import Sequence

import tensorflow.compat.v1 as tf
from tensorflow.python.ops import confusion_matrix

from legacy_nets.types import ShapeLike, Tensor, TensorLike

__all__ = [
    "assert_scalar_int",
    "reduce_sum_n",
    "remove_squeezable_dimensions",
    "with_same_shape",
    "with_shape",
]


def assert_scalar_int(tensor: TensorLike, name: str | None = None) -> Tensor:
    """The tensor, a scalar of integers. Raises ValueError for another dtype or shape."""
    tensor = tf.convert_to_tensor(tensor)
    if not tensor.dtype.base_dtype.is_integer:
        raise ValueError(f"Expected integer type for {tensor.name}, received type: {tensor.dtype}.")
    return tf.debugging.assert_scalar(tensor, name=name)


def reduce_sum_n(tensors: Sequence[TensorLike], name: str | None = None) -> Tensor:
    """The sum of all entries of all tensors, a scalar. Raises ValueError for none."""
    if not tensors:
        raise ValueError("No tensors provided.")
    with tf.name_scope(name, "reduce_sum_n", tensors) as scope:
        return tf.add_n([tf.reduce_sum(tensor) for tensor in tensors], name=scope)


def remove_squeezable_dimensions(
    predictions: TensorLike, labels: TensorLike, name: str | None = None
) -> tuple[Tensor, Tensor]:
    """(predictions, labels) of equal rank: a last dimension 1 too many goes."""
    labels, predictions = confusion_matrix.remove_squeezable_dimensions(
        labels, predictions, name=name
    )
    return predictions, labels


def with_same_shape(expected_tensor: TensorLike, tensor: TensorLike) -> Tensor:
    """The tensor, checked to have the shape of another."""
    shape = expected_tensor.shape
    return with_shape(shape if shape.is_fully_defined() else tf.shape(expected_tensor), tensor)


def with_shape(expected_shape: ShapeLike, tensor: TensorLike) -> Tensor:
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
