"""Adam with Nesterov momentum."""

from __future__ import annotations

import tensorflow.compat.v1 as tf

from legacy_nets.types import Operation, Tensor, TensorLike, Variable

__all__ = ["NadamOptimizer"]


class NadamOptimizer(tf.train.AdamOptimizer):
    """Adam with Nesterov momentum."""

    def _apply_dense(self, grad: TensorLike, var: Variable) -> Operation:
        beta1_power, beta2_power = self._get_beta_accumulators()
        return tf.raw_ops.ApplyAdam(
            var=var._ref(),
            m=self.get_slot(var, "m")._ref(),
            v=self.get_slot(var, "v")._ref(),
            **self._numbers(var, beta1_power, beta2_power),
            grad=grad,
            use_locking=self._use_locking,
            use_nesterov=True,
        ).op

    def _resource_apply_dense(self, grad: TensorLike, var: Variable) -> Operation:
        beta1_power, beta2_power = self._get_beta_accumulators()
        return tf.raw_ops.ResourceApplyAdam(
            var=var.handle,
            m=self.get_slot(var, "m").handle,
            v=self.get_slot(var, "v").handle,
            **self._numbers(var, beta1_power, beta2_power),
            grad=grad,
            use_locking=self._use_locking,
            use_nesterov=True,
        )

    def _apply_sparse_shared(
        self, grad: TensorLike, var: Variable, indices: TensorLike, scatter_add: TensorLike
    ) -> Operation:
        """All of the moments decay; the rows named by ``indices`` get the gradient."""
        numbers = self._numbers(var, *self._get_beta_accumulators())
        rate = numbers["lr"] * tf.sqrt(1 - numbers["beta2_power"]) / (1 - numbers["beta1_power"])
        grown = []
        for slot, beta, new in (("m", "beta1", grad), ("v", "beta2", tf.square(grad))):
            moment = self.get_slot(var, slot)
            with tf.control_dependencies([moment.assign(moment * numbers[beta])]):
                moved = scatter_add(moment, indices, (1 - numbers[beta]) * new)
            grown.append(tf.gather(moved, indices))
        m = (1 - numbers["beta1"]) * grad + numbers["beta1"] * grown[0]
        change = rate * m / (tf.sqrt(grown[1]) + numbers["epsilon"])
        return tf.group(scatter_add(var, indices, -change), *grown)

    def _numbers(
        self, var: Variable, beta1_power: TensorLike, beta2_power: TensorLike
    ) -> dict[str, Tensor]:
        numbers = {
            "beta1_power": beta1_power,
            "beta2_power": beta2_power,
            "lr": self._lr_t,
            "beta1": self._beta1_t,
            "beta2": self._beta2_t,
            "epsilon": self._epsilon_t,
        }
        return {name: tf.cast(value, var.dtype.base_dtype) for name, value in numbers.items()}
