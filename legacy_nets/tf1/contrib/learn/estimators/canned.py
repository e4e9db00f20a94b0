"""``tf.contrib.learn``'s canned estimators over those of tf.estimator.

Their variables have tf.estimator's names (``dnn/hiddenlayer_0/kernel`` where contrib.learn had
``.../weights``), and they take feature columns of ``tf.feature_column``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import ClassVar, TypeVar

import numpy as np
import tensorflow.compat.v1 as tf

from legacy_nets.errors import BadInputError
from legacy_nets.tf1 import estimator as core
from legacy_nets.tf1.contrib.learn.estimators.estimator import BaseEstimator, stack_predictions
from legacy_nets.types import Array, FeatureColumn, InputFn, Structure, Tensor, TensorLike

_Result = TypeVar("_Result")


class CannedEstimator(BaseEstimator):
    """An estimator of tf.estimator that takes features without a name as its one column's."""

    _class_name: str  # in tf.estimator
    _names: ClassVar[Mapping[str, str]]  # of contrib.learn -> of tf.estimator

    def __init__(
        self, columns: Mapping[str, Iterable[FeatureColumn] | None], **options: object
    ) -> None:
        """``columns`` are by their argument in tf.estimator; None is none."""
        lists = {argument: list(each) for argument, each in columns.items() if each}
        self._columns = [column for each in lists.values() for column in each]
        refused = ("gradient_clip_norm", "enable_centered_bias", "feature_engineering_fn",
                   "embedding_lr_multipliers", "input_layer_min_slice_size")  # fmt: skip
        for name in refused:
            if options.pop(name, None):
                raise BadInputError(
                    f"tf.contrib.learn.{type(self).__name__}({name}=...) is not offered: "
                    f"write a model function for tf.estimator.Estimator"
                )
        for old, new in (("weight_column_name", "weight_column"),
                         ("label_keys", "label_vocabulary")):  # fmt: skip
            if options.pop(old, None) is not None:
                raise BadInputError(
                    f"tf.estimator.{self._class_name} takes {new}, not {old}: use that"
                )
        given = {name: value for name, value in options.items() if value is not None}
        # contrib.learn's loss is the mean over the batch.
        mean = tf.losses.Reduction.SUM_OVER_BATCH_SIZE
        build = getattr(core, self._class_name)
        self._core = build(loss_reduction=mean, **lists, **given)
        for name in ("train", "evaluate", "predict"):
            setattr(self._core, name, self._name_features(getattr(self._core, name)))

    def _name_features(self, method: Callable[..., _Result]) -> Callable[..., _Result]:
        """``method``, whose input function may give features without a name."""

        def call(input_fn: InputFn, *arguments: object, **options: object) -> _Result:
            def name_features() -> tuple[Structure, Structure]:
                batch = input_fn()
                features, labels = batch if isinstance(batch, tuple) else (batch, None)
                if not isinstance(features, dict):
                    features = {self._columns[0].name: features}
                return features, labels

            return method(name_features, *arguments, **options)

        return call

    def _each(
        self, x: TensorLike, input_fn: InputFn | None, batch_size: int | None
    ) -> Iterator[dict[str, Tensor]]:
        """The predictions for each example, under contrib.learn's names."""
        for prediction in BaseEstimator.predict(self, x, input_fn, batch_size):
            yield {
                new: _squeeze_single(prediction[old])
                for new, old in self._names.items()
                if old in prediction
            }

    def _answers(
        self,
        key: str,
        x: TensorLike,
        input_fn: InputFn | None,
        batch_size: TensorLike,
        as_iterable: bool,
    ) -> Iterator[Array] | Array:
        values = (prediction[key] for prediction in self._each(x, input_fn, batch_size))
        return values if as_iterable else np.array(list(values))

    def predict(
        self,
        x: TensorLike | None = None,
        input_fn: InputFn | None = None,
        batch_size: int | None = None,
        outputs: TensorLike | None = None,
        as_iterable: bool = True,
        iterate_batches: bool = False,
    ) -> Structure:
        """The first of the predictions of each example; with ``outputs``, dicts of these."""
        if outputs is None:
            return self._answers(self.outputs[0], x, input_fn, batch_size, as_iterable)
        predictions = (
            {key: value for key, value in prediction.items() if key in outputs}
            for prediction in self._each(x, input_fn, batch_size)
        )
        return predictions if as_iterable else stack_predictions(list(predictions))


def _squeeze_single(value: np.ndarray) -> Array:
    return value[0] if value.shape == (1,) else value


class Classifier(CannedEstimator):
    """Predicts classes and their probabilities."""

    _names: ClassVar[Mapping[str, str]] = {
        "classes": "class_ids",
        "probabilities": "probabilities",
        "logits": "logits",
        "logistic": "logistic",
    }
    outputs = ("classes", "probabilities", "logits")

    def predict_classes(
        self,
        x: TensorLike | None = None,
        input_fn: InputFn | None = None,
        batch_size: int | None = None,
        as_iterable: bool = True,
    ) -> Iterator[Array] | Array:
        """The class of each example."""
        return self._answers("classes", x, input_fn, batch_size, as_iterable)

    def predict_proba(
        self,
        x: TensorLike | None = None,
        input_fn: InputFn | None = None,
        batch_size: int | None = None,
        as_iterable: bool = True,
    ) -> Iterator[Array] | Array:
        """The probabilities of the classes, float32 [classes], of each example."""
        return self._answers("probabilities", x, input_fn, batch_size, as_iterable)


class Regressor(CannedEstimator):
    """Predicts numbers."""

    _names: ClassVar[Mapping[str, str]] = {"scores": "predictions"}
    outputs = ("scores",)

    def predict_scores(
        self,
        x: TensorLike | None = None,
        input_fn: InputFn | None = None,
        batch_size: int | None = None,
        as_iterable: bool = True,
    ) -> Iterator[Array] | Array:
        """The value of each example, or float32 [label_dimension]."""
        return self._answers("scores", x, input_fn, batch_size, as_iterable)
