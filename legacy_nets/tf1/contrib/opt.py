"""``tf.contrib.opt``: optimizers that people used from there."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import tensorflow.compat.v1 as tf

__all__ = [
    "AdamWOptimizer",
    "ExternalOptimizerInterface",
    "LazyAdamOptimizer",
    "MomentumWOptimizer",
    "MovingAverageOptimizer",
    "NadamOptimizer",
    "ScipyOptimizerInterface",
    "clip_gradients_by_global_norm",
    "extend_with_decoupled_weight_decay",
]


class MovingAverageOptimizer(tf.train.Optimizer):
    """Updates moving averages of the variables with each step of another optimizer."""

    def __init__(
        self,
        opt: Any,
        average_decay: float = 0.9999,
        num_updates: Any = None,
        sequential_update: bool = True,
    ) -> None:
        self._optimizer = opt
        self._ema = tf.train.ExponentialMovingAverage(average_decay, num_updates=num_updates)
        self._swapped_variable_name_map: dict[str, str] | None = None
        self._sequential_update = sequential_update

    def compute_gradients(self, *arguments: Any, **options: Any) -> Any:
        """As the other optimizer does."""
        return self._optimizer.compute_gradients(*arguments, **options)

    def apply_gradients(
        self, grads_and_vars: Any, global_step: Any = None, name: str | None = None
    ) -> Any:
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
        self, var_list: Any = None, name: str = "swapping_saver", **options: Any
    ) -> Any:
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


class LazyAdamOptimizer(tf.train.AdamOptimizer):
    """Adam that leaves alone the rows (and slots) that a sparse gradient does not name."""

    def _apply_sparse(self, grad: Any, var: Any) -> Any:
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

    def _resource_apply_sparse(self, grad: Any, var: Any, indices: Any) -> Any:
        return self._apply_sparse(tf.IndexedSlices(grad, indices), var)


class NadamOptimizer(tf.train.AdamOptimizer):
    """Adam with Nesterov momentum."""

    def _apply_dense(self, grad: Any, var: Any) -> Any:
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

    def _resource_apply_dense(self, grad: Any, var: Any) -> Any:
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

    def _apply_sparse_shared(self, grad: Any, var: Any, indices: Any, scatter_add: Any) -> Any:
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

    def _numbers(self, var: Any, beta1_power: Any, beta2_power: Any) -> dict[str, Any]:
        numbers = {
            "beta1_power": beta1_power,
            "beta2_power": beta2_power,
            "lr": self._lr_t,
            "beta1": self._beta1_t,
            "beta2": self._beta2_t,
            "epsilon": self._epsilon_t,
        }
        return {name: tf.cast(value, var.dtype.base_dtype) for name, value in numbers.items()}


def extend_with_decoupled_weight_decay(base_optimizer: type) -> type:
    """A class whose constructor takes a weight decay first; variables shrink by it each step."""

    class OptimizerWithDecoupledWeightDecay(base_optimizer):
        def __init__(self, weight_decay: Any, *arguments: Any, **options: Any) -> None:
            self._decay = weight_decay
            self._decayed: set[Any] | None = None
            super().__init__(*arguments, **options)

        def minimize(self, *arguments: Any, decay_var_list: Any = None, **options: Any) -> Any:
            """As the base class; ``decay_var_list`` limits what decays."""
            self._limit(decay_var_list)
            return super().minimize(*arguments, **options)

        def apply_gradients(
            self,
            grads_and_vars: Any,
            global_step: Any = None,
            name: str | None = None,
            decay_var_list: Any = None,
        ) -> Any:
            """The base class's step, in which each variable decays before it is updated."""
            if decay_var_list is not None:
                self._limit(decay_var_list)
            return super().apply_gradients(grads_and_vars, global_step, name)

        def _apply_dense(self, grad: Any, var: Any) -> Any:
            with tf.control_dependencies(self._shrink(var)):
                return super()._apply_dense(grad, var)

        def _resource_apply_dense(self, grad: Any, var: Any) -> Any:
            with tf.control_dependencies(self._shrink(var)):
                return super()._resource_apply_dense(grad, var)

        def _apply_sparse(self, grad: Any, var: Any) -> Any:
            with tf.control_dependencies(self._shrink(var, grad.indices)):
                return super()._apply_sparse(grad, var)

        def _resource_apply_sparse(self, grad: Any, var: Any, indices: Any) -> Any:
            with tf.control_dependencies(self._shrink(var, indices)):
                return super()._resource_apply_sparse(grad, var, indices)

        def _shrink(self, var: Any, rows: Any = None) -> list[Any]:
            """What makes a variable smaller; with a sparse gradient only the rows it is for."""
            if self._decayed is not None and var.ref() not in self._decayed:
                return []
            decay = tf.cast(self._decay, var.dtype.base_dtype)
            if rows is None:
                return [var.assign_sub(decay * var, read_value=False)]
            return [tf.scatter_sub(var, rows, decay * tf.gather(var, rows))]

        def _limit(self, variables: Any) -> None:
            self._decayed = {variable.ref() for variable in variables} if variables else None

    return OptimizerWithDecoupledWeightDecay


