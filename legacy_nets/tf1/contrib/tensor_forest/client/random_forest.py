"""``tensor_forest.client.random_forest``: forests as estimators.

As in 1.15, more than two classes go through softmax twice: ``logits`` are the forest's shares, and
``probabilities`` their softmax. The classes are those of the largest share all the same.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import tensorflow.compat.v1 as tf

from legacy_nets.tf1 import estimator as core
from legacy_nets.tf1.contrib.learn.estimators import Estimator
from legacy_nets.tf1.contrib.tensor_forest.python.tensor_forest import RandomForestGraphs
from legacy_nets.types import (
    EstimatorSpec,
    Operation,
    RunConfig,
    SessionRunArgs,
    SessionRunContext,
    SessionRunValues,
    Structure,
    Tensor,
    TensorLike,
)

__all__ = ["CoreTensorForestEstimator", "TensorForestEstimator", "TensorForestLossHook"]

VARIANCE_PREDICTION_KEY = "prediction_variance"
_EPSILON = 1e-6


class TensorForestLossHook(tf.train.SessionRunHook):
    """Stops the training when the loss has not fallen for so many steps.

    To count as fallen it must be below the smallest so far by ``early_stopping_loss_threshold``
    of that.
    """

    def __init__(
        self, early_stopping_rounds: int, early_stopping_loss_threshold: float = 0.0,
        loss_op: TensorLike | None = None,
    ) -> None:  # fmt: skip
        self._rounds = early_stopping_rounds
        self._threshold = early_stopping_loss_threshold
        self._loss = loss_op
        self._least: float | None = None
        self._since = 0

    def before_run(self, run_context: SessionRunContext) -> SessionRunArgs:
        """Asks for the loss."""
        return tf.train.SessionRunArgs(self._loss)

    def after_run(self, run_context: SessionRunContext, run_values: SessionRunValues) -> None:
        """Compares it with the smallest."""
        self._since += 1
        loss = run_values.results
        if self._least is None or loss < self._least - self._least * self._threshold:
            self._least = loss
            self._since = 0
        if self._since > self._rounds:
            run_context.request_stop()


def _make_head(params: Any, weights: str | None) -> object:
    if params.regression:
        return core.RegressionHead(params.num_outputs, weight_column=weights)
    if params.num_classes == 2:
        return core.BinaryClassHead(weight_column=weights)
    return core.MultiClassHead(params.num_classes, weight_column=weights)


def _compute_logits(params: Any, shares: TensorLike) -> Tensor:
    """Of two classes the second one's log odds, kept finite; else what the forest gives."""
    if params.regression or params.num_classes != 2:
        return shares
    second = shares[:, 1:]
    return tf.log(tf.maximum(second / tf.maximum(1.0 - second, _EPSILON), _EPSILON))


def _model_fn(
    params: Any, graph_builder_class: Any, weight_column: str | None, keys_column: str | None,
    rounds: int | None, threshold: float, head: Any,
) -> Callable[..., Any]:  # fmt: skip
    params = params.fill()
    head = head or _make_head(params, weight_column)

    def model_fn(features: Mapping[str, Tensor], labels: TensorLike, mode: str) -> EstimatorSpec:
        shown = dict(features) if isinstance(features, dict) else {"features": features}
        weights = shown.pop(weight_column, None) if weight_column else None
        keys = shown.pop(keys_column, None) if keys_column else None
        builder = graph_builder_class(params)
        shares, _, variance = builder.inference_graph(shown)

        def train(_loss: TensorLike) -> Operation:
            with tf.control_dependencies([shares]):  # the loss is that of the forest before
                trained = builder.training_graph(shown, labels, input_weights=weights)
            return tf.group(trained, tf.assign_add(tf.train.get_global_step(), 1))

        spec = head.create_estimator_spec(
            features if isinstance(features, dict) else shown,
            mode,
            _compute_logits(params, shares),
            labels,
            train_op_fn=train,
        )
        if spec.predictions is not None:
            spec.predictions[VARIANCE_PREDICTION_KEY] = variance
            if keys is not None:
                spec.predictions[keys_column] = keys
        if mode == core.ModeKeys.TRAIN and rounds:
            hook = TensorForestLossHook(rounds, threshold, spec.loss)
            spec = spec._replace(training_hooks=[*spec.training_hooks, hook])
        return spec

    return model_fn


class CoreTensorForestEstimator(core.Estimator):
    """A forest as an estimator of tf.estimator. ``params`` are ForestHParams.

    Columns of ``weight_column`` and ``keys_column`` are no features; keys come out again with the
    predictions. Training stops after ``early_stopping_rounds`` steps without a smaller loss.
    """

    def __init__(
        self, params: Any, model_dir: str | None = None,
        graph_builder_class: object = RandomForestGraphs, config: RunConfig | None = None,
        weight_column: str | None = None, keys_column: str | None = None,
        early_stopping_rounds: int | None = 100, early_stopping_loss_threshold: float = 0.001,
        head: object = None,
    ) -> None:  # fmt: skip
        build = _model_fn(params, graph_builder_class, weight_column, keys_column,
                          early_stopping_rounds, early_stopping_loss_threshold, head)  # fmt: skip
        super().__init__(build, model_dir, config)


class TensorForestEstimator(Estimator):
    """A forest as an estimator of contrib.learn; see CoreTensorForestEstimator.

    Predictions are ``classes``, ``probabilities`` and ``logits``, or ``scores`` for regression.
    """

    def __init__(
        self, params: Any, model_dir: str | None = None,
        graph_builder_class: object = RandomForestGraphs, config: RunConfig | None = None,
        weight_column: str | None = None, keys_column: str | None = None,
        feature_engineering_fn: Callable[..., tuple[Structure, Structure]] | None = None,
        early_stopping_rounds: int | None = 100,
        early_stopping_loss_threshold: float = 0.001, head: object = None,
    ) -> None:  # fmt: skip
        build = _model_fn(params, graph_builder_class, weight_column, keys_column,
                          early_stopping_rounds, early_stopping_loss_threshold, head)  # fmt: skip

        def model_fn(
            features: Mapping[str, Tensor], labels: TensorLike, mode: str
        ) -> EstimatorSpec:
            spec = build(features, labels, mode)
            return spec._replace(predictions=_rename_predictions(spec.predictions))

        super().__init__(model_fn, model_dir, config, feature_engineering_fn=feature_engineering_fn)


def _rename_predictions(predictions: TensorLike) -> Structure:
    """contrib.learn's names and shapes for the predictions of tf.estimator's heads."""
    renamed = dict(predictions or {})
    if "class_ids" in renamed:
        renamed["classes"] = tf.squeeze(renamed.pop("class_ids"), 1)
        for name in ("all_class_ids", "all_classes"):
            renamed.pop(name, None)
    elif "predictions" in renamed:
        scores = renamed.pop("predictions")
        renamed["scores"] = tf.squeeze(scores, 1) if scores.shape[1] == 1 else scores
    return renamed
