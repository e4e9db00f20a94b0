"""GGT: full-matrix Adagrad over a window of gradients (arXiv:1806.02958)."""

from __future__ import annotations

from collections.abc import Sequence

import tensorflow.compat.v1 as tf

from legacy_nets.types import Operation, Tensor, TensorLike, Variable

__all__ = ["GGTOptimizer"]


class GGTOptimizer(tf.train.Optimizer):
    """Full-matrix Adagrad over the newest moments of all variables' gradients in one vector.

    Args:
      learning_rate: of a step.
      beta1: decay of the moments.
      use_locking: whether updates lock the variables.
      name: of the operations that it makes.
      window: the number of moments that are kept.
      eps: singular values below it do not divide what lies outside of the window.
      svd_eps: added to the diagonal before the decomposition.
      sigma_eps: added to the singular values before they divide.
    """

    def __init__(
        self,
        learning_rate: TensorLike = 0.001,
        beta1: TensorLike = 0.9,
        use_locking: bool = False,
        name: str = "GGT",
        window: int = 10,
        eps: float = 1e-4,
        svd_eps: float = 1e-6,
        sigma_eps: float = 1e-2,
    ) -> None:
        super().__init__(use_locking, name)
        self._learning_rate = learning_rate
        self._beta1 = beta1
        self._window = window
        self._eps = eps
        self._svd_eps = svd_eps
        self._sigma_eps = sigma_eps
        self._rows: dict[str, tuple[int, int]] = {}  # of each variable in the vector

    def _create_slots(self, var_list: Sequence[Variable]) -> None:
        size = 0
        for var in sorted(var_list, key=lambda var: var.name):
            self._rows[var.name] = (size, size + var.shape.num_elements())
            size = self._rows[var.name][1]
        first = min(var_list, key=lambda var: var.name)
        dtype = var_list[0].dtype.base_dtype
        for name, shape in (("global_step", []), ("grad_buffer", [self._window, size]),
                            ("moment1", [size]), ("flat_grad", [size])):  # fmt: skip
            self._create_non_slot_variable(tf.zeros(shape, dtype), name, colocate_with=first)

    def _get(self, name: str) -> Variable:
        return self._get_non_slot_variable(name, graph=tf.get_default_graph())

    def _prepare(self) -> None:
        self._updated: list[Variable] = []

    def _apply_dense(self, grad: Tensor, var: Variable) -> Tensor:
        """Writes a gradient into its rows of the vector."""
        self._updated.append(var)
        rows = tf.range(*self._rows[var.name])
        return tf.scatter_update(self._get("flat_grad"), rows, tf.reshape(grad, [-1]))

    _resource_apply_dense = _apply_dense

    def _apply_sparse(self, grad: tf.IndexedSlices, var: Variable) -> Operation:
        raise NotImplementedError("Sparse gradient updates are not supported.")

    def _resource_apply_sparse(self, grad: Tensor, var: Variable, indices: Tensor) -> Operation:
        raise NotImplementedError("Sparse gradient updates are not supported.")

    def _finish(self, update_ops: list[Operation], name_scope: str) -> Operation:
        with tf.control_dependencies(update_ops):
            count = tf.assign_add(self._get("global_step"), 1.0)
            moment = self._get("moment1")
            moment = moment.assign(
                self._beta1 * moment + (1.0 - self._beta1) * self._get("flat_grad")
            )
            row = tf.math.floormod(tf.cast(count - 1.0, tf.int32), self._window)
            buffer = tf.scatter_update(self._get("grad_buffer"), row, moment)
            rows_used = tf.minimum(tf.convert_to_tensor(count), self._window)
            step = self._compute_step(tf.transpose(buffer / tf.sqrt(rows_used)), moment)
            changes = [
                tf.assign_sub(
                    var,
                    self._learning_rate * tf.reshape(step[slice(*self._rows[var.name])], var.shape),
                )
                for var in self._updated
            ]
        return tf.group(*changes, name=name_scope)

    def _compute_step(self, moments: Tensor, moment: TensorLike) -> Tensor:
        """Returns the step [size, 1] of moments [size, window] and the newest one [size].

        With the decomposition U S U^T of M^T M it is M U (S^1/2 + sigma_eps)^-3 U^T M^T m, and
        the rest of m outside of M's columns, divided by the smallest S^1/2.
        """
        column = tf.expand_dims(moment, -1)
        damping = tf.eye(self._window, dtype=moments.dtype) * self._svd_eps
        sigma, u, _ = tf.svd(tf.matmul(moments, moments, transpose_a=True) + damping)
        root = tf.sqrt(sigma)
        smallest = tf.reduce_min(root)
        inner = tf.matmul(u, tf.matmul(moments, column, transpose_a=True), transpose_a=True)

        def weigh(diagonal: Tensor) -> Tensor:
            return tf.matmul(moments, tf.matmul(u, tf.matmul(tf.diag(diagonal), inner)))

        inside = weigh(1.0 / tf.pow(root + self._sigma_eps, 3))
        outside = (column - weigh(1.0 / sigma)) / smallest
        return tf.cond(smallest > self._eps, lambda: inside + outside, lambda: inside)
