"""Adam for sparse gradients."""

from __future__ import annotations

import tensorflow.compat.v1 as tf

from legacy_nets.types import Operation, TensorLike, Variable

__all__ = ["LazyAdamOptimizer"]


class LazyAdamOptimizer(tf.train.AdamOptimizer):
    """Adam that leaves alone the rows (and slots) that a sparse gradient does not name."""

    def _apply_sparse(self, grad: TensorLike, var: Variable) -> Operation:
        beta1_power, beta2_power = self._get_beta_accumulators()
        dtype = var.dtype.base_dtype
        beta1 = tf.cast(self._beta1_t, dtype)
        beta2 = tf.cast(self._beta2_t, dtype)
        rate = tf.cast(self._lr_t, dtype) * tf.sqrt(1 - tf.cast(beta2_power, dtype))
        rate /= 1 - tf.cast(beta1_power, dtype)
        m, v = self.get_slot(var, "m"), self.get_slot(var, "v")
        rows, values = grad.indices, grad.values
        m_new = beta1 * tf.gather(m, rows) + (1 - beta1) * values
        v_new = beta2 * tf.gather(v, rows) + (1 - beta2) * tf.square(values)
        change = rate * m_new / (tf.sqrt(v_new) + tf.cast(self._epsilon_t, dtype))
        return tf.group(
            tf.scatter_update(m, rows, m_new),
            tf.scatter_update(v, rows, v_new),
            tf.scatter_sub(var, rows, change),
        )

    def _resource_apply_sparse(
        self, grad: TensorLike, var: Variable, indices: TensorLike
    ) -> Operation:
        return self._apply_sparse(tf.IndexedSlices(grad, indices), var)
