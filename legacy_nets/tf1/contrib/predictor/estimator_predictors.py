"""Predictors from estimators: of tf.estimator, and of tf.contrib.learn."""

from __future__ import annotations

import tensorflow.compat.v1 as tf

from legacy_nets.tf1.contrib.learn import BaseEstimator
from legacy_nets.tf1.contrib.predictor.predictor import Predictor
from legacy_nets.types import ConfigProto, Estimator, Graph, InputFn, Session

__all__ = ["ContribEstimatorPredictor", "CoreEstimatorPredictor"]


def _open_session(folder: str, config: ConfigProto | None) -> Session:
    """Opens a session in the default graph, with the newest checkpoint of a folder."""
    return tf.train.MonitoredSession(
        tf.train.ChiefSessionCreator(config=config, checkpoint_dir=folder)
    )


class CoreEstimatorPredictor(Predictor):
    """A predictor from an estimator of tf.estimator.

    Args:
      estimator: the estimator, trained.
      serving_input_receiver_fn: makes the ServingInputReceiver, without arguments.
      output_key: the name of the export output; ``serving_default`` where none is given.
      graph: where to build it; a new graph without.
      config: of the session.

    Raises:
      KeyError: the estimator has no such output.
    """

    def __init__(
        self,
        estimator: Estimator,
        serving_input_receiver_fn: InputFn,
        output_key: str | None = None,
        graph: Graph | None = None,
        config: ConfigProto | None = None,
    ) -> None:
        key = output_key or tf.saved_model.DEFAULT_SERVING_SIGNATURE_DEF_KEY
        self.graph = graph or tf.Graph()
        with self.graph.as_default():
            receiver = serving_input_receiver_fn()
            spec = estimator.model_fn(receiver.features, None, "infer", estimator.config)
            outputs = spec.export_outputs
            if key not in outputs:
                raise KeyError(f"output_key must be one of {outputs.keys()}; got {key}")
            signature = outputs[key].as_signature_def(receiver.receiver_tensors)
            self.session = _open_session(estimator.model_dir, config)
        find = self.graph.get_tensor_by_name
        self.feed_tensors = {name: find(info.name) for name, info in signature.inputs.items()}
        self.fetch_tensors = {name: find(info.name) for name, info in signature.outputs.items()}


class ContribEstimatorPredictor(Predictor):
    """A predictor from an estimator of tf.contrib.learn.

    Args:
      estimator: the estimator, trained.
      prediction_input_fn: makes the InputFnOps, without arguments.
      input_alternative_key: must be None, as in the estimators that this package offers.
      output_alternative_key: must be None, too.
      graph: where to build it; a new graph without.
      config: of the session.
    """

    def __init__(
        self,
        estimator: BaseEstimator,
        prediction_input_fn: InputFn,
        input_alternative_key: str | None = None,
        output_alternative_key: str | None = None,
        graph: Graph | None = None,
        config: ConfigProto | None = None,
    ) -> None:
        if input_alternative_key is not None or output_alternative_key is not None:
            raise ValueError(
                "tf.contrib.predictor: estimators of several heads are not offered by "
                "legacy_nets: leave input_alternative_key and output_alternative_key out"
            )
        core = estimator._core
        self.graph = graph or tf.Graph()
        with self.graph.as_default():
            inputs = prediction_input_fn()
            spec = core.model_fn(inputs.features, None, "infer", core.config)
            self.session = _open_session(estimator.model_dir, config)
        found = spec.predictions
        self.feed_tensors = dict(inputs.default_inputs)
        self.fetch_tensors = dict(found) if isinstance(found, dict) else {"predictions": found}
