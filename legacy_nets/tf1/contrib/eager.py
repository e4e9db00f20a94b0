"""``tf.contrib.eager``: eager execution as scripts of 1.5 to 1.15 spelled it."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import tensorflow.compat.v1 as tf
from tensorflow.compat.v1 import (
    GradientTape,
    TensorSpec,
    custom_gradient,
    enable_eager_execution,
    executing_eagerly,
    function,
    make_template,
)
from tensorflow.compat.v1 import executing_eagerly as in_eager_mode
from tensorflow.compat.v1 import function as defun
from tensorflow.compat.v1 import py_function as py_func
from tensorflow.compat.v1.train import Checkpoint
from tensorflow.python.eager.backprop import gradients_function
from tensorflow.python.eager.backprop import implicit_grad as implicit_gradients
from tensorflow.python.eager.backprop import implicit_val_and_grad as implicit_value_and_gradients
from tensorflow.python.eager.backprop import val_and_grad_function as value_and_gradients_function
from tensorflow.python.eager.context import num_gpus
from tensorflow.python.ops.resource_variable_ops import ResourceVariable as Variable

from legacy_nets.tf1 import keras
from legacy_nets.types import Optimizer, Structure, Tensor, TensorLike

__all__ = [
    "Checkpoint",
    "GradientTape",
    "Iterator",
    "Network",
    "Saver",
    "Sequential",
    "TensorSpec",
    "Variable",
    "custom_gradient",
    "defun",
    "enable_eager_execution",
    "executing_eagerly",
    "function",
    "get_optimizer_variables",
    "gradients_function",
    "implicit_gradients",
    "implicit_value_and_gradients",
    "in_eager_mode",
    "list_devices",
    "make_template",
    "num_gpus",
    "py_func",
    "run",
    "value_and_gradients_function",
]

Network = keras.Model
Sequential = keras.Sequential


class Iterator:
    """Goes over a data set eagerly; ``next()`` gives an element."""

    def __init__(self, dataset: Any) -> None:
        self._elements = iter(dataset)

    def __iter__(self) -> Iterator:
        return self

    def __next__(self) -> Structure:
        return next(self._elements)

    def next(self) -> Structure:
        """The next element. Raises StopIteration at the end."""
        return next(self._elements)

    def get_next(self, name: str | None = None) -> Structure:
        """The next element. Raises OutOfRangeError at the end."""
        try:
            return next(self._elements)
        except StopIteration:
            raise tf.errors.OutOfRangeError(None, None, "End of sequence") from None


class Saver:
    """Saves and restores a list of variables, by their names."""

    def __init__(self, var_list: Iterable[Variable]) -> None:
        self._saver = tf.train.Saver(var_list)

    def save(self, file_prefix: str, global_step: TensorLike | None = None) -> str:
        """Writes a checkpoint; returns its prefix."""
        return self._saver.save(None, file_prefix, global_step=global_step)

    def restore(self, file_prefix: str) -> None:
        """Reads a checkpoint."""
        self._saver.restore(None, file_prefix)


def get_optimizer_variables(optimizer: Optimizer) -> list[Tensor]:
    """The slots and other variables of an optimizer."""
    return optimizer.variables()


def list_devices() -> list[str]:
    """Names of the devices."""
    return [device.name for device in tf.config.list_logical_devices()]


def run(main: Callable[[list[str]], object] | None = None, argv: list[str] | None = None) -> None:
    """``tf.app.run`` after ``enable_eager_execution``."""
    enable_eager_execution()
    tf.app.run(main, argv)
