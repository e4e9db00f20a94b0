"""Optimizers with decoupled weight decay (arXiv:1711.05101)."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import tensorflow.compat.v1 as tf

from legacy_nets.types import Operation, Tensor, TensorLike, Variable

__all__ = ["AdamWOptimizer", "MomentumWOptimizer", "extend_with_decoupled_weight_decay"]


def _decay_variable(var: Variable, weight_decay: TensorLike, rows: TensorLike | None) -> Tensor:
    """Shrinks a variable; for a sparse gradient only the rows that it updates."""
    decay = tf.cast(weight_decay, var.dtype.base_dtype)
    if rows is None:
        return var.assign_sub(decay * var, read_value=False)
    return tf.scatter_sub(var, rows, decay * tf.gather(var, rows))


def extend_with_decoupled_weight_decay(base_optimizer: type) -> type:
    """A class whose constructor takes a weight decay first; variables shrink by it each step."""

    class OptimizerWithDecoupledWeightDecay(base_optimizer):
        def __init__(self, weight_decay: TensorLike, *arguments: object, **options: object) -> None:
            self._decay = weight_decay
            self._decayed: set[Any] | None = None
            super().__init__(*arguments, **options)

        def minimize(
            self,
            *arguments: object,
            decay_var_list: Iterable[Variable] | None = None,
            **options: object,
        ) -> Operation:
            """As the base class; ``decay_var_list`` limits what decays."""
            self._limit(decay_var_list)
            return super().minimize(*arguments, **options)

        def apply_gradients(
            self,
            grads_and_vars: Iterable[tuple[Tensor, Variable]],
            global_step: TensorLike | None = None,
            name: str | None = None,
            decay_var_list: Iterable[Variable] | None = None,
        ) -> Operation:
            """The base class's step, in which each variable decays before it is updated."""
            if decay_var_list is not None:
                self._limit(decay_var_list)
            return super().apply_gradients(grads_and_vars, global_step, name)

        def _apply_dense(self, grad: TensorLike, var: Variable) -> Operation:
            with tf.control_dependencies(self._shrink(var)):
                return super()._apply_dense(grad, var)

        def _resource_apply_dense(self, grad: TensorLike, var: Variable) -> Operation:
            with tf.control_dependencies(self._shrink(var)):
                return super()._resource_apply_dense(grad, var)

        def _apply_sparse(self, grad: TensorLike, var: Variable) -> Operation:
            with tf.control_dependencies(self._shrink(var, grad.indices)):
                return super()._apply_sparse(grad, var)

        def _resource_apply_sparse(
            self, grad: TensorLike, var: Variable, indices: TensorLike
        ) -> Operation:
            with tf.control_dependencies(self._shrink(var, indices)):
                return super()._resource_apply_sparse(grad, var, indices)

        def _shrink(self, var: Variable, rows: TensorLike | None = None) -> list[Tensor]:
            is_excluded = self._decayed is not None and var.ref() not in self._decayed
            return [] if is_excluded else [_decay_variable(var, self._decay, rows)]

        def _limit(self, variables: Iterable[Variable] | None) -> None:
            self._decayed = {variable.ref() for variable in variables} if variables else None

    return OptimizerWithDecoupledWeightDecay


_DecayedAdam: Any = extend_with_decoupled_weight_decay(tf.train.AdamOptimizer)


_DecayedMomentum: Any = extend_with_decoupled_weight_decay(tf.train.MomentumOptimizer)


class AdamWOptimizer(_DecayedAdam):
    """Adam with decoupled weight decay (arXiv:1711.05101)."""

    def __init__(
        self,
        weight_decay: TensorLike,
        learning_rate: TensorLike = 0.001,
        beta1: TensorLike = 0.9,
        beta2: TensorLike = 0.999,
        epsilon: TensorLike = 1e-8,
        use_locking: bool = False,
        name: str = "AdamW",
    ) -> None:
        super().__init__(weight_decay, learning_rate, beta1, beta2, epsilon, use_locking, name)


class MomentumWOptimizer(_DecayedMomentum):
    """Momentum with decoupled weight decay (arXiv:1711.05101)."""

    def __init__(
        self,
        weight_decay: TensorLike,
        learning_rate: TensorLike,
        momentum: TensorLike,
        use_locking: bool = False,
        name: str = "MomentumW",
        use_nesterov: bool = False,
    ) -> None:
        super().__init__(weight_decay, learning_rate, momentum, use_locking, name, use_nesterov)
