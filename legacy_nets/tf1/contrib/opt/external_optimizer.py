"""Optimizers outside of the graph: SciPy."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np
import tensorflow.compat.v1 as tf

from legacy_nets.types import Array, Session, Structure, Tensor, TensorLike, Variable

__all__ = ["ExternalOptimizerInterface", "ScipyOptimizerInterface"]


class ExternalOptimizerInterface:
    """Minimizes a loss by an optimizer outside of the graph, over all variables as one vector."""

    def __init__(
        self,
        loss: TensorLike,
        var_list: Iterable[Variable] | None = None,
        equalities: TensorLike | None = None,
        inequalities: TensorLike | None = None,
        var_to_bounds: Any = None,
        **optimizer_kwargs: object,
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
        session: Session | None = None,
        feed_dict: Tensor | None = None,
        fetches: TensorLike | None = None,
        step_callback: Callable[..., object] | None = None,
        loss_callback: Callable[..., object] | None = None,
        **run_kwargs: object,
    ) -> None:
        """Runs the optimizer to its end and assigns the variables."""
        session = session or tf.get_default_session()
        feed_dict, fetches = feed_dict or {}, fetches or []

        def function_of(
            tensors: list[TensorLike], extra: list[TensorLike], callback: Any
        ) -> Callable[[Array], list[Array]]:
            def evaluate(x: np.ndarray) -> list[Tensor]:
                values = session.run(tensors + extra, self._at(x, session) | feed_dict)
                if callback is not None:
                    callback(*values[len(tensors) :])
                return values[: len(tensors)]

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

    def _at(self, vector: np.ndarray, session: Session) -> dict[Tensor, np.ndarray]:
        """What to feed for the variables to have these values. Resource variables are assigned:
        to feed one changes a single read of it, and the graph has others."""
        if any(variable.op.type == "VarHandleOp" for variable in self._vars):
            self._assign(vector, session)
            return {}
        return dict(zip(self._vars, self._unpack(vector), strict=True))

    def _assign(self, vector: np.ndarray, session: Session, **run_kwargs: object) -> None:
        feed = dict(zip(self._placeholders, self._unpack(vector), strict=True))
        session.run(self._updates, feed, **run_kwargs)

    def _minimize(self, *arguments: object, **options: object) -> np.ndarray:
        raise NotImplementedError(
            "ExternalOptimizerInterface cannot minimize: use ScipyOptimizerInterface"
        )

    def _gradient_of(self, loss: TensorLike) -> Tensor:
        gradients = tf.gradients(loss, self._vars)
        return self._pack(
            [
                tf.zeros_like(variable) if gradient is None else tf.convert_to_tensor(gradient)
                for gradient, variable in zip(gradients, self._vars, strict=True)
            ]
        )

    def _pack(self, tensors: Sequence[TensorLike]) -> Structure:
        return tf.concat([tf.reshape(tensor, [-1]) for tensor in tensors], 0)

    def _unpack(self, vector: np.ndarray) -> list[np.ndarray]:
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
    """Minimizes by ``scipy.optimize.minimize``, with L-BFGS-B by default."""

    def _minimize(self, *arguments: object, **options: Any) -> np.ndarray:
        """``options`` are those that ``minimize`` passes."""
        import scipy.optimize

        def both(x: np.ndarray) -> tuple[float, np.ndarray]:
            loss, gradient = options["loss_grad_func"](x)
            return float(loss), gradient.astype("float64")

        def in_double(
            evaluate: Any,
        ) -> Callable[[Array], Array]:  # all that SLSQP of today's scipy takes
            return lambda x: np.asarray(evaluate(x)[0], "float64")

        settings = dict(options["optimizer_kwargs"])
        constraint_types = (
            ("eq", options["equality_funcs"], options["equality_grad_funcs"]),
            ("ineq", options["inequality_funcs"], options["inequality_grad_funcs"]),
        )
        constraints = [
            {"type": constraint_type, "fun": in_double(f), "jac": in_double(g)}
            for constraint_type, functions, gradients in constraint_types
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