_DecayedAdam: Any = extend_with_decoupled_weight_decay(tf.train.AdamOptimizer)
_DecayedMomentum: Any = extend_with_decoupled_weight_decay(tf.train.MomentumOptimizer)


class AdamWOptimizer(_DecayedAdam):
    """Adam with decoupled weight decay (arXiv:1711.05101)."""

    def __init__(
        self,
        weight_decay: Any,
        learning_rate: Any = 0.001,
        beta1: Any = 0.9,
        beta2: Any = 0.999,
        epsilon: Any = 1e-8,
        use_locking: bool = False,
        name: str = "AdamW",
    ) -> None:
        super().__init__(weight_decay, learning_rate, beta1, beta2, epsilon, use_locking, name)


class MomentumWOptimizer(_DecayedMomentum):
    """Momentum with decoupled weight decay (arXiv:1711.05101)."""

    def __init__(
        self,
        weight_decay: Any,
        learning_rate: Any,
        momentum: Any,
        use_locking: bool = False,
        name: str = "MomentumW",
        use_nesterov: bool = False,
    ) -> None:
        super().__init__(weight_decay, learning_rate, momentum, use_locking, name, use_nesterov)


def clip_gradients_by_global_norm(gradients_variables: Any, clip_norm: float = 20.0) -> Any:
    """(gradient, variable) pairs with all gradients scaled to a global norm of at most that."""
    gradients, variables = zip(*gradients_variables, strict=True)
    return list(zip(tf.clip_by_global_norm(gradients, clip_norm)[0], variables, strict=True))


