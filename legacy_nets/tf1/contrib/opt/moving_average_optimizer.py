"""An optimizer that keeps moving averages of the variables."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import tensorflow.compat.v1 as tf

from legacy_nets.types import Operation, Optimizer, Saver, Tensor, TensorLike, Variable

__all__ = ["MovingAverageOptimizer"]


class MovingAverageOptimizer(tf.train.Optimizer):
    """Updates moving averages of the variables with each step of another optimizer."""

    def __init__(
        self,
        opt: Optimizer,
        average_decay: float = 0.9999,
        num_updates: TensorLike | None = None,
        sequential_update: bool = True,
    ) -> None:
        self._optimizer = opt
        self._ema = tf.train.ExponentialMovingAverage(average_decay, num_updates=num_updates)
        self._swapped_variable_name_map: dict[str, str] | None = None
        self._sequential_update = sequential_update

    def compute_gradients(
        self, *arguments: object, **options: object
    ) -> list[tuple[Tensor, Variable]]:
        """As the other optimizer does."""
        return self._optimizer.compute_gradients(*arguments, **options)

    def apply_gradients(
        self,
        grads_and_vars: Iterable[tuple[Tensor, Variable]],
        global_step: TensorLike | None = None,
        name: str | None = None,
    ) -> Operation:
        """The step of the other optimizer, then the averages."""
        step = self._optimizer.apply_gradients(grads_and_vars, global_step, name)
        variables = [variable for _, variable in grads_and_vars]
        self._swapped_variable_name_map = {}
        for variable in variables:
            average = self._ema.average_name(variable)
            self._swapped_variable_name_map[variable.op.name] = average
        if self._sequential_update:
            with tf.control_dependencies([step]):
                return self._ema.apply(variables)
        return tf.group(step, self._ema.apply(variables))

    def swapping_saver(
        self,
        var_list: Iterable[Variable] | None = None,
        name: str = "swapping_saver",
        **options: object,
    ) -> Saver:
        """A Saver that stores averages under the variables' own names. Raises RuntimeError
        before apply_gradients."""
        if self._swapped_variable_name_map is None:
            raise RuntimeError("Must call apply_gradients or minimize before the swapping_saver")
        variables = var_list or tf.global_variables()
        if not isinstance(variables, dict):
            variables = {variable.op.name: variable for variable in variables}
        swapped = dict(variables)
        for raw, average in self._swapped_variable_name_map.items():
            if raw in variables and average in variables:
                swapped[raw], swapped[average] = variables[average], variables[raw]
        return tf.train.Saver(swapped, name=name, **options)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.__dict__["_optimizer"], name)
