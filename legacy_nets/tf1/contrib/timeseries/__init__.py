"""``tf.contrib.timeseries``: a series from files or arrays, autoregressive and recurrent models.

Models of state spaces (StructuralEnsembleRegressor) and export for serving are not offered.
"""

from __future__ import annotations

from typing import Any

from legacy_nets.tf1 import refused
from legacy_nets.tf1.contrib.timeseries import ar_model as ar_model
from legacy_nets.tf1.contrib.timeseries import estimators as estimators
from legacy_nets.tf1.contrib.timeseries import feature_keys as feature_keys
from legacy_nets.tf1.contrib.timeseries import head as head
from legacy_nets.tf1.contrib.timeseries import input_pipeline as input_pipeline
from legacy_nets.tf1.contrib.timeseries import math_utils as math_utils
from legacy_nets.tf1.contrib.timeseries import model as model
from legacy_nets.tf1.contrib.timeseries import state_management as state_management
from legacy_nets.tf1.contrib.timeseries.ar_model import ARModel as ARModel
from legacy_nets.tf1.contrib.timeseries.estimators import ARRegressor as ARRegressor
from legacy_nets.tf1.contrib.timeseries.estimators import TimeSeriesRegressor as TimeSeriesRegressor
from legacy_nets.tf1.contrib.timeseries.feature_keys import FilteringResults as FilteringResults
from legacy_nets.tf1.contrib.timeseries.feature_keys import PredictionFeatures as PredictionFeatures
from legacy_nets.tf1.contrib.timeseries.feature_keys import TrainEvalFeatures as TrainEvalFeatures
from legacy_nets.tf1.contrib.timeseries.head import (
    TimeSeriesRegressionHead as TimeSeriesRegressionHead,
)
from legacy_nets.tf1.contrib.timeseries.input_pipeline import (
    RandomWindowInputFn as RandomWindowInputFn,
)
from legacy_nets.tf1.contrib.timeseries.input_pipeline import (
    WholeDatasetInputFn as WholeDatasetInputFn,
)
from legacy_nets.tf1.contrib.timeseries.input_pipeline import (
    predict_continuation_input_fn as predict_continuation_input_fn,
)
from legacy_nets.tf1.contrib.timeseries.readers import CSVReader as CSVReader
from legacy_nets.tf1.contrib.timeseries.readers import NumpyReader as NumpyReader
from legacy_nets.tf1.contrib.timeseries.readers import TFExampleReader as TFExampleReader


def __getattr__(name: str) -> Any:
    raise refused.error("timeseries", name)
