"""``tf.contrib.learn.estimators``: ``fit`` / ``evaluate`` / ``predict`` over tf.estimator."""

from __future__ import annotations

from legacy_nets.tf1.contrib.learn.estimators.estimator import (
    BaseEstimator,
    Estimator,
    SKCompat,
    infer_real_valued_columns_from_input,
    infer_real_valued_columns_from_input_fn,
)
from legacy_nets.tf1.contrib.learn.estimators.model_fn import ModeKeys, ModelFnOps

__all__ = [
    "BaseEstimator",
    "Estimator",
    "ModeKeys",
    "ModelFnOps",
    "SKCompat",
    "infer_real_valued_columns_from_input",
    "infer_real_valued_columns_from_input_fn",
]
