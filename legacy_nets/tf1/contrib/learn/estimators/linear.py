"""``LinearClassifier`` and ``LinearRegressor`` of ``tf.contrib.learn``."""

from __future__ import annotations

from collections.abc import Iterable

from legacy_nets.tf1.contrib.learn.estimators.canned import Classifier, Regressor
from legacy_nets.types import FeatureColumn, Optimizer


class LinearClassifier(Classifier):
    """A linear layer, then classes."""

    _class_name = "LinearClassifier"

    def __init__(
        self,
        feature_columns: Iterable[FeatureColumn],
        model_dir: str | None = None,
        n_classes: int = 2,
        weight_column_name: str | None = None,
        optimizer: Optimizer | None = None,
        **more: object,
    ) -> None:
        super().__init__(
            {"feature_columns": feature_columns},
            model_dir=model_dir, n_classes=n_classes,
            weight_column_name=weight_column_name, optimizer=optimizer, **more,
        )  # fmt: skip


class LinearRegressor(Regressor):
    """A linear layer, then values."""

    _class_name = "LinearRegressor"

    def __init__(
        self, feature_columns: Iterable[FeatureColumn], model_dir: str | None = None,
        weight_column_name: str | None = None, optimizer: Optimizer | None = None, **more: object,
    ) -> None:  # fmt: skip
        super().__init__(
            {"feature_columns": feature_columns},
            model_dir=model_dir, weight_column_name=weight_column_name,
            optimizer=optimizer, **more,
        )  # fmt: skip
