"""The model function of a time series estimator: features to losses, metrics and predictions."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from legacy_nets import tf1 as tf
from legacy_nets.errors import BadInputError
from legacy_nets.tf1.contrib.timeseries.model import STATE_TUPLE, TIMES, VALUES
from legacy_nets.types import EstimatorSpec, Optimizer, Structure, Tensor, TensorLike


def _check(features: dict[str, Tensor], wanted: Iterable[str]) -> None:
    for name in wanted:
        if name not in features:
            raise BadInputError(f"a time series model needs {name!r} among its features: add it")
    times = features[TIMES].shape
    for name, value in features.items():
        if name == STATE_TUPLE or value.shape.ndims is None:
            continue
        if value.shape.ndims < 2 or not value.shape[:2].is_compatible_with(times):
            raise BadInputError(
                f"{name!r} has the shape {value.shape} and {TIMES!r} {times}: features are "
                "[batch, times, ...]"
            )


def _last_seen(name: str, value: TensorLike) -> tuple[Tensor, Tensor]:
    """A metric that is its last value; its shape is known when it has one."""
    kept = tf.Variable(
        tf.zeros([], value.dtype), name=f"{name}_identity_metric", validate_shape=False,
        trainable=False, use_resource=False, collections=[tf.GraphKeys.LOCAL_VARIABLES],
    )  # fmt: skip
    update = tf.assign(kept, value, validate_shape=False)
    kept.set_shape(value.shape)
    return kept.value(), update


def _last_state(state: Structure) -> tuple[Tensor, Tensor]:
    """A metric that is the last state, a nest of tensors."""
    pairs = [
        _last_seen(f"{STATE_TUPLE}_{number}", value)
        for number, value in enumerate(tf.nest.flatten(state))
    ]
    values = tf.nest.pack_sequence_as(state, [value for value, _ in pairs])
    return values, tf.group(*(update for _, update in pairs))


class TimeSeriesRegressionHead:
    """Joins a model, its states, its optimizer and the statistics of its input."""

    def __init__(
        self,
        model: Any,
        state_manager: Any,
        optimizer: Optimizer,
        input_statistics_generator: Any = None,
        name: str | None = None,
    ) -> None:
        self.model = model
        self.state_manager = state_manager
        self.optimizer = optimizer
        self.input_statistics_generator = input_statistics_generator
        self.name = name

    def create_estimator_spec(
        self, features: dict[str, Tensor], mode: str, labels: TensorLike | None = None
    ) -> EstimatorSpec:
        """The EstimatorSpec of a mode.

        Raises BadInputError for labels, for missing features and for shapes that do not fit.
        """
        if labels is not None and labels != {}:
            raise BadInputError(
                f"a time series model takes no labels: give {TIMES!r} and {VALUES!r} as features"
            )
        modes = tf.estimator.ModeKeys
        with tf.name_scope(self.name, "head"):
            features = {name: self._as_tensor(name, value) for name, value in features.items()}
            predicting = mode == modes.PREDICT
            _check(features, [TIMES, STATE_TUPLE if predicting else VALUES])
            given_values = features.get(VALUES)
            if given_values is not None and not given_values.shape[2:].is_compatible_with(
                [self.model.num_features]
            ):
                raise BadInputError(
                    f"{VALUES!r} has the shape {given_values.shape} and the model "
                    f"num_features={self.model.num_features}: give as many features"
                )
            known = None
            if self.input_statistics_generator is not None:
                known = self.input_statistics_generator.initialize_graph(
                    features, update_statistics=mode == modes.TRAIN
                )
            self.model.initialize_graph(input_statistics=known)
            self.state_manager.initialize_graph(model=self.model, input_statistics=known)
            with tf.variable_scope("model", use_resource=True):
                if predicting:
                    predictions = self.model.predict(features=features)
                    predictions[TIMES] = features[TIMES]
                    return tf.estimator.EstimatorSpec(mode, predictions=predictions)
                outputs = self.state_manager.define_loss(self.model, features, mode)
            tf.summary.scalar("loss", outputs.loss)
            if mode == modes.TRAIN:
                step = self.optimizer.minimize(outputs.loss, tf.train.get_global_step())
                return tf.estimator.EstimatorSpec(mode, loss=outputs.loss, train_op=step)
            return self._evaluation(mode, outputs)

    def _as_tensor(self, name: str, value: TensorLike) -> Tensor:
        if name == TIMES:
            return tf.cast(value, tf.int64)
        if name == VALUES:
            return tf.cast(value, self.model.dtype)
        if name == STATE_TUPLE:
            return value
        return tf.convert_to_tensor_or_sparse_tensor(value)

    def _evaluation(self, mode: str, outputs: TensorLike) -> EstimatorSpec:
        """Predictions, times and state of the last batch, and the mean loss of all."""
        metrics = {name: _last_seen(name, value) for name, value in outputs.predictions.items()}
        metrics[TIMES] = _last_seen(TIMES, outputs.prediction_times)
        metrics[STATE_TUPLE] = _last_state(outputs.end_state)
        metrics["average_loss"] = tf.metrics.mean(outputs.loss, name="average_loss")
        return tf.estimator.EstimatorSpec(
            mode, outputs.predictions, outputs.loss, eval_metric_ops=metrics
        )
