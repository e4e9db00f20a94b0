"""What AddSign and PowerSign (arXiv:1709.07417) have in common."""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar

import tensorflow.compat.v1 as tf

from legacy_nets.tf1.contrib.opt.sign_decay import SignDecay
from legacy_nets.types import Operation, Tensor, TensorLike, Variable


class SignOptimizer(tf.train.Optimizer):
    """Larger steps where the gradient has the sign of its moving average.

    A subclass names its kernels and their argument, and computes the factor of a step.
    """

    _kernel: ClassVar[str]  # ApplyAddSign, with ResourceApplyAddSign
    _factor_name: ClassVar[str]  # of the kernel's argument

    def __init__(
        self,
        learning_rate: TensorLike,
        factor: float,
        beta: TensorLike,
        sign_decay_fn: SignDecay | None,
        use_locking: bool,
        name: str,
    ) -> None:
        super().__init__(use_locking, name)
        self._given = {"lr": learning_rate, self._factor_name: factor, "beta": beta}
        self._sign_decay_fn = sign_decay_fn
        self._sign_decay: TensorLike = 1.0

    def _scale(self, numbers: dict[str, Tensor], agreement: Tensor) -> Tensor:
        """The factor of a step from the signs' product, where it has decayed."""
        raise NotImplementedError

    def apply_gradients(
        self,
        grads_and_vars: Iterable[tuple[Tensor, Variable]],
        global_step: Variable | None = None,
        name: str | None = None,
    ) -> Operation:
        """Updates the variables; the sign decays by ``global_step``."""
        if self._sign_decay_fn is not None:
            self._sign_decay = self._sign_decay_fn(global_step)
        return super().apply_gradients(grads_and_vars, global_step, name)

    def _create_slots(self, var_list: Iterable[Variable]) -> None:
        for var in var_list:
            self._zeros_slot(var, "m", self._name)

    def _prepare(self) -> None:
        given = {**self._given, "sign_decay": self._sign_decay}
        self._tensors = {key: tf.convert_to_tensor(value) for key, value in given.items()}

    def _numbers(self, var: Variable) -> dict[str, Tensor]:
        dtype = var.dtype.base_dtype
        return {name: tf.cast(value, dtype) for name, value in self._tensors.items()}

    def _apply_dense(self, grad: Tensor, var: Variable) -> Operation:
        return getattr(tf.raw_ops, self._kernel)(
            var=var._ref(),
            m=self.get_slot(var, "m")._ref(),
            **self._numbers(var),
            grad=grad,
            use_locking=self._use_locking,
        ).op

    def _resource_apply_dense(self, grad: Tensor, var: Variable) -> Operation:
        return getattr(tf.raw_ops, f"Resource{self._kernel}")(
            var=var.handle,
            m=self.get_slot(var, "m").handle,
            **self._numbers(var),
            grad=grad,
            use_locking=self._use_locking,
        )

    def _apply_sparse(self, grad: tf.IndexedSlices, var: Variable) -> Operation:
        return self._resource_apply_sparse(grad.values, var, grad.indices)

    def _resource_apply_sparse(self, grad: Tensor, var: Variable, indices: Tensor) -> Operation:
        numbers = self._numbers(var)
        moment = self.get_slot(var, "m")
        dense = tf.convert_to_tensor(tf.IndexedSlices(grad, indices, tf.shape(var)))
        grown = moment * numbers["beta"] + dense * (1 - numbers["beta"])
        moved = tf.assign(moment, grown, use_locking=self._use_locking)
        signs = tf.gather(tf.sign(moved), indices) * tf.sign(grad)
        change = numbers["lr"] * self._scale(numbers, numbers["sign_decay"] * signs) * grad
        updated = tf.scatter_sub(var, indices, change, use_locking=self._use_locking)
        return tf.group(updated, moved)
