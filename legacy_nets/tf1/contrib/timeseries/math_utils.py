"""Statistics of the input, gathered batch by batch, and tables of states, for time series."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
import tensorflow.compat.v1 as tf

from legacy_nets.tf1.contrib.timeseries.feature_keys import TrainEvalFeatures
from legacy_nets.types import DTypeLike, Operation, Structure, Tensor, TensorLike, Variable

TIMES, VALUES = TrainEvalFeatures.TIMES, TrainEvalFeatures.VALUES


class Moments(NamedTuple):
    """Of each feature, [F]."""

    mean: Any
    variance: Any


class InputStatistics(NamedTuple):
    """What is known of a series: its beginning, all of it, its first time and its length."""

    series_start_moments: Moments
    overall_feature_moments: Moments
    start_time: Any
    total_observation_count: Any


def normal_log_prob(loc: TensorLike, scale: TensorLike, x: TensorLike) -> Tensor:
    """As 1.15.5 computes it: with half the logarithm of the scale, where the density has all."""
    return -0.5 * (tf.square((x - loc) / scale) + np.log(2.0 * np.pi) + tf.log(scale))


def replicate_state(start_state: Structure, batch_size: TensorLike) -> Structure:
    """A nest of states [...] as one of [batch_size, ...]."""

    def repeated(value: TensorLike) -> Tensor:
        return tf.tile(
            value[None], tf.concat([[batch_size], tf.ones([tf.rank(value)], tf.int32)], 0)
        )

    return tf.nest.map_structure(repeated, start_state)


class TupleOfTensorsLookup:
    """Nests of tensors by integer keys: one table per tensor."""

    def __init__(
        self,
        default_values: TensorLike,
        empty_key: int,
        deleted_key: int,
        name: str,
        checkpoint: bool,
    ) -> None:
        self._structure = default_values
        flat = [tf.convert_to_tensor(value) for value in tf.nest.flatten(default_values)]
        self._shapes = [value.shape for value in flat]
        self._tables = [
            tf.lookup.experimental.DenseHashTable(
                tf.int64, value.dtype.base_dtype, tf.reshape(value, [-1]), empty_key, deleted_key,
                name=f"{name}_{number}", checkpoint=checkpoint,
            )
            for number, value in enumerate(flat)
        ]  # fmt: skip

    def lookup(self, keys: TensorLike) -> Structure:
        """A nest of [N, ...] for int64 keys [N]; the defaults where a key is new."""
        known_statistics = [
            tf.reshape(table.lookup(keys), [-1, *shape.as_list()])
            for table, shape in zip(self._tables, self._shapes, strict=True)
        ]
        return tf.nest.pack_sequence_as(self._structure, known_statistics)

    def insert(self, keys: TensorLike, values: TensorLike) -> Operation:
        """An operation that stores a nest of [N, T, ...] under keys [N, T], later ones last."""
        flat = [tf.identity(value) for value in tf.nest.flatten(values)]
        with tf.control_dependencies(flat):  # what one table gives may be what another takes
            return tf.group(
                *(
                    table.insert(tf.reshape(keys, [-1]), tf.reshape(value, [tf.size(keys), -1]))
                    for table, value in zip(self._tables, flat, strict=True)
                )
            )


class InputStatisticsFromMiniBatch:
    """Gathers InputStatistics in variables, from each batch of training.

    ``starting_variance_window_size`` is how many times make the beginning of a series.
    """

    def __init__(
        self, num_features: int, dtype: DTypeLike, starting_variance_window_size: int = 16
    ) -> None:
        self._features = num_features
        self._dtype = dtype
        self._beginning = starting_variance_window_size

    def initialize_graph(
        self, features: Mapping[str, Tensor], update_statistics: bool = True
    ) -> InputStatistics:
        """The statistics, after this batch's update where one is wanted and can be made."""
        with tf.variable_scope("input_statistics", use_resource=True):
            known = self._statistics()
        with tf.variable_scope("input_statistics_auxiliary", use_resource=True):
            sums = self._sums()
        if not (update_statistics and TIMES in features and VALUES in features):
            return known
        times, values = features[TIMES], tf.cast(features[VALUES], self._dtype)
        with tf.control_dependencies([self._update(known, sums, times, values)]):
            known_statistics: InputStatistics = tf.nest.map_structure(tf.identity, known)
        return known_statistics._replace(
            start_time=tf.minimum(known_statistics.start_time, tf.reduce_min(times))
        )

    def _variable(
        self, name: str, initial: TensorLike, dtype: DTypeLike | None = None, vector: bool = False
    ) -> Variable:
        return tf.get_variable(
            name,
            [self._features] if vector else [],
            dtype or self._dtype,
            tf.constant_initializer(initial),
            trainable=False,
        )

    def _statistics(self) -> InputStatistics:
        start = Moments(
            self._variable("series_start_mean", 0, vector=True),
            self._variable("series_start_variance", 1, vector=True),
        )
        overall = Moments(
            self._variable("overall_feature_mean", 0, vector=True),
            self._variable("overall_feature_var", 1, vector=True),
        )
        first = self._variable("start_time", tf.int64.max, tf.int64)
        count = self._variable("total_observation_count", 1, tf.int64)
        return InputStatistics(start, overall, first, count)

    def _sums(self) -> dict[str, Tensor]:
        """What the statistics are computed from."""
        return {
            "last": self._variable("max_time_seen", tf.int64.min, tf.int64),
            "windows": self._variable("chunk_count", 0, tf.int64),
            "durations": self._variable("inter_observation_duration_sum", 0),
            "count": self._variable("example_count", 0, tf.int64),
            "values": self._variable("overall_feature_sum", 0, vector=True),
            "squares": self._variable("overall_feature_sum_of_squares", 0, vector=True),
        }

    def _update(
        self, known: InputStatistics, sums: dict[str, Tensor], times: TensorLike, values: TensorLike
    ) -> Operation:
        size = tf.shape(times, out_type=tf.int64)
        spans = tf.reduce_max(times, 1) - tf.reduce_min(times, 1)
        durations = tf.cast(spans, self._dtype) / tf.cast(size[1] - 1, self._dtype)
        added = [
            tf.assign(sums["last"], tf.maximum(sums["last"], tf.reduce_max(times))),
            tf.assign_add(sums["windows"], size[0]),
            tf.assign_add(sums["durations"], tf.reduce_sum(durations)),
            tf.assign_add(sums["count"], size[0] * size[1]),
            tf.assign_add(sums["values"], tf.reduce_sum(values, [0, 1])),
            tf.assign_add(sums["squares"], tf.reduce_sum(tf.square(values), [0, 1])),
        ]
        with tf.control_dependencies(added):
            count = tf.cast(sums["count"].read_value(), self._dtype)
            mean = sums["values"].read_value() / count
            spread = sums["squares"].read_value() / count - tf.square(mean)
            overall = known.overall_feature_moments
            moments = [
                tf.assign(overall.mean, mean),
                tf.assign(overall.variance, count / (count - 1.0) * spread),
            ]
            began = self._update_start(known, times, values)
            with tf.control_dependencies([began]):
                first = tf.minimum(known.start_time.read_value(), tf.reduce_min(times))
                start_time = tf.assign(known.start_time, first)
            apart = sums["durations"].read_value() / tf.cast(
                sums["windows"].read_value(), self._dtype
            )
            span = tf.cast(sums["last"].read_value() - first + 1, self._dtype)
            length = tf.cast(tf.round(span / apart), tf.int64)
            counted = tf.assign(known.total_observation_count, length)
        return tf.group(*moments, began, start_time, counted)

    def _update_start(
        self, known: InputStatistics, times: TensorLike, values: TensorLike
    ) -> Operation:
        """Takes the moments of the earliest window, where none was earlier."""
        earliest = tf.argmin(times[:, 0])

        def take() -> Operation:
            mean, variance = tf.nn.moments(values[earliest, : self._beginning], [0])
            start = known.series_start_moments
            return tf.group(tf.assign(start.mean, mean), tf.assign(start.variance, variance))

        is_first = times[earliest, 0] <= known.start_time.read_value()
        return tf.cond(is_first, take, tf.no_op)
