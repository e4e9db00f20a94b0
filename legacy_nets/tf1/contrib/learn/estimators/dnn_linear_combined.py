"""``DNNLinearCombinedClassifier`` and ``DNNLinearCombinedRegressor``: wide and deep models."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from typing import TypeAlias

import tensorflow.compat.v1 as tf

from legacy_nets.tf1 import estimator as core
from legacy_nets.tf1.contrib.learn.estimators.canned import Classifier, Regressor
from legacy_nets.types import FeatureColumn, Operation, Optimizer, Tensor, Variable

_GivenOptimizer: TypeAlias = "str | Optimizer | Callable[[], Optimizer] | None"
_Columns: TypeAlias = "Iterable[FeatureColumn] | None"


class _CountingOptimizer(tf.train.Optimizer):
    """An optimizer that counts its steps in the global step, too.

    Both optimizers of such a model did so in 1.15: three steps counted six. It is what
    ``fix_global_step_increment_bug=True`` fixes.
    """

    def __init__(self, optimizer: Optimizer) -> None:
        super().__init__(use_locking=False, name=optimizer.get_name())
        self._optimizer = optimizer

    def compute_gradients(
        self, *arguments: object, **options: object
    ) -> list[tuple[Tensor, Variable]]:
        """The other optimizer's gradients."""
        return self._optimizer.compute_gradients(*arguments, **options)

    def apply_gradients(
        self,
        grads_and_vars: Iterable[tuple[Tensor, Variable]],
        global_step: Variable | None = None,
        name: str | None = None,
    ) -> Operation:
        """Applies the gradients and counts."""
        return self._optimizer.apply_gradients(grads_and_vars, tf.train.get_global_step(), name)


def _make_options(
    linear_feature_columns: _Columns,
    linear_optimizer: _GivenOptimizer,
    dnn_feature_columns: _Columns,
    dnn_optimizer: _GivenOptimizer,
    counts_once: bool,
) -> dict[str, Callable[[], Optimizer]]:
    """Makes the optimizers with contrib.learn's rates: Ftrl for the linear part, Adagrad."""
    make = core.estimator_modules["canned.optimizers"].get_optimizer_instance
    count = len(list(linear_feature_columns or ()))
    rate = min(0.2, 1 / math.sqrt(count)) if count else 0.2

    def make_linear() -> Optimizer:
        return make(linear_optimizer or "Ftrl", rate)

    def make_dnn() -> Optimizer:
        optimizer = make(dnn_optimizer or "Adagrad", 0.05)
        has_both = linear_feature_columns and dnn_feature_columns
        return _CountingOptimizer(optimizer) if has_both and not counts_once else optimizer

    return {"linear_optimizer": make_linear, "dnn_optimizer": make_dnn}


class DNNLinearCombinedClassifier(Classifier):
    """A linear layer and layers of ReLU side by side, then classes."""

    _class_name = "DNNLinearCombinedClassifier"

    def __init__(
        self,
        model_dir: str | None = None,
        n_classes: int = 2,
        weight_column_name: str | None = None,
        linear_feature_columns: _Columns = None,
        linear_optimizer: _GivenOptimizer = None,
        _joint_linear_weights: bool = False,
        dnn_feature_columns: _Columns = None,
        dnn_optimizer: _GivenOptimizer = None,
        dnn_hidden_units: Sequence[int] | None = None,
        dnn_activation_fn: Callable[..., Tensor] = tf.nn.relu,
        dnn_dropout: float | None = None,
        fix_global_step_increment_bug: bool = False,
        **more: object,
    ) -> None:
        columns = {
            "linear_feature_columns": linear_feature_columns,
            "dnn_feature_columns": dnn_feature_columns,
        }
        super().__init__(
            columns, model_dir=model_dir, n_classes=n_classes,
            weight_column_name=weight_column_name, dnn_hidden_units=dnn_hidden_units,
            dnn_activation_fn=dnn_activation_fn, dnn_dropout=dnn_dropout,
            **_make_options(linear_feature_columns, linear_optimizer, dnn_feature_columns,
                            dnn_optimizer, fix_global_step_increment_bug), **more,
        )  # fmt: skip


class DNNLinearCombinedRegressor(Regressor):
    """A linear layer and layers of ReLU side by side, then values."""

    _class_name = "DNNLinearCombinedRegressor"

    def __init__(
        self,
        model_dir: str | None = None,
        weight_column_name: str | None = None,
        linear_feature_columns: _Columns = None,
        linear_optimizer: _GivenOptimizer = None,
        _joint_linear_weights: bool = False,
        dnn_feature_columns: _Columns = None,
        dnn_optimizer: _GivenOptimizer = None,
        dnn_hidden_units: Sequence[int] | None = None,
        dnn_activation_fn: Callable[..., Tensor] = tf.nn.relu,
        dnn_dropout: float | None = None,
        fix_global_step_increment_bug: bool = False,
        **more: object,
    ) -> None:
        columns = {
            "linear_feature_columns": linear_feature_columns,
            "dnn_feature_columns": dnn_feature_columns,
        }
        super().__init__(
            columns, model_dir=model_dir, weight_column_name=weight_column_name,
            dnn_hidden_units=dnn_hidden_units, dnn_activation_fn=dnn_activation_fn,
            dnn_dropout=dnn_dropout,
            **_make_options(linear_feature_columns, linear_optimizer, dnn_feature_columns,
                            dnn_optimizer, fix_global_step_increment_bug), **more,
        )  # fmt: skip
