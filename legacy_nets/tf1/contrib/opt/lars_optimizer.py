"""Layer-wise adaptive rates for large batches (arXiv:1708.03888)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import tensorflow.compat.v1 as tf

from legacy_nets.types import Operation, Tensor, TensorLike, Variable

__all__ = ["LARSOptimizer"]


class LARSOptimizer(tf.train.Optimizer):
    """Momentum whose rate, for each variable, follows its norm by that of its gradient.

    Sparse gradients get plain momentum.

    Args:
      learning_rate: the rate that is scaled.
      momentum: of the momentum optimizer below.
      weight_decay: of the variables that are scaled.
      eeta: the coefficient of the scaling.
      epsilon: added to the gradient's norm.
      name: of the variables that it makes.
      skip_list: parts of names of variables that are not scaled, and do not decay.
      use_nesterov: whether the momentum is Nesterov's.

    Raises:
      ValueError: momentum or weight_decay is negative.
    """

    def __init__(
        self,
        learning_rate: TensorLike,
        momentum: float = 0.9,
        weight_decay: float = 0.0001,
        eeta: float = 0.001,
        epsilon: float = 0.0,
        name: str = "LARSOptimizer",
        skip_list: Sequence[str] | None = None,
        use_nesterov: bool = False,
    ) -> None:
        if momentum < 0.0:
            raise ValueError(f"momentum should be positive: {momentum}")
        if weight_decay < 0.0:
            raise ValueError(f"weight_decay should be positive: {weight_decay}")
        super().__init__(use_locking=False, name=name)
        self._learning_rate = learning_rate
        self._momentum = momentum
        self._weight_decay = weight_decay
        self._eeta = eeta
        self._epsilon = epsilon
        self._skip_list = skip_list or ()
        self._use_nesterov = use_nesterov

    def compute_lr(self, grad: Tensor, var: Variable) -> tuple[TensorLike, Tensor]:
        """Returns a variable's rate, and its gradient with the weight decay's."""
        if any(part in var.name for part in self._skip_list):
            return self._learning_rate, grad
        weights, gradient = tf.norm(var, ord=2), tf.norm(grad, ord=2)
        ratio = self._eeta * weights / (gradient + self._weight_decay * weights + self._epsilon)
        has_norms = tf.logical_and(weights > 0, gradient > 0)
        rate = self._learning_rate * tf.where(has_norms, ratio, tf.ones_like(ratio))
        return rate, grad + self._weight_decay * var

    def _create_slots(self, var_list: Iterable[Variable]) -> None:
        for var in var_list:
            self._zeros_slot(var, "momentum", self._name)

    def _prepare(self) -> None:
        rate = self._learning_rate
        self._rate = tf.convert_to_tensor(rate() if callable(rate) else rate, name="learning_rate")

    def _apply_dense(self, grad: Tensor, var: Variable) -> Operation:
        rate, grad = self.compute_lr(grad, var)
        return tf.raw_ops.ApplyMomentum(
            var=var._ref(), accum=self.get_slot(var, "momentum")._ref(),
            lr=tf.ones([], var.dtype.base_dtype), grad=grad * rate, momentum=self._momentum,
            use_nesterov=self._use_nesterov,
        ).op  # fmt: skip

    def _resource_apply_dense(self, grad: Tensor, var: Variable) -> Operation:
        rate, grad = self.compute_lr(grad, var)
        return tf.raw_ops.ResourceApplyMomentum(
            var=var.handle, accum=self.get_slot(var, "momentum").handle,
            lr=tf.ones([], var.dtype.base_dtype), grad=grad * rate, momentum=self._momentum,
            use_nesterov=self._use_nesterov,
        )  # fmt: skip

    def _apply_sparse(self, grad: tf.IndexedSlices, var: Variable) -> Operation:
        return tf.raw_ops.SparseApplyMomentum(
            var=var._ref(), accum=self.get_slot(var, "momentum")._ref(),
            lr=tf.cast(self._rate, var.dtype.base_dtype), grad=grad.values, indices=grad.indices,
            momentum=self._momentum, use_nesterov=self._use_nesterov,
        ).op  # fmt: skip

    def _resource_apply_sparse(self, grad: Tensor, var: Variable, indices: Tensor) -> Operation:
        return tf.raw_ops.ResourceSparseApplyMomentum(
            var=var.handle, accum=self.get_slot(var, "momentum").handle,
            lr=tf.cast(self._rate, grad.dtype), grad=grad, indices=indices,
            momentum=self._momentum, use_nesterov=self._use_nesterov,
        )  # fmt: skip
