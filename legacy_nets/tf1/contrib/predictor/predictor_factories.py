"""The functions that make predictors."""

from __future__ import annotations

from legacy_nets.tf1.contrib.learn import BaseEstimator
from legacy_nets.tf1.contrib.predictor.estimator_predictors import (
    ContribEstimatorPredictor,
    CoreEstimatorPredictor,
)
from legacy_nets.tf1.contrib.predictor.saved_model_predictor import SavedModelPredictor
from legacy_nets.types import ConfigProto, Estimator, Graph, InputFn, SignatureDef

__all__ = ["from_contrib_estimator", "from_estimator", "from_saved_model"]


def from_saved_model(
    export_dir: str,
    signature_def_key: str | None = None,
    signature_def: SignatureDef | None = None,
    input_names: dict[str, str] | None = None,
    output_names: dict[str, str] | None = None,
    tags: str | None = None,
    graph: Graph | None = None,
    config: ConfigProto | None = None,
) -> SavedModelPredictor:
    """Makes a predictor from a SavedModel. Raises ValueError as SavedModelPredictor does."""
    return SavedModelPredictor(
        export_dir, signature_def_key, signature_def, input_names, output_names, tags, graph, config
    )


def from_estimator(
    estimator: Estimator,
    serving_input_receiver_fn: InputFn,
    output_key: str | None = None,
    graph: Graph | None = None,
    config: ConfigProto | None = None,
) -> CoreEstimatorPredictor:
    """Makes a predictor from an estimator of tf.estimator.

    Raises TypeError for one of tf.contrib.learn.
    """
    if isinstance(estimator, BaseEstimator):
        raise TypeError(
            "Expected estimator to be of type tf.python.estimator.Estimator, but got type "
            "tf.contrib.learn.Estimator. You likely want to call from_contrib_estimator."
        )
    return CoreEstimatorPredictor(estimator, serving_input_receiver_fn, output_key, graph, config)


def from_contrib_estimator(
    estimator: BaseEstimator,
    prediction_input_fn: InputFn,
    input_alternative_key: str | None = None,
    output_alternative_key: str | None = None,
    graph: Graph | None = None,
    config: ConfigProto | None = None,
) -> ContribEstimatorPredictor:
    """Makes a predictor from an estimator of tf.contrib.learn.

    Raises TypeError for one of tf.estimator.
    """
    if not isinstance(estimator, BaseEstimator):
        raise TypeError(
            "Expected estimator to be of type tf.contrib.learn.Estimator, but got type "
            "tf.python.estimator.Estimator. You likely want to call from_estimator."
        )
    return ContribEstimatorPredictor(
        estimator, prediction_input_fn, input_alternative_key, output_alternative_key, graph, config
    )
