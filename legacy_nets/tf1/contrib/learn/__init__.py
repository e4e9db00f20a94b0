"""``tf.contrib.learn``: data sets, preprocessing, and its estimators over tf.estimator."""

from __future__ import annotations

import sys
from typing import Any

from legacy_nets.tf1.contrib.learn import datasets as datasets
from legacy_nets.tf1.contrib.learn import estimators as estimators
from legacy_nets.tf1.contrib.learn import learn_runner as learn_runner
from legacy_nets.tf1.contrib.learn import preprocessing as preprocessing
from legacy_nets.tf1.contrib.learn import utils as utils
from legacy_nets.tf1.contrib.learn.canned import DNNClassifier as DNNClassifier
from legacy_nets.tf1.contrib.learn.canned import DNNRegressor as DNNRegressor
from legacy_nets.tf1.contrib.learn.canned import LinearClassifier as LinearClassifier
from legacy_nets.tf1.contrib.learn.canned import LinearRegressor as LinearRegressor
from legacy_nets.tf1.contrib.learn.estimators import BaseEstimator as BaseEstimator
from legacy_nets.tf1.contrib.learn.estimators import Estimator as Estimator
from legacy_nets.tf1.contrib.learn.estimators import ModeKeys as ModeKeys
from legacy_nets.tf1.contrib.learn.estimators import ModelFnOps as ModelFnOps
from legacy_nets.tf1.contrib.learn.estimators import SKCompat as SKCompat
from legacy_nets.tf1.contrib.learn.estimators import (
    infer_real_valued_columns_from_input as infer_real_valued_columns_from_input,
)
from legacy_nets.tf1.contrib.learn.estimators import (
    infer_real_valued_columns_from_input_fn as infer_real_valued_columns_from_input_fn,
)
from legacy_nets.tf1.contrib.learn.experiment import Experiment as Experiment
from legacy_nets.tf1.contrib.learn.experiment import RunConfig as RunConfig
from legacy_nets.tf1.contrib.learn.experiment import ValidationMonitor as ValidationMonitor
from legacy_nets.tf1.contrib.learn.metric_spec import MetricSpec as MetricSpec
from legacy_nets.tf1.contrib.learn.utils import ExportStrategy as ExportStrategy
from legacy_nets.tf1.contrib.learn.utils import InputFnOps as InputFnOps
from legacy_nets.tf1.contrib.learn.utils import make_export_strategy as make_export_strategy

# Modules of 1.15 that scripts imported for the names above.
monitors = run_config = export_strategy = sys.modules[__name__]
for _module in ("dnn", "estimator", "linear", "model_fn", "run_config"):
    setattr(estimators, _module, sys.modules[__name__])

_NOT_OFFERED = {
    "SVM": "sklearn.svm.LinearSVC",
    "KMeansClustering": "tf.estimator.experimental.KMeans",
    "LogisticRegressor": "tf.estimator.LinearClassifier",
    "DNNLinearCombinedClassifier": "tf.estimator.DNNLinearCombinedClassifier",
    "DNNLinearCombinedRegressor": "tf.estimator.DNNLinearCombinedRegressor",
    "read_batch_examples": "tf.data.TFRecordDataset",
    "read_batch_features": "tf.data.experimental.make_batched_features_dataset",
}


def __getattr__(name: str) -> Any:
    instead = _NOT_OFFERED.get(name)
    advice = f"; take {instead}" if instead else ""
    raise AttributeError(f"tf.contrib.learn.{name} is not offered by legacy_nets{advice}")
