"""``tf.contrib.timeseries``: a series from files or arrays, autoregressive and recurrent models.

Models of state spaces (StructuralEnsembleRegressor) and export for serving are not offered.
"""

from __future__ import annotations

from typing import Any

from legacy_nets.tf1 import refused
from legacy_nets.tf1.contrib.timeseries import (
    ar_model,
    estimators,
    feature_keys,
    head,
    input_pipeline,
    math_utils,
    model,
    state_management,
)
from legacy_nets.tf1.contrib.timeseries.ar_model import ARModel
from legacy_nets.tf1.contrib.timeseries.estimators import ARRegressor, TimeSeriesRegressor
from legacy_nets.tf1.contrib.timeseries.feature_keys import (
    FilteringResults,
    PredictionFeatures,
    TrainEvalFeatures,
)
from legacy_nets.tf1.contrib.timeseries.head import TimeSeriesRegressionHead
from legacy_nets.tf1.contrib.timeseries.input_pipeline import (
    RandomWindowInputFn,
    WholeDatasetInputFn,
    predict_continuation_input_fn,
)
from legacy_nets.tf1.contrib.timeseries.readers import CSVReader, NumpyReader, TFExampleReader

__all__ = [
    "ARModel",
    "ARRegressor",
    "CSVReader",
    "FilteringResults",
    "NumpyReader",
    "PredictionFeatures",
    "RandomWindowInputFn",
    "TFExampleReader",
    "TimeSeriesRegressionHead",
    "TimeSeriesRegressor",
    "TrainEvalFeatures",
    "WholeDatasetInputFn",
    "ar_model",
    "estimators",
    "feature_keys",
    "head",
    "input_pipeline",
    "math_utils",
    "model",
    "predict_continuation_input_fn",
    "state_management",
]


def __getattr__(name: str) -> Any:
    raise refused.make_error("timeseries", name)
