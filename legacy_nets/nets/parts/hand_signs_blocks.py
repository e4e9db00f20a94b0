"""The blocks of ``hand_signs``, as the document writes them on tf.nn.

Source:  tutorial document 001, section 4
Shapes:  of the tensor that the line makes; f1, f2 and f3 are ``out_filters``
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import TypedDict

import numpy as np

from legacy_nets import tf1 as tf
from legacy_nets.errors import BadInputError
from legacy_nets.types import GraphVariable, IsTraining, Tensor


@dataclasses.dataclass(frozen=True)
class Variant:
    """Where a net may leave the document; the defaults are the document's code.

    ``shortcut_batch_norm``: batch norm on the four projections too (001-E02, 16 more variables).
    ``initial_std``: of every kernel (001-E08); None scales it with the inputs of a unit.
    ``momentum``: of the moving statistics; 0.99 needs some hundred steps to follow (001-E14).
    """

    shortcut_batch_norm: bool = False
    initial_std: float | None = 0.1
    momentum: float = 0.99


DOCUMENT = Variant()


class Mode(TypedDict):
    """What all blocks of a net have in common."""

    training: IsTraining
    variant: Variant


def weight_variable(
    shape: list[int], stddev: float | None = 0.1, name: str | None = None
) -> GraphVariable:
    """Creates a convolution kernel [height, width, inputs, outputs], initially truncated normal.

    Without a name it is a plain ``tf.Variable``. TensorFlow 1 calls those Variable, Variable_1,
    ... in the order of creation. With a name it obeys the ``reuse`` of the variable scope.

    Args:
      shape: of the kernel.
      stddev: standard deviation; None takes sqrt(2 / fan_in) (arXiv:1502.01852).
      name: of the variable.
    """
    if stddev is None:
        stddev = float(np.sqrt(2 / np.prod(shape[:-1])))
    if name is None:
        return tf.Variable(tf.truncated_normal(shape, stddev=stddev))
    return tf.get_variable(name, shape, initializer=tf.truncated_normal_initializer(stddev=stddev))


def batch_norm(X: Tensor, training: IsTraining, variant: Variant, name: str) -> Tensor:
    """Normalizes the channels of a map [N, H, W, C]."""
    return tf.layers.batch_normalization(
        X, axis=3, momentum=variant.momentum, training=training, name=name
    )


def _check_channels(X_input: Tensor, in_filter: int, block_name: str) -> None:
    """Raises BadInputError unless a map [N, H, W, C] has C = ``in_filter``."""
    if X_input.shape[-1] != in_filter:
        raise BadInputError(
            f"{block_name}: in_filter={in_filter}, but its input has {X_input.shape[-1]} channels: "
            "pass the number of channels"
        )


def identity_block(
    X_input: Tensor,
    kernel_size: int,
    in_filter: int,
    out_filters: Sequence[int],
    stage: int,
    block: str,
    training: IsTraining,
    *,
    variant: Variant = DOCUMENT,
) -> Tensor:
    """Builds three convolutions and adds the input; a ReLU follows the sum.

    Args:
      X_input: float32 [N, H, W, in_filter]; in_filter must equal out_filters[2].
      kernel_size: side of the middle kernel.
      in_filter: channels of the input.
      out_filters: channels of the three convolutions.
      stage, block: name the variable scope, ``res<stage><block>``.
      training: bool or bool tensor, for batch norm.
      variant: see there.

    Returns: float32 [N, H, W, out_filters[2]].
    Raises: BadInputError for channels that do not fit.
    """
    block_name = f"res{stage}{block}"
    f1, f2, f3 = out_filters
    _check_channels(X_input, in_filter, block_name)
    if in_filter != f3:
        raise BadInputError(
            f"{block_name} adds its input ({in_filter} channels) to {f3} channels: "
            "they must be equal, or use convolutional_block"
        )
    with tf.variable_scope(block_name):
        X_shortcut = X_input
        # first
        W_conv1 = weight_variable([1, 1, in_filter, f1], variant.initial_std, "Variable")
        X = tf.nn.conv2d(X_input, W_conv1, strides=[1, 1, 1, 1], padding="SAME")  # (N, H, W, f1)
        X = batch_norm(X, training, variant, "batch_normalization")
        X = tf.nn.relu(X)
        # second
        kernel_shape = [kernel_size, kernel_size, f1, f2]
        W_conv2 = weight_variable(kernel_shape, variant.initial_std, "Variable_1")
        X = tf.nn.conv2d(X, W_conv2, strides=[1, 1, 1, 1], padding="SAME")  # (N, H, W, f2)
        X = batch_norm(X, training, variant, "batch_normalization_1")
        X = tf.nn.relu(X)
        # third
        W_conv3 = weight_variable([1, 1, f2, f3], variant.initial_std, "Variable_2")
        X = tf.nn.conv2d(X, W_conv3, strides=[1, 1, 1, 1], padding="VALID")  # (N, H, W, f3)
        X = batch_norm(X, training, variant, "batch_normalization_2")
        # final step
        add = tf.add(X, X_shortcut)  # (N, H, W, f3)
        return tf.nn.relu(add)


def convolutional_block(
    X_input: Tensor,
    kernel_size: int,
    in_filter: int,
    out_filters: Sequence[int],
    stage: int,
    block: str,
    training: IsTraining,
    stride: int = 2,
    *,
    variant: Variant = DOCUMENT,
) -> Tensor:
    """Builds an ``identity_block`` whose first convolution strides and whose input is projected.

    Args: as ``identity_block``, and
      stride: of the first convolution and of the projection.

    Returns: float32 [N, ceil(H/stride), ceil(W/stride), out_filters[2]].
    """
    block_name = f"res{stage}{block}"
    f1, f2, f3 = out_filters
    strides = [1, stride, stride, 1]
    _check_channels(X_input, in_filter, block_name)
    with tf.variable_scope(block_name):
        x_shortcut = X_input
        # first
        W_conv1 = weight_variable([1, 1, in_filter, f1], variant.initial_std, "Variable")
        X = tf.nn.conv2d(X_input, W_conv1, strides, padding="VALID")  # (N, H/stride, W/stride, f1)
        X = batch_norm(X, training, variant, "batch_normalization")
        X = tf.nn.relu(X)
        # second
        kernel_shape = [kernel_size, kernel_size, f1, f2]
        W_conv2 = weight_variable(kernel_shape, variant.initial_std, "Variable_1")
        # (N, H/stride, W/stride, f2)
        X = tf.nn.conv2d(X, W_conv2, strides=[1, 1, 1, 1], padding="SAME")
        X = batch_norm(X, training, variant, "batch_normalization_1")
        X = tf.nn.relu(X)
        # third
        W_conv3 = weight_variable([1, 1, f2, f3], variant.initial_std, "Variable_2")
        # (N, H/stride, W/stride, f3)
        X = tf.nn.conv2d(X, W_conv3, strides=[1, 1, 1, 1], padding="VALID")
        X = batch_norm(X, training, variant, "batch_normalization_2")
        # shortcut path
        W_shortcut = weight_variable([1, 1, in_filter, f3], variant.initial_std, "Variable_3")
        # (N, H/stride, W/stride, f3)
        x_shortcut = tf.nn.conv2d(x_shortcut, W_shortcut, strides, padding="VALID")
        if variant.shortcut_batch_norm:  # 001-E02: the document's figure has it, its code has not
            x_shortcut = batch_norm(x_shortcut, training, variant, "batch_normalization_3")
        # final
        add = tf.add(x_shortcut, X)  # (N, H/stride, W/stride, f3)
        return tf.nn.relu(add)
