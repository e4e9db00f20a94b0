"""AdaMax (arXiv:1412.6980, section 7.1)."""

from __future__ import annotations

from collections.abc import Iterable

import tensorflow.compat.v1 as tf

from legacy_nets.types import Operation, Tensor, TensorLike, Variable

__all__ = ["AdaMaxOptimizer"]


class AdaMaxOptimizer(tf.train.AdamOptimizer):
    """Adam by the largest gradient instead of the mean of their squares.

    A sparse gradient changes the moments of its own rows only.
    """

    def __init__(
        self,
        learning_rate: TensorLike = 0.001,
        beta1: TensorLike = 0.9,
        beta2: TensorLike = 0.999,
        epsilon: TensorLike = 1e-8,
        use_locking: bool = False,
        name: str = "AdaMax",
    ) -> None:
        super().__init__(learning_rate, beta1, beta2, epsilon, use_locking, name)

    def _get_beta1_power(self) -> Variable:
        return self._get_non_slot_variable("beta1_power", graph=tf.get_default_graph())

    def _create_slots(self, var_list: Iterable[Variable]) -> None:
        first = min(var_list, key=lambda var: var.name)  # the same one on each worker
        self._create_non_slot_variable(self._beta1, "beta1_power", colocate_with=first)
        for var in var_list:
            self._zeros_slot(var, "m", self._name)
            self._zeros_slot(var, "v", self._name)

    def _numbers(self, var: Variable) -> dict[str, Tensor]:
        numbers = {
            "beta1_power": self._get_beta1_power(),
            "lr": self._lr_t,
            "beta1": self._beta1_t,
            "beta2": self._beta2_t,
            "epsilon": self._epsilon_t,
        }
        return {name: tf.cast(value, var.dtype.base_dtype) for name, value in numbers.items()}

    def _apply_dense(self, grad: Tensor, var: Variable) -> Operation:
        return tf.raw_ops.ApplyAdaMax(
            var=var._ref(),
            m=self.get_slot(var, "m")._ref(),
            v=self.get_slot(var, "v")._ref(),
            **self._numbers(var),
            grad=grad,
            use_locking=self._use_locking,
        ).op

    def _resource_apply_dense(self, grad: Tensor, var: Variable) -> Operation:
        return tf.raw_ops.ResourceApplyAdaMax(
            var=var.handle,
            m=self.get_slot(var, "m").handle,
            v=self.get_slot(var, "v").handle,
            **self._numbers(var),
            grad=grad,
            use_locking=self._use_locking,
        )

    def _apply_sparse(self, grad: tf.IndexedSlices, var: Variable) -> Operation:
        return self._resource_apply_sparse(grad.values, var, grad.indices)

    def _resource_apply_sparse(self, grad: Tensor, var: Variable, indices: Tensor) -> Operation:
        numbers = self._numbers(var)
        beta1, beta2 = numbers["beta1"], numbers["beta2"]
        m, v = self.get_slot(var, "m"), self.get_slot(var, "v")
        new_m = tf.gather(m, indices) * beta1 + grad * (1 - beta1)
        new_v = tf.maximum(tf.gather(v, indices) * beta2, tf.abs(grad))
        rate = -numbers["lr"] / (1 - numbers["beta1_power"])
        change = rate * (new_m / (new_v + numbers["epsilon"]))
        return tf.group(
            tf.scatter_update(m, indices, new_m, use_locking=self._use_locking),
            tf.scatter_update(v, indices, new_v, use_locking=self._use_locking),
            tf.scatter_add(var, indices, change, use_locking=self._use_locking),
        )

    def _finish(self, update_ops: list[Operation], name_scope: str) -> Operation:
        with tf.control_dependencies(update_ops):
            power = self._get_beta1_power()
            with tf.colocate_with(power):
                moved = power.assign(power * self._beta1_t, use_locking=self._use_locking)
        return tf.group(*update_ops, moved, name=name_scope)
