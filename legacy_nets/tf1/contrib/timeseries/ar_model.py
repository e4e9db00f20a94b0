"""``ARModel``: predicts a window of a series from the window before it and from the times.

A window's features are, for each time, what hour of each period it is (``num_time_buckets``
hours), the values before and further features. Layers make of them a mean and a variance for
every value of the next window.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from legacy_nets import tf1 as tf
from legacy_nets.errors import BadInputError
from legacy_nets.tf1.contrib.timeseries.math_utils import InputStatistics, normal_log_prob
from legacy_nets.tf1.contrib.timeseries.model import (
    STATE_TUPLE,
    TIMES,
    VALUES,
    ModelOutputs,
    TimeSeriesModel,
)
from legacy_nets.types import FeatureColumn, Structure, Tensor, TensorLike


class FlatPredictionModel:
    """Both windows as one vector, through dense layers.

    Called with features [N, input_window_size, A] and [N, output_window_size, B], gives "mean" and
    "covariance" (a variance), each [N, output_window_size, num_features].
    """

    def __init__(
        self,
        num_features: int,
        input_window_size: int,
        output_window_size: int,
        hidden_layer_sizes: Sequence[int] | None = None,
    ) -> None:
        self._shape = [-1, output_window_size, num_features]
        self._hidden = hidden_layer_sizes or ()

    def __call__(
        self, input_window_features: TensorLike, output_window_features: TensorLike
    ) -> dict[str, Tensor]:
        """The predictions for a batch of windows."""
        windows = (input_window_features, output_window_features)
        sizes = [window.shape[1:].num_elements() for window in windows]
        flat = [
            tf.reshape(window, [-1, size])
            for window, size in zip(windows, sizes, strict=True)
            if size
        ]
        units = self._shape[1] * self._shape[2]
        with tf.variable_scope("flat_prediction_model", reuse=tf.AUTO_REUSE):
            net = tf.concat(flat, 1)
            with tf.variable_scope("sequential"):
                for number, size in enumerate(self._hidden):
                    name = f"dense_{number}" if number else "dense"
                    net = tf.layers.dense(net, size, tf.nn.relu, name=name)
            mean = tf.layers.dense(net, units, name="predicted_mean")
            covariance = tf.exp(tf.layers.dense(net, units, name="log_sigma_square"))
        return {
            "mean": tf.reshape(mean, self._shape),
            "covariance": tf.reshape(covariance, self._shape),
        }


class ARModel(TimeSeriesModel):
    """Predicts ``output_window_size`` values from the ``input_window_size`` before.

    ``periodicities`` is a number or several, in units of the times; ``prediction_model_factory``
    makes the layers (see FlatPredictionModel). Its state is (times, scaled values, further
    features) of the last ``input_window_size`` times. Raises BadInputError for settings that leave
    nothing to predict, or to predict from.
    """

    SQUARED_LOSS = "squared_loss"
    NORMAL_LIKELIHOOD_LOSS = "normal_likelihood_loss"

    def __init__(
        self,
        periodicities: TensorLike,
        input_window_size: int,
        output_window_size: int,
        num_features: int,
        prediction_model_factory: Callable[..., object] = FlatPredictionModel,
        num_time_buckets: int = 10,
        loss: str = NORMAL_LIKELIHOOD_LOSS,
        exogenous_feature_columns: Iterable[FeatureColumn] | None = None,
    ) -> None:
        super().__init__(num_features, exogenous_feature_columns)
        given = periodicities or []
        given = given if isinstance(given, list | tuple) else [given]
        self._periodicities = [int(period) for period in given]
        self._buckets = int(num_time_buckets)
        self._factory = prediction_model_factory
        self._model: Any = None
        self.loss = loss
        self.input_window_size = input_window_size
        self.output_window_size = output_window_size
        self.window_size = input_window_size + output_window_size
        self.exogenous_size = self._get_exogenous_embedding_shape()[-1]
        if loss not in (self.SQUARED_LOSS, self.NORMAL_LIKELIHOOD_LOSS):
            raise BadInputError(f"loss {loss!r} is none of ARModel's: take ARModel.SQUARED_LOSS")
        if min([*self._periodicities, self._buckets, output_window_size]) <= 0:
            raise BadInputError("ARModel takes positive periods, time buckets and output windows")
        if not (self._periodicities or input_window_size):
            raise BadInputError("ARModel has nothing to predict from: give a period or a window")

    def initialize_graph(self, input_statistics: InputStatistics | None = None) -> None:
        """See TimeSeriesModel."""
        super().initialize_graph(input_statistics)
        self._model = self._factory(
            num_features=self.num_features,
            input_window_size=self.input_window_size,
            output_window_size=self.output_window_size,
        )

    def get_start_state(self) -> Structure:
        """Zeros."""
        size = self.input_window_size
        return (
            tf.zeros([size], tf.int64),
            tf.zeros([size, self.num_features], self.dtype),
            tf.zeros([size, self.exogenous_size], self.dtype),
        )

    def _time_features(self, times: TensorLike) -> Tensor:
        """[N, T, periods x buckets]: how far into its bucket a time is, in buckets, else 0."""
        periods = tf.constant(self._periodicities, times.dtype)
        within = tf.cast(times[:, :, None] % periods, self.dtype) * self._buckets
        within /= tf.cast(periods, self.dtype)
        behind = tf.nn.relu(within[..., None] - tf.range(self._buckets, dtype=self.dtype))
        behind = tf.where(behind < 1.0, behind, tf.zeros_like(behind))
        size = len(self._periodicities) * self._buckets
        return tf.reshape(behind, [-1, self.window_size, size])

    def prediction_ops(
        self, times: TensorLike, values: TensorLike, exogenous_regressors: TensorLike
    ) -> dict[str, Tensor]:
        """ "mean" and "covariance" [N, output_window_size, F] of a window, in the model's scale.

        Takes times [N, window_size], values [N, input_window_size, F] and further features
        [N, window_size, E].
        """
        size = self.input_window_size
        along = [exogenous_regressors]
        if self._periodicities:
            along.insert(0, self._time_features(times))
        before = [part[:, :size] for part in along]
        before.insert(len(along) - 1, values)
        inputs = tf.concat(before, 2)
        outputs = tf.concat([part[:, size:] for part in along], 2)
        width = sum(part.shape[2] for part in along)
        inputs.set_shape([None, size, width + self.num_features])
        outputs.set_shape([None, self.output_window_size, width])
        with tf.name_scope("model/"):  # Keras names variables by it, inside of loops, too
            found: dict[str, Any] = self._model(inputs, outputs)
        for value in found.values():
            value.set_shape([None, self.output_window_size, self.num_features])
        return found

    def loss_op(self, targets: TensorLike, prediction_ops: Mapping[str, Tensor]) -> Tensor:
        """The mean over all targets [N, output_window_size, F]."""
        mean = prediction_ops["mean"]
        if self.loss == self.SQUARED_LOSS:
            return tf.reduce_mean(tf.squared_difference(mean, targets))
        sigma = tf.sqrt(tf.maximum(prediction_ops["covariance"], 1e-5))
        return -tf.reduce_mean(normal_log_prob(targets, sigma, mean))

    def _process_exogenous_features(
        self, times: TensorLike, features: Mapping[str, Tensor]
    ) -> Tensor:
        extra = {name: value for name, value in features.items() if name not in (TIMES, VALUES)}
        extra.pop(STATE_TUPLE, None)
        found = super()._process_exogenous_features(times, extra)
        if found is not None:
            return found
        none = tf.zeros(tf.concat([tf.shape(times), [0]], 0), self.dtype)
        none.set_shape(times.shape.concatenate([0]))
        return none

    def _check_window(self, times: TensorLike, exact: bool) -> None:
        found = times.shape.as_list()[1]
        if found is None or found == self.window_size or (not exact and found > self.window_size):
            return
        least = "" if exact else "at least "
        raise BadInputError(
            f"ARModel takes windows of {least}input_window_size + output_window_size = "
            f"{self.window_size} times and got {found}: set window_size of the input function so"
        )

    def get_batch_loss(
        self, features: Mapping[str, Tensor], mode: str, state: Structure
    ) -> ModelOutputs:
        """Losses and predictions: of windows in training, of whole series in evaluation.

        A series is predicted in adjacent windows from its end; what is left at its beginning is
        not predicted.
        """
        times = tf.cast(features[TIMES], tf.int64)
        values = tf.cast(features[VALUES], self.dtype)
        exogenous = self._process_exogenous_features(times, features)
        training = mode == tf.estimator.ModeKeys.TRAIN
        self._check_window(times, exact=training)
        size, output = self.input_window_size, self.output_window_size
        count = (tf.shape(times)[1] - size) // output
        cropped = count * output + size
        # Windows as series: [N, T, ...] -> [N x count, window_size, ...].
        index = tf.range(count)[:, None] * output + tf.range(self.window_size)

        def windows(series: TensorLike) -> Tensor:
            width = series.shape[2:].as_list()
            return tf.reshape(tf.gather(series, index, axis=1), [-1, self.window_size, *width])

        scaled = self._scale_data(values)
        targets = windows(scaled[:, -cropped:])
        # As in 1.15.5, further features are counted from the beginning of the series.
        found = self.prediction_ops(
            windows(times[:, -cropped:]), targets[:, :size], windows(exogenous)
        )
        targets = targets[:, size:]
        mean = self._scale_back_data(found["mean"])
        if not training and self.loss == self.SQUARED_LOSS:
            loss = self.loss_op(self._scale_back_data(targets), {"mean": mean})
        else:
            loss = self.loss_op(targets, found)
        covariance = self._scale_back_variance(found["covariance"])
        shape = [tf.shape(times)[0], count * output, self.num_features]
        known = (times, scaled, exogenous)
        joined = (
            known if training else [tf.concat(pair, 1) for pair in zip(state, known, strict=True)]
        )
        predictions = {
            "mean": tf.reshape(mean, shape),
            "covariance": tf.reshape(covariance, shape),
            "observed": values[:, -count * output :],
        }
        end = tuple(self._last(part) for part in joined)
        return ModelOutputs(loss, end, predictions, times[:, -count * output :])

    def _last(self, series: TensorLike) -> Tensor:
        """The last ``input_window_size`` of [N, T, ...]."""
        found = series[:, tf.shape(series)[1] - self.input_window_size :]
        found.set_shape([None, self.input_window_size, *series.shape[2:]])
        return found

    def predict(self, features: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """ "mean" and "covariance" [N, T, F] for times [N, T], window by window.

        Each window but the first is predicted from the means of those before.
        """
        times = tf.cast(features[TIMES], tf.int64)
        exogenous = self._process_exogenous_features(times, features)
        output = self.output_window_size
        length = tf.shape(times)[1]
        count = (length + output - 1) // output
        padding = [[0, 0], [0, count * output - length]]
        times = tf.pad(times, padding)
        exogenous = tf.pad(exogenous, [*padding, [0, 0]])
        state_times, state_values, state_exogenous = features[STATE_TUPLE]
        state = (
            self._last(tf.cast(state_times, tf.int64)),
            self._last(tf.cast(state_values, self.dtype)),
            self._last(tf.cast(state_exogenous, self.dtype)),
        )

        def advance(
            number: TensorLike, known: TensorLike, means: TensorLike, covariances: TensorLike
        ) -> tuple[Tensor, ...]:
            window_slice = slice(number * output, (number + 1) * output)
            window = tf.concat([known[0], times[:, window_slice]], 1)
            extra = tf.concat([known[2], exogenous[:, window_slice]], 1)
            window.set_shape([None, self.window_size])
            found = self.prediction_ops(window, known[1], extra)
            joined = (window, tf.concat([known[1], found["mean"]], 1), extra)
            return (
                number + 1,
                tuple(self._last(part) for part in joined),
                means.write(number, found["mean"]),
                covariances.write(number, found["covariance"]),
            )

        arrays = [tf.TensorArray(self.dtype, count) for _ in range(2)]
        *_, means, covariances = tf.while_loop(
            lambda number, *_: number < count, advance, [tf.constant(0), state, *arrays]
        )

        def joined(array: TensorLike) -> Tensor:
            parts = tf.transpose(array.stack(), [1, 0, 2, 3])
            full_series = tf.reshape(parts, [tf.shape(times)[0], count * output, self.num_features])
            return full_series[:, :length]

        mean, covariance = joined(means), joined(covariances)
        if self.loss == self.SQUARED_LOSS:  # which does not train it
            covariance = tf.ones_like(covariance)
        return {
            "mean": self._scale_back_data(mean),
            "covariance": self._scale_back_variance(covariance),
        }
