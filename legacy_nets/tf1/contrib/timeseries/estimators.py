"""Estimators of ``tf.contrib.timeseries``."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable
from typing import Any

from legacy_nets import tf1 as tf
from legacy_nets.errors import BadInputError
from legacy_nets.tf1.contrib.timeseries import state_management
from legacy_nets.tf1.contrib.timeseries.ar_model import ARModel, FlatPredictionModel
from legacy_nets.tf1.contrib.timeseries.head import TimeSeriesRegressionHead
from legacy_nets.tf1.contrib.timeseries.math_utils import InputStatisticsFromMiniBatch
from legacy_nets.types import FeatureColumn, Optimizer, RunConfig, TensorLike

_Estimator: Any = tf.estimator.Estimator


class TimeSeriesRegressor(_Estimator):
    """Trains, evaluates and continues a time series with a model of it.

    ``evaluate`` gives "loss", "average_loss", "global_step" and, of its last batch, the model's
    predictions [N, T, ...], "observed", "times" and "start_tuple", from which
    ``predict_continuation_input_fn`` goes on. The optimizer is Adam at 0.02 unless given.
    """

    def __init__(
        self,
        model: Any,
        state_manager: Any = None,
        optimizer: Optimizer | None = None,
        model_dir: str | None = None,
        config: RunConfig | None = None,
        head_type: Callable[..., TimeSeriesRegressionHead] = TimeSeriesRegressionHead,
    ) -> None:
        if state_manager is None:
            windows = isinstance(model, ARModel)
            class_name = "FilteringOnlyStateManager" if windows else "PassthroughStateManager"
            state_manager = getattr(state_management, class_name)()
        self._model = model
        head = head_type(
            model=model,
            state_manager=state_manager,
            optimizer=tf.train.AdamOptimizer(0.02) if optimizer is None else optimizer,
            input_statistics_generator=InputStatisticsFromMiniBatch(
                model.num_features, model.dtype
            ),
        )
        super().__init__(head.create_estimator_spec, model_dir, config)


class ARRegressor(TimeSeriesRegressor):
    """An estimator of an ARModel: see there. The optimizer is Adagrad at 0.1 unless given.

    Raises BadInputError for a mixture with anomalies, which is not offered.
    """

    def __init__(
        self,
        periodicities: TensorLike,
        input_window_size: int,
        output_window_size: int,
        num_features: int,
        exogenous_feature_columns: Iterable[FeatureColumn] | None = None,
        num_time_buckets: int = 10,
        loss: str = ARModel.NORMAL_LIKELIHOOD_LOSS,
        hidden_layer_sizes: TensorLike | None = None,
        anomaly_prior_probability: float | None = None,
        anomaly_distribution: str | None = None,
        optimizer: Optimizer | None = None,
        model_dir: str | None = None,
        config: RunConfig | None = None,
    ) -> None:
        if anomaly_prior_probability is not None or anomaly_distribution is not None:
            raise BadInputError(
                "ARRegressor's mixture with anomalies is not offered by legacy_nets: leave "
                "anomaly_prior_probability and anomaly_distribution out"
            )
        model = ARModel(
            periodicities,
            input_window_size,
            output_window_size,
            num_features,
            functools.partial(FlatPredictionModel, hidden_layer_sizes=hidden_layer_sizes),
            num_time_buckets,
            loss,
            exogenous_feature_columns,
        )
        if optimizer is None:
            optimizer = tf.train.AdagradOptimizer(0.1)
        super().__init__(model, None, optimizer, model_dir, config)
