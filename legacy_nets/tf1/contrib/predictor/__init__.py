"""``tf.contrib.predictor``: a function of arrays from a SavedModel, or from an estimator."""

from __future__ import annotations

from legacy_nets.tf1.contrib.predictor.estimator_predictors import (
    ContribEstimatorPredictor,
    CoreEstimatorPredictor,
)
from legacy_nets.tf1.contrib.predictor.predictor import Predictor
from legacy_nets.tf1.contrib.predictor.predictor_factories import (
    from_contrib_estimator,
    from_estimator,
    from_saved_model,
)
from legacy_nets.tf1.contrib.predictor.saved_model_predictor import SavedModelPredictor

__all__ = [
    "ContribEstimatorPredictor",
    "CoreEstimatorPredictor",
    "Predictor",
    "SavedModelPredictor",
    "from_contrib_estimator",
    "from_estimator",
    "from_saved_model",
]