class ExternalOptimizerInterface:
    """Minimizes a loss by an optimizer outside of the graph, over all variables as one vector."""

    def __init__(
        self,
        loss: Any,
        var_list: Any = None,
        equalities: Any = None,
        inequalities: Any = None,
        var_to_bounds: Any = None,
        **optimizer_kwargs: Any,
    ) -> None:
        self._loss = loss
        self._equalities = list(equalities or [])
        self._inequalities = list(inequalities or [])
        self._vars = list(var_list or tf.trainable_variables())
        self.optimizer_kwargs = optimizer_kwargs
        self._sizes = [int(np.prod(variable.shape.as_list())) for variable in self._vars]
        self._bounds = self._packed_bounds(var_to_bounds) if var_to_bounds else None
        self._placeholders = [tf.placeholder(v.dtype.base_dtype, v.shape) for v in self._vars]
        self._updates = [v.assign(p) for v, p in zip(self._vars, self._placeholders, strict=True)]
        self._packed = self._pack(self._vars)
        self._gradient = self._gradient_of(loss)
        self._equality_gradients = [self._gradient_of(value) for value in self._equalities]
        self._inequality_gradients = [self._gradient_of(value) for value in self._inequalities]

    def minimize(
        self,
        session: Any = None,
        feed_dict: Any = None,
        fetches: Any = None,
        step_callback: Callable[..., Any] | None = None,
        loss_callback: Callable[..., Any] | None = None,
        **run_kwargs: Any,
    ) -> None:
        """Runs the optimizer to its end and assigns the variables."""
        session = session or tf.get_default_session()
        feed_dict, fetches = feed_dict or {}, fetches or []

        def function_of(tensors: list[Any], extra: list[Any], callback: Any) -> Any:
            def evaluate(x: np.ndarray) -> list[Any]:
                found = session.run(tensors + extra, self._at(x, session) | feed_dict)
                if callback is not None:
                    callback(*found[len(tensors) :])
                return found[: len(tensors)]

            return evaluate

        final = self._minimize(
            initial_val=session.run(self._packed, feed_dict),
            loss_grad_func=function_of([self._loss, self._gradient], list(fetches), loss_callback),
            equality_funcs=[function_of([v], [], None) for v in self._equalities],
            equality_grad_funcs=[function_of([g], [], None) for g in self._equality_gradients],
            inequality_funcs=[function_of([v], [], None) for v in self._inequalities],
            inequality_grad_funcs=[function_of([g], [], None) for g in self._inequality_gradients],
            packed_bounds=self._bounds,
            step_callback=step_callback,
            optimizer_kwargs=self.optimizer_kwargs,
        )
        self._assign(final, session, **run_kwargs)

    def _at(self, vector: np.ndarray, session: Any) -> dict[Any, np.ndarray]:
        """What to feed for the variables to have these values. Resource variables are assigned:
        to feed one changes a single read of it, and the graph has others."""
        if any(variable.op.type == "VarHandleOp" for variable in self._vars):
            self._assign(vector, session)
            return {}
        return dict(zip(self._vars, self._unpacked(vector), strict=True))

    def _assign(self, vector: np.ndarray, session: Any, **run_kwargs: Any) -> None:
        feed = dict(zip(self._placeholders, self._unpacked(vector), strict=True))
        session.run(self._updates, feed, **run_kwargs)

    def _minimize(self, *arguments: Any, **options: Any) -> np.ndarray:
        raise NotImplementedError("a subclass says how: ScipyOptimizerInterface")

    def _gradient_of(self, loss: Any) -> Any:
        gradients = tf.gradients(loss, self._vars)
        return self._pack(
            [
                tf.zeros_like(variable) if gradient is None else tf.convert_to_tensor(gradient)
                for gradient, variable in zip(gradients, self._vars, strict=True)
            ]
        )

    def _pack(self, tensors: Any) -> Any:
        return tf.concat([tf.reshape(tensor, [-1]) for tensor in tensors], 0)

    def _unpacked(self, vector: np.ndarray) -> list[np.ndarray]:
        parts = np.split(vector, np.cumsum(self._sizes)[:-1])
        return [part.reshape(v.shape.as_list()) for part, v in zip(parts, self._vars, strict=True)]

    def _packed_bounds(self, var_to_bounds: Any) -> list[tuple[float, float]]:
        by_ref = {variable.ref(): bounds for variable, bounds in var_to_bounds.items()}
        packed: list[tuple[float, float]] = []
        for variable in self._vars:
            low, high = by_ref.get(variable.ref(), (-np.inf, np.inf))
            shape = variable.shape.as_list()
            packed += zip(
                np.broadcast_to(low, shape).ravel().tolist(),
                np.broadcast_to(high, shape).ravel().tolist(),
                strict=True,
            )
        return packed


class ScipyOptimizerInterface(ExternalOptimizerInterface):
    """``scipy.optimize.minimize``; L-BFGS-B unless ``method`` says else."""

    def _minimize(self, *arguments: Any, **options: Any) -> np.ndarray:
        """``options`` are those that ``minimize`` passes."""
        import scipy.optimize

        def both(x: np.ndarray) -> tuple[float, np.ndarray]:
            loss, gradient = options["loss_grad_func"](x)
            return float(loss), gradient.astype("float64")

        def in_double(evaluate: Any) -> Any:  # all that SLSQP of today's scipy takes
            return lambda x: np.asarray(evaluate(x)[0], "float64")

        settings = dict(options["optimizer_kwargs"])
        kinds = (
            ("eq", options["equality_funcs"], options["equality_grad_funcs"]),
            ("ineq", options["inequality_funcs"], options["inequality_grad_funcs"]),
        )
        constraints = [
            {"type": kind, "fun": in_double(f), "jac": in_double(g)}
            for kind, functions, gradients in kinds
            for f, g in zip(functions, gradients, strict=True)
        ]
        method = settings.pop("method", "SLSQP" if constraints else "L-BFGS-B")
        if constraints:
            settings["constraints"] = constraints
        initial = options["initial_val"]
        result = scipy.optimize.minimize(
            both,
            initial.astype("float64"),
            jac=True,
            method=method,
            bounds=options["packed_bounds"],
            callback=options["step_callback"],
            **settings,
        )
        tf.logging.info(
            f"Optimization terminated with: {result.message}\n"
            f"  Objective function value: {result.fun}\n"
            f"  Number of iterations: {getattr(result, 'nit', '?')}\n"
            f"  Number of functions evaluations: {result.nfev}"
        )
        return result.x.astype(initial.dtype)
