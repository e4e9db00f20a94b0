"""Models of a time series: what all have in common, and those that go step by step."""

from __future__ import annotations

import abc
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import tensorflow.compat.v1 as tf

from legacy_nets.errors import BadInputError
from legacy_nets.tf1.contrib.timeseries.feature_keys import PredictionFeatures, TrainEvalFeatures
from legacy_nets.tf1.contrib.timeseries.math_utils import InputStatistics, replicate_state
from legacy_nets.types import DTypeLike, FeatureColumn, Structure, Tensor, TensorLike

TIMES, VALUES = TrainEvalFeatures.TIMES, TrainEvalFeatures.VALUES
STATE_TUPLE = PredictionFeatures.STATE_TUPLE


class ModelOutputs(NamedTuple):
    """A scalar loss, the state at the end, and predictions with their times, [N, T, ...]."""

    loss: Any
    end_state: Any
    predictions: dict[str, Any]
    prediction_times: Any


class TimeSeriesModel(abc.ABC):
    """A model of ``num_features`` values per time, that builds its graph on demand.

    ``exogenous_feature_columns`` are columns of tf.feature_column, for what helps to predict and
    is not predicted. States are nests of tensors of the model's own making.
    """

    def __init__(
        self,
        num_features: int,
        exogenous_feature_columns: Iterable[FeatureColumn] | None = None,
        dtype: DTypeLike = tf.float32,
    ) -> None:
        self.num_features = num_features
        self.dtype = dtype
        self._exogenous_feature_columns = exogenous_feature_columns or []
        self._input_statistics: InputStatistics | None = None
        self._graph_initialized = False
        self._stats_means: Any = None
        self._stats_sigmas: Any = None

    @property
    def exogenous_feature_columns(self) -> Iterable[FeatureColumn]:
        """Columns of features that are not predicted."""
        return self._exogenous_feature_columns

    def initialize_graph(self, input_statistics: InputStatistics | None = None) -> None:
        """Begins a graph; without statistics, values are taken as they are."""
        self._graph_initialized = True
        self._input_statistics = input_statistics
        if input_statistics is not None:
            self._stats_means, variance = input_statistics.overall_feature_moments
            self._stats_sigmas = tf.sqrt(variance)

    def _check_graph_initialized(self) -> None:
        if not self._graph_initialized:
            raise BadInputError("this time series model has no graph yet: call initialize_graph()")

    def _scale_data(self, data: TensorLike) -> Tensor:
        if self._input_statistics is None:
            return data
        return (data - self._stats_means) / self._stats_sigmas

    def _scale_variance(self, variance: TensorLike) -> Tensor:
        if self._input_statistics is None:
            return variance
        return variance / self._input_statistics.overall_feature_moments.variance

    def _scale_back_data(self, data: TensorLike) -> Tensor:
        if self._input_statistics is None:
            return data
        return data * self._stats_sigmas + self._stats_means

    def _scale_back_variance(self, variance: TensorLike) -> Tensor:
        if self._input_statistics is None:
            return variance
        return variance * self._input_statistics.overall_feature_moments.variance

    def define_loss(self, features: Mapping[str, Tensor], mode: str) -> ModelOutputs:
        """Losses and predictions of series [N, T], each from the start state."""
        self._check_graph_initialized()
        state = replicate_state(self.get_start_state(), tf.shape(features[TIMES])[0])
        return self.get_batch_loss(features=features, mode=mode, state=state)

    def generate(
        self,
        number_of_series: int,
        series_length: int,
        model_parameters: TensorLike | None = None,
        seed: int | None = None,
    ) -> Tensor:
        """Raises NotImplementedError, unless a child can draw series."""
        raise NotImplementedError("This model does not support generation.")

    @abc.abstractmethod
    def get_start_state(self) -> Structure:
        """A nest of tensors, without the axis of the batch."""

    @abc.abstractmethod
    def get_batch_loss(
        self, features: Mapping[str, Tensor], mode: str, state: Structure
    ) -> ModelOutputs:
        """Losses and predictions of series [N, T] that go on from states [N, ...]."""

    @abc.abstractmethod
    def predict(self, features: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Predictions for times [N, T] that go on from the states among the features."""

    def _get_exogenous_embedding_shape(self) -> Sequence[int]:
        """The shape of what the columns make of one time; (0,) without columns."""
        if not self._exogenous_feature_columns:
            return (0,)
        with tf.Graph().as_default():
            parsed = tf.parse_example(
                tf.placeholder(tf.string, [None]),
                tf.feature_column.make_parse_example_spec(self._exogenous_feature_columns),
            )
            embedded = tf.feature_column.input_layer(parsed, self._exogenous_feature_columns)
            shape: list[int] = embedded.shape.as_list()[1:]
        return shape

    def _process_exogenous_features(
        self, times: TensorLike, features: Mapping[str, Tensor]
    ) -> Tensor | None:
        """[N, T, E] of features [N, T, ...], or None without columns."""
        if not self._exogenous_feature_columns:
            return None
        flat = {}
        for name, value in features.items():
            if value.shape.ndims is None:
                raise BadInputError(f"the feature {name!r} has no known rank: set its shape")
            one = tf.reshape(value, tf.concat([[-1], tf.shape(value)[2:]], 0))
            plain = one.shape.ndims == 1 and one.dtype != tf.string
            flat[name] = one[:, None] if plain else one
        embedded = tf.feature_column.input_layer(flat, self._exogenous_feature_columns)
        shape = embedded.shape[1:].as_list()
        regressors = tf.reshape(embedded, tf.concat([tf.shape(times), shape], 0))
        regressors.set_shape(times.shape.concatenate(shape))
        return tf.cast(regressors, self.dtype)


class SequentialTimeSeriesModel(TimeSeriesModel):
    """A model that proceeds from time to time; a subclass defines the four steps.

    At each time it takes ``_imputation_step``, ``_exogenous_input_step`` where there are such
    features, ``_prediction_step`` and, where values are known, ``_filtering_step``, which adds
    "loss" [N]. ``__init__`` takes the names of their outputs. With ``normalize_features`` the
    steps get scaled values. Every series runs in a while loop: for
    ``static_unrolling_window_size_threshold`` 1.15.5 copied the graph instead, to the same values.
    """

    def __init__(
        self,
        train_output_names: Sequence[str],
        predict_output_names: Sequence[str],
        num_features: int,
        normalize_features: bool = False,
        dtype: DTypeLike = tf.float32,
        exogenous_feature_columns: Iterable[FeatureColumn] | None = None,
        exogenous_update_condition: Callable[..., TensorLike] | None = None,
        static_unrolling_window_size_threshold: int | None = None,
    ) -> None:
        super().__init__(num_features, exogenous_feature_columns, dtype)
        self._train_output_names = list(train_output_names)
        self._predict_output_names = list(predict_output_names)
        self._normalize_features = normalize_features
        self._exogenous_update_condition = exogenous_update_condition

    @abc.abstractmethod
    def _filtering_step(
        self,
        current_times: TensorLike,
        current_values: Structure,
        state: Structure,
        predictions: dict[str, TensorLike],
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """The state after values [N, F] were seen, and outputs with their loss [N]."""

    @abc.abstractmethod
    def _prediction_step(
        self, current_times: TensorLike, state: Structure
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """The state at times [N], and what is predicted for them."""

    @abc.abstractmethod
    def _imputation_step(self, current_times: TensorLike, state: Structure) -> Structure:
        """The state just before times [N], across whatever gap."""

    @abc.abstractmethod
    def _exogenous_input_step(
        self, current_times: TensorLike, current_exogenous_regressors: TensorLike, state: Structure
    ) -> Structure:
        """The state after features [N, E] that are not predicted."""

    def _scale_back_predictions(self, predictions: dict[str, TensorLike]) -> dict[str, Tensor]:
        """Predictions in the scale of the input; needed with ``normalize_features``."""
        raise NotImplementedError("normalize_features=True needs a _scale_back_predictions()")

    def _loss_additions(self, times: TensorLike, values: TensorLike, mode: str) -> TensorLike:
        """A scalar to add to the loss."""
        return 0.0

    def _window_initializer(self, times: TensorLike, state: Structure) -> None:
        """What to do before a loop over times [N, T]."""

    def get_batch_loss(
        self, features: Mapping[str, Tensor], mode: str, state: Structure
    ) -> ModelOutputs:
        """See TimeSeriesModel."""
        loss, states, outputs = self.per_step_batch_loss(features, mode, state)
        last = tf.nest.map_structure(lambda value: value[:, -1], states)
        return ModelOutputs(loss, last, {**outputs, "observed": features[VALUES]}, features[TIMES])

    def per_step_batch_loss(
        self, features: Mapping[str, Tensor], mode: str, state: Structure
    ) -> tuple[Tensor, Tensor, dict[str, Tensor]]:
        """(mean loss, states [N, T, ...], predictions [N, T, ...]) of series [N, T]."""
        self._check_graph_initialized()
        times = tf.cast(features[TIMES], tf.int64)
        values = tf.cast(features[VALUES], self.dtype)
        if self._normalize_features:
            values = self._scale_data(values)
        extra = {name: value for name, value in features.items() if name not in (TIMES, VALUES)}
        exogenous = self._process_exogenous_features(times, extra)

        def step(
            number: TensorLike, now: TensorLike, state: Structure
        ) -> tuple[Tensor, dict[str, Tensor]]:
            state = self._with_exogenous(number, now, state, extra, exogenous)
            state, predictions = self._prediction_step(current_times=now, state=state)
            return self._filtering_step(
                current_times=now,
                current_values=values[:, number],
                state=state,
                predictions=predictions,
            )

        names = ["loss", *self._train_output_names]
        states, outputs = self._state_update_loop(times, state, step, names)
        count = tf.cast(tf.size(times), self.dtype)
        loss = tf.reduce_sum(outputs.pop("loss")) / count
        loss += self._loss_additions(times, values, mode)
        if self._normalize_features:
            outputs = self._scale_back_predictions(outputs)
        return loss, states, outputs

    def predict(self, features: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """See TimeSeriesModel."""
        times = tf.cast(features[TIMES], tf.int64)
        extra = {
            name: value for name, value in features.items() if name not in (TIMES, STATE_TUPLE)
        }
        exogenous = self._process_exogenous_features(times, extra)

        def step(
            number: TensorLike, now: TensorLike, state: Structure
        ) -> tuple[Tensor, dict[str, Tensor]]:
            state = self._with_exogenous(number, now, state, extra, exogenous)
            return self._prediction_step(current_times=now, state=state)

        names = self._predict_output_names
        _, predictions = self._state_update_loop(times, features[STATE_TUPLE], step, names)
        if self._normalize_features:
            predictions = self._scale_back_predictions(predictions)
        return predictions

    def _with_exogenous(
        self,
        number: TensorLike,
        now: TensorLike,
        state: Structure,
        extra: Mapping[str, TensorLike],
        exogenous: TensorLike,
    ) -> Structure:
        if exogenous is None:
            return state
        updated = self._exogenous_input_step(
            current_times=now, current_exogenous_regressors=exogenous[:, number], state=state
        )
        if self._exogenous_update_condition is None:
            return updated
        current = {name: value[:, number] for name, value in extra.items() if name != STATE_TUPLE}
        wanted = self._exogenous_update_condition(times=now, features=current)
        flat = [
            tf.where(wanted, new, old)
            for new, old in zip(tf.nest.flatten(updated), tf.nest.flatten(state), strict=True)
        ]
        return tf.nest.pack_sequence_as(state, flat)

    def _state_update_loop(
        self,
        times: TensorLike,
        state: Structure,
        step: Callable[..., TensorLike],
        names: Sequence[str],
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """Takes ``step(number, times [N], state)`` for each of times [N, T].

        Returns the states and the named outputs of all steps, each [N, T, ...].
        """
        self._window_initializer(times, state)
        length = tf.shape(times)[1]
        first = [tf.convert_to_tensor(value) for value in tf.nest.flatten(state)]

        def advance(
            number: TensorLike,
            flat: list[TensorLike],
            kept: list[TensorLike],
            outputs_by_name: list[TensorLike],
        ) -> tuple[Structure, ...]:
            with tf.variable_scope("state_update_step"):
                now = times[:, number]
                before = tf.nest.pack_sequence_as(state, flat)
                before = self._imputation_step(current_times=now, state=before)
                after, outputs = step(number, now, before)
            if set(outputs) != set(names):
                raise BadInputError(
                    f"a step gave {sorted(outputs)}, and {sorted(names)} are expected: name its "
                    "outputs in train_output_names or predict_output_names"
                )
            new = tf.nest.flatten(after)
            for value, old in zip(new, flat, strict=True):
                value.set_shape(old.shape)
            kept = [array.write(number, value) for array, value in zip(kept, new, strict=True)]
            outputs_by_name = [
                array.write(number, outputs[name])
                for array, name in zip(outputs_by_name, names, strict=True)
            ]
            return number + 1, new, kept, outputs_by_name

        kept = [tf.TensorArray(value.dtype, length) for value in first]
        outputs_by_name = [tf.TensorArray(self.dtype, length) for _ in names]
        _, _, kept, outputs_by_name = tf.while_loop(
            lambda number, *_: number < length,
            advance,
            [tf.constant(0), first, kept, outputs_by_name],
        )
        states = tf.nest.pack_sequence_as(state, [_by_series(array) for array in kept])
        return states, dict(zip(names, map(_by_series, outputs_by_name), strict=True))


def _by_series(array: TensorLike) -> Tensor:
    """[N, T, ...] of a TensorArray of T entries [N, ...]."""
    stacked = array.stack()
    return tf.transpose(stacked, tf.concat([[1, 0], tf.range(2, tf.rank(stacked))], 0))
