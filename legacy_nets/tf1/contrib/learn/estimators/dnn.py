"""``DNNClassifier`` and ``DNNRegressor`` of ``tf.contrib.learn``."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import tensorflow.compat.v1 as tf

from legacy_nets.tf1.contrib.learn.estimators.canned import Classifier, Regressor
from legacy_nets.types import FeatureColumn, Optimizer, Tensor, TensorLike


class DNNClassifier(Classifier):
    """Layers of ReLU, then classes."""

    _class_name = "DNNClassifier"

    def __init__(
        self,
        hidden_units: TensorLike,
        feature_columns: Iterable[FeatureColumn],
        model_dir: str | None = None,
        n_classes: int = 2,
        weight_column_name: str | None = None,
        optimizer: Optimizer | None = None,
        activation_fn: Callable[..., Tensor] = tf.nn.relu,
        dropout: float | None = None,
        **more: object,
    ) -> None:
        super().__init__(
            {"feature_columns": feature_columns},
            hidden_units=hidden_units, model_dir=model_dir, n_classes=n_classes,
            weight_column_name=weight_column_name, optimizer=optimizer,
            activation_fn=activation_fn, dropout=dropout, **more,
        )  # fmt: skip


class DNNRegressor(Regressor):
    """Layers of ReLU, then values."""

    _class_name = "DNNRegressor"

    def __init__(
        self,
        hidden_units: TensorLike,
        feature_columns: Iterable[FeatureColumn],
        model_dir: str | None = None,
        weight_column_name: str | None = None,
        optimizer: Optimizer | None = None,
        activation_fn: Callable[..., Tensor] = tf.nn.relu,
        dropout: float | None = None,
        **more: object,
    ) -> None:
        super().__init__(
            {"feature_columns": feature_columns},
            hidden_units=hidden_units, model_dir=model_dir,
            weight_column_name=weight_column_name, optimizer=optimizer,
            activation_fn=activation_fn, dropout=dropout, **more,
        )  # fmt: skip
