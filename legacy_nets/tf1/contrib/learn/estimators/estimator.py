"""``tf.contrib.learn``'s estimators: its ``fit`` / ``evaluate`` / ``predict`` over tf.estimator."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import tensorflow.compat.v1 as tf

from legacy_nets.tf1 import estimator as core
from legacy_nets.tf1.contrib.learn.estimators.model_fn import ModeKeys, ModelFnOps
from legacy_nets.tf1.contrib.learn.metric_spec import metric_ops
from legacy_nets.tf1.contrib.learn.utils.saved_model_export_utils import make_receiver_fn
from legacy_nets.types import (
    Array,
    EstimatorSpec,
    FeatureColumn,
    InputFn,
    RunConfig,
    SessionRunHook,
    ShapeLike,
    Structure,
    Tensor,
    TensorLike,
)

KEY = "x"  # the name of the features that come as one array


def make_arrays_input_fn(
    x: TensorLike, y: TensorLike, batch_size: int | None, epochs: int | None, shuffle: bool
) -> Callable[[], Any]:
    """An input function over arrays (or dicts of arrays); doubles become float32, as in 1.15."""

    def narrowed(value: TensorLike) -> np.ndarray:
        array = np.asarray(value)
        return array.astype(np.float32) if array.dtype == np.float64 else array

    named = isinstance(x, dict)
    features = {key: narrowed(v) for key, v in x.items()} if named else {KEY: narrowed(x)}
    labels = None if y is None else narrowed(y)
    count = len(next(iter(features.values())))
    made = core.inputs.numpy_input_fn(
        features, labels, batch_size or count, num_epochs=epochs, shuffle=shuffle
    )

    def input_fn() -> tuple[Structure, Structure]:
        result = made()
        got, target = result if y is not None else (result, None)
        return (got if named else got[KEY]), target

    return input_fn


def _input(
    x: TensorLike,
    y: TensorLike,
    input_fn: InputFn | None,
    batch_size: int | None,
    epochs: int | None,
    shuffle: bool,
) -> Callable[[], Any]:
    if (x is None) == (input_fn is None):
        raise ValueError(
            "Either x or input_fn must be provided."
            if x is None
            else "Can not provide both input_fn and x or y."
        )
    return input_fn or make_arrays_input_fn(x, y, batch_size, epochs, shuffle)


class BaseEstimator:
    """``fit``, ``evaluate`` and ``predict`` over an estimator of tf.estimator (``_core``)."""

    _core: Any
    outputs: Any = None  # what SKCompat.predict gives; None is all
    _metrics: Any = None  # of the evaluation under way

    @property
    def model_dir(self) -> str:
        """Where checkpoints lie."""
        return self._core.model_dir

    @property
    def config(self) -> RunConfig:
        """The RunConfig."""
        return self._core.config

    def fit(
        self,
        x: TensorLike | None = None,
        y: TensorLike | None = None,
        input_fn: InputFn | None = None,
        steps: int | None = None,
        batch_size: int | None = None,
        monitors: Sequence[SessionRunHook] | None = None,
        max_steps: int | None = None,
    ) -> BaseEstimator:
        """Trains: on shuffled arrays, or what ``input_fn`` gives. Returns self."""
        if steps is not None and max_steps is not None:
            raise ValueError("Can not provide both steps and max_steps.")
        hooks = list(monitors or [])
        for hook in hooks:
            if hasattr(hook, "set_estimator"):
                hook.set_estimator(self)
        source = _input(x, y, input_fn, batch_size, None, True)
        self._core.train(source, hooks=hooks, steps=steps, max_steps=max_steps)
        return self

    def partial_fit(
        self,
        x: TensorLike | None = None,
        y: TensorLike | None = None,
        input_fn: InputFn | None = None,
        steps: int | None = 1,
        batch_size: int | None = None,
        monitors: Sequence[SessionRunHook] | None = None,
    ) -> BaseEstimator:
        """Trains as ``fit`` does, one step by default."""
        return self.fit(x, y, input_fn, steps, batch_size, monitors)

    def evaluate(
        self,
        x: TensorLike | None = None,
        y: TensorLike | None = None,
        input_fn: InputFn | None = None,
        feed_fn: InputFn | None = None,
        batch_size: int | None = None,
        steps: int | None = None,
        metrics: object = None,
        name: str | None = None,
        checkpoint_path: str | None = None,
        hooks: Sequence[SessionRunHook] | None = None,
        log_progress: bool = True,
    ) -> dict[str, Tensor]:
        """Means of the loss and the metrics, and ``global_step``."""
        if metrics is not None and not isinstance(metrics, dict):
            raise ValueError(f"Metrics argument should be None or dict. Got {metrics}.")
        source = _input(x, y, input_fn, batch_size, 1, False)
        hooks = [*(hooks or []), *([tf.train.FeedFnHook(feed_fn)] if feed_fn else [])]
        self._metrics = metrics
        try:
            return self._core.evaluate(source, steps, hooks, checkpoint_path, name)
        finally:
            self._metrics = None

    def predict(
        self,
        x: TensorLike | None = None,
        input_fn: InputFn | None = None,
        batch_size: int | None = None,
        outputs: TensorLike | None = None,
        as_iterable: bool = True,
        iterate_batches: bool = False,
    ) -> Structure:
        """Predictions, one by one; with ``as_iterable=False`` all in one array (or a dict)."""
        source = _input(x, None, input_fn, batch_size, 1, False)
        result = self._core.predict(
            source, predict_keys=outputs, yield_single_examples=not iterate_batches
        )
        return result if as_iterable else stack_predictions(list(result))

    def get_variable_names(self) -> list[str]:
        """Names in the newest checkpoint."""
        return self._core.get_variable_names()

    def get_variable_value(self, name: str) -> np.ndarray:
        """A value from the newest checkpoint."""
        return self._core.get_variable_value(name)

    def export_savedmodel(
        self,
        export_dir_base: str,
        serving_input_fn: InputFn,
        default_output_alternative_key: object = None,
        assets_extra: object = None,
        as_text: bool = False,
        checkpoint_path: str | None = None,
        **_options: object,
    ) -> bytes:
        """Writes a SavedModel into a new folder below ``export_dir_base``; returns its path."""
        return self._core.export_saved_model(
            export_dir_base,
            make_receiver_fn(serving_input_fn),
            assets_extra,
            as_text,
            checkpoint_path,
        )


def stack_predictions(result: list[TensorLike]) -> Array | dict[str, Array]:
    """Predictions one by one as one array, or a dict of arrays."""
    if result and isinstance(result[0], dict):
        return {key: np.stack([one[key] for one in result]) for key in result[0]}
    return np.array(result)


class Estimator(BaseEstimator):
    """An estimator of a model function ``(features, labels, mode, params, config, model_dir)``.

    The function names of these what it wants after the first two, and returns ModelFnOps, an
    EstimatorSpec or (predictions, loss, train_op).
    """

    def __init__(
        self,
        model_fn: Callable[..., object],
        model_dir: str | None = None,
        config: RunConfig | None = None,
        params: Any = None,
        feature_engineering_fn: Callable[..., tuple[Structure, Structure]] | None = None,
    ) -> None:
        wanted = set(inspect.signature(model_fn).parameters)

        def build(
            features: Mapping[str, Tensor],
            labels: TensorLike,
            mode: str,
            params: Any,
            config: RunConfig,
        ) -> EstimatorSpec:
            if feature_engineering_fn is not None:
                features, labels = feature_engineering_fn(features, labels)
            offered = {"mode": mode, "params": params, "config": config,
                       "model_dir": self.model_dir}  # fmt: skip
            given = {name: value for name, value in offered.items() if name in wanted}
            return self._spec(model_fn(features, labels, **given), mode, features, labels)

        self._core = core.Estimator(build, model_dir, config, {} if params is None else params)

    def _spec(
        self, result: TensorLike, mode: str, features: Mapping[str, Tensor], labels: TensorLike
    ) -> EstimatorSpec:
        if isinstance(result, ModelFnOps):
            ops = result
        elif isinstance(result, core.EstimatorSpec):
            if not self._metrics:
                return result
            ops = ModelFnOps(mode, result.predictions, result.loss, None, result.eval_metric_ops)
        else:
            predictions, loss, train_op = result
            ops = ModelFnOps(mode, predictions, loss, train_op)
        metrics = dict(ops.eval_metric_ops or {})
        if mode == ModeKeys.EVAL:
            metrics.update(metric_ops(self._metrics or {}, features, labels, ops.predictions))
        return core.EstimatorSpec(
            mode,
            predictions=ops.predictions,
            loss=ops.loss,
            train_op=ops.train_op,
            eval_metric_ops=metrics,
            training_chief_hooks=ops.training_chief_hooks,
            training_hooks=ops.training_hooks,
            scaffold=ops.scaffold,
        )


class SKCompat:
    """An estimator with scikit-learn's ``fit(x, y)``, ``predict(x)`` and ``score(x, y)``."""

    def __init__(self, estimator: Estimator) -> None:
        self._estimator = estimator

    def fit(
        self, x: TensorLike, y: TensorLike, batch_size: int = 128, steps: int | None = None,
        max_steps: int | None = None, monitors: Sequence[SessionRunHook] | None = None,
    ) -> SKCompat:  # fmt: skip
        """Trains on shuffled arrays."""
        self._estimator.fit(
            x, y, steps=steps, batch_size=batch_size, monitors=monitors, max_steps=max_steps
        )
        return self

    def score(
        self, x: TensorLike, y: TensorLike, batch_size: int = 128, steps: int | None = None,
        metrics: object = None, name: str | None = None,
    ) -> dict[str, Tensor]:  # fmt: skip
        """``evaluate``."""
        return self._estimator.evaluate(
            x, y, batch_size=batch_size, steps=steps, metrics=metrics, name=name
        )

    def predict(
        self, x: TensorLike, batch_size: int = 128, outputs: TensorLike | None = None
    ) -> Structure:
        """All predictions in one array, or a dict of arrays."""
        wanted = outputs or self._estimator.outputs
        return self._estimator.predict(x, batch_size=batch_size, outputs=wanted, as_iterable=False)


def infer_real_valued_columns_from_input(x: TensorLike) -> list[FeatureColumn]:
    """Columns for arrays: one per name, or one for an array [N, features]."""
    if not isinstance(x, dict):
        return [make_numeric_column(KEY, np.asarray(x).shape)]
    return [make_numeric_column(key, np.asarray(x[key]).shape) for key in sorted(x)]


def infer_real_valued_columns_from_input_fn(input_fn: InputFn) -> list[FeatureColumn]:
    """Columns for what an input function gives."""
    with tf.Graph().as_default():
        features, _ = input_fn()
        if not isinstance(features, dict):
            return [make_numeric_column(KEY, features.shape.as_list())]
        return [make_numeric_column(key, features[key].shape.as_list()) for key in sorted(features)]


def make_numeric_column(key: str, shape: ShapeLike) -> FeatureColumn:
    """A numeric column for values [N, ...]."""
    return tf.feature_column.numeric_column(key, tuple(shape[1:]) or (1,))
