"""Adagrad that can leave its slots alone."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import tensorflow.compat.v1 as tf

from legacy_nets.types import Operation, Tensor, TensorLike, Variable

__all__ = ["RegAdagradOptimizer"]


class RegAdagradOptimizer(tf.train.AdagradOptimizer):
    """Adagrad; inside ``avoid_updating_slots`` it makes updates that change no accumulator.

    So a regularization term of the loss does not slow down the learning.
    """

    def __init__(
        self,
        learning_rate: TensorLike,
        initial_accumulator_value: float = 0.1,
        use_locking: bool = False,
        name: str = "RegAdagrad",
    ) -> None:
        super().__init__(learning_rate, initial_accumulator_value, use_locking, name)
        self._should_update_slots = True

    @contextlib.contextmanager
    def avoid_updating_slots(self) -> Iterator[None]:
        """Updates that are made inside leave the accumulators as they are."""
        before = self._should_update_slots
        self._should_update_slots = False
        try:
            yield
        finally:
            self._should_update_slots = before

    def _rate(self, var: Variable) -> Tensor:
        return tf.cast(self._learning_rate_tensor, var.dtype.base_dtype)

    def _apply_dense(self, grad: Tensor, var: Variable) -> Operation:
        return tf.raw_ops.ApplyAdagrad(
            var=var._ref(), accum=self.get_slot(var, "accumulator")._ref(), lr=self._rate(var),
            grad=grad, use_locking=self._use_locking, update_slots=self._should_update_slots,
        ).op  # fmt: skip

    def _resource_apply_dense(self, grad: Tensor, var: Variable) -> Operation:
        return tf.raw_ops.ResourceApplyAdagrad(
            var=var.handle, accum=self.get_slot(var, "accumulator").handle, lr=self._rate(var),
            grad=grad, use_locking=self._use_locking, update_slots=self._should_update_slots,
        )  # fmt: skip

    def _apply_sparse(self, grad: tf.IndexedSlices, var: Variable) -> Operation:
        return tf.raw_ops.SparseApplyAdagrad(
            var=var._ref(), accum=self.get_slot(var, "accumulator")._ref(), lr=self._rate(var),
            grad=grad.values, indices=grad.indices, use_locking=self._use_locking,
            update_slots=self._should_update_slots,
        ).op  # fmt: skip

    def _resource_apply_sparse(self, grad: Tensor, var: Variable, indices: Tensor) -> Operation:
        return tf.raw_ops.ResourceSparseApplyAdagrad(
            var=var.handle, accum=self.get_slot(var, "accumulator").handle, lr=self._rate(var),
            grad=grad, indices=indices, use_locking=self._use_locking,
            update_slots=self._should_update_slots,
        )  # fmt: skip
