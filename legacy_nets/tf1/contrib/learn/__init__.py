"""``tf.contrib.learn``: data sets, preprocessing, and its estimators over tf.estimator."""

from __future__ import annotations

from typing import Any

from legacy_nets.tf1.contrib.learn import (
    datasets,
    estimators,
    export_strategy,
    learn_runner,
    monitors,
    preprocessing,
    utils,
)
from legacy_nets.tf1.contrib.learn.estimators import (
    BaseEstimator,
    Estimator,
    ModeKeys,
    ModelFnOps,
    SKCompat,
    infer_real_valued_columns_from_input,
    infer_real_valued_columns_from_input_fn,
    run_config,
)
from legacy_nets.tf1.contrib.learn.estimators.dnn import DNNClassifier, DNNRegressor
from legacy_nets.tf1.contrib.learn.estimators.dnn_linear_combined import (
    DNNLinearCombinedClassifier,
    DNNLinearCombinedRegressor,
)
from legacy_nets.tf1.contrib.learn.estimators.linear import LinearClassifier, LinearRegressor
from legacy_nets.tf1.contrib.learn.estimators.run_config import RunConfig, TaskType
from legacy_nets.tf1.contrib.learn.experiment import Experiment
from legacy_nets.tf1.contrib.learn.graph_actions import infer, run_feeds, run_n
from legacy_nets.tf1.contrib.learn.metric_spec import MetricSpec
from legacy_nets.tf1.contrib.learn.monitors import ValidationMonitor
from legacy_nets.tf1.contrib.learn.utils import ExportStrategy, InputFnOps, make_export_strategy

__all__ = [
    "BaseEstimator",
    "DNNClassifier",
    "DNNLinearCombinedClassifier",
    "DNNLinearCombinedRegressor",
    "DNNRegressor",
    "Estimator",
    "Experiment",
    "ExportStrategy",
    "InputFnOps",
    "LinearClassifier",
    "LinearRegressor",
    "MetricSpec",
    "ModeKeys",
    "ModelFnOps",
    "RunConfig",
    "SKCompat",
    "TaskType",
    "ValidationMonitor",
    "datasets",
    "estimators",
    "export_strategy",
    "infer",
    "infer_real_valued_columns_from_input",
    "infer_real_valued_columns_from_input_fn",
    "learn_runner",
    "make_export_strategy",
    "monitors",
    "preprocessing",
    "run_config",
    "run_feeds",
    "run_n",
    "utils",
]

_NOT_OFFERED = {
    "SVM": "sklearn.svm.LinearSVC",
    "KMeansClustering": "tf.estimator.experimental.KMeans",
    "LogisticRegressor": "tf.estimator.LinearClassifier",
    "read_batch_examples": "tf.data.TFRecordDataset",
    "read_batch_features": "tf.data.experimental.make_batched_features_dataset",
}


def __getattr__(name: str) -> Any:
    instead = _NOT_OFFERED.get(name)
    advice = f"; take {instead}" if instead else ""
    raise AttributeError(f"tf.contrib.learn.{name} is not offered by legacy_nets{advice}")
