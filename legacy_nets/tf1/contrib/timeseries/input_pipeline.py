"""Input functions of ``tf.contrib.timeseries``: windows of a series, and times to predict for."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import tensorflow.compat.v1 as tf

from legacy_nets.errors import BadInputError
from legacy_nets.tf1.contrib.timeseries.feature_keys import FilteringResults, TrainEvalFeatures
from legacy_nets.tf1.contrib.timeseries.readers import (
    CSVReader,
    NumpyReader,
    ReaderBaseTimeSeriesParser,
    TFExampleReader,
    TimeSeriesReader,
)
from legacy_nets.types import Tensor, TensorLike

__all__ = [
    "CSVReader",
    "NumpyReader",
    "ReaderBaseTimeSeriesParser",
    "TFExampleReader",
    "TimeSeriesReader",
]


def _times_to_predict(last: TensorLike, steps: int | None, times: TensorLike) -> Tensor:
    """Integers [N, T] after the times [N, 1] that an evaluation ended with."""
    if (steps is None) == (times is None):
        raise BadInputError("say what to predict by one of steps and times, not both")
    if steps is not None:
        return last + 1 + np.arange(steps)
    chosen = np.array(times)
    if chosen.ndim != 2:
        chosen = chosen[np.newaxis]
    if len(chosen) != len(last):
        raise BadInputError(
            f"times are for {len(chosen)} series and the evaluation has {len(last)}: give as many"
        )
    if not np.all(last[:, 0] < chosen[:, 0]):
        raise BadInputError("times begin before the end of the evaluation: give later ones")
    return chosen


def predict_continuation_input_fn(
    evaluation: Mapping[str, TensorLike],
    steps: int | None = None,
    times: TensorLike | None = None,
    exogenous_features: Mapping[str, Tensor] | None = None,
) -> Callable[[], tuple[dict[str, Any], None]]:
    """An input function for ``predict``, which goes on where ``evaluate`` ended.

    Takes a number of steps or the times themselves, integers [T] or [N, T]; further features are
    [N, T, ...]. Raises BadInputError for both, for neither, and for times that do not follow.
    """
    features = {
        FilteringResults.STATE_TUPLE: evaluation[FilteringResults.STATE_TUPLE],
        FilteringResults.TIMES: _times_to_predict(
            evaluation[FilteringResults.TIMES][:, -1:], steps, times
        ),
        **(exogenous_features or {}),
    }

    def read() -> tuple[dict[str, Tensor], None]:
        once = tf.nest.map_structure(lambda value: tf.train.limit_epochs(value, 1), features)
        return once, None

    return read


class TimeSeriesInputFn:
    """An input function for an estimator, on a reader."""

    def create_batch(self) -> tuple[dict[str, Tensor], None]:
        """({name: tensor [N, T, ...]}, None)."""
        raise NotImplementedError("an input function needs a create_batch()")

    def __call__(self) -> tuple[dict[str, Tensor], None]:
        """As ``create_batch``, for an estimator."""
        return self.create_batch()


class WholeDatasetInputFn(TimeSeriesInputFn):
    """The whole series as a batch of one."""

    def __init__(self, time_series_reader: TimeSeriesReader) -> None:
        self._reader = time_series_reader

    def create_batch(self) -> tuple[dict[str, Tensor], None]:
        """({name: tensor [1, T, ...]}, None)."""
        return {name: value[None] for name, value in self._reader.read_full().items()}, None


class RandomWindowInputFn(TimeSeriesInputFn):
    """Batches of windows from a series, shuffled by queues.

    Windows whose times go back (from the end of the series to its beginning) are left out, or with
    ``discard_out_of_order=False`` are sorted; after ``discard_consecutive_batches_limit`` rounds
    without any good one comes tf.errors.OutOfRangeError. With ``jitter`` windows begin anywhere.
    Raises BadInputError where the reader knows that the series is shorter than a window.
    """

    def __init__(
        self,
        time_series_reader: TimeSeriesReader,
        window_size: int,
        batch_size: int,
        queue_capacity_multiplier: int = 1000,
        shuffle_min_after_dequeue_multiplier: int = 2,
        discard_out_of_order: bool = True,
        discard_consecutive_batches_limit: int = 1000,
        jitter: bool = True,
        num_threads: int | None = 2,
        shuffle_seed: int | None = None,
    ) -> None:
        time_series_reader.check_dataset_size(minimum_dataset_size=window_size)
        self._reader = time_series_reader
        self._window = window_size
        self._batch = batch_size
        self._capacity = queue_capacity_multiplier
        self._waiting = shuffle_min_after_dequeue_multiplier
        self._discard = discard_out_of_order
        self._limit = discard_consecutive_batches_limit
        self._jitter = jitter
        self._threads = batch_size if num_threads is None else num_threads
        self._seed = shuffle_seed

    def _windows(self) -> dict[str, Tensor]:
        """As many windows as a batch has, in their order."""
        records = self._reader.read()
        skipped = tf.random_uniform([], maxval=2, dtype=tf.int32) if self._jitter else 0
        count = self._window * self._batch
        queued = tf.train.batch(
            records,
            batch_size=count + skipped,
            num_threads=self._threads,
            capacity=self._capacity * count,
            enqueue_many=True,
        )
        shape = [self._batch, self._window]
        return {
            name: tf.reshape(value[skipped:], shape + value.shape[1:].as_list())
            for name, value in queued.items()
        }

    def _in_order(self, times: TensorLike) -> Tensor:
        """Bool [N]: which windows to keep."""
        good = tf.reduce_all(times[:, 1:] >= times[:, :-1], axis=1)
        discarded = tf.Variable(
            tf.constant(0, tf.int64), trainable=False, name="discarded_windows_limiter",
            use_resource=True, collections=[tf.GraphKeys.LOCAL_VARIABLES],
        )  # fmt: skip

        def count() -> Tensor:
            return tf.cond(
                tf.reduce_any(good),
                lambda: tf.assign(discarded, 0),
                lambda: tf.count_up_to(discarded, self._limit),
            )

        counted = tf.cond(  # queues begin to run before local variables have values
            tf.is_variable_initialized(discarded), count, lambda: tf.constant(0, tf.int64)
        )
        with tf.control_dependencies([counted]):
            return tf.identity(good)

    def create_batch(self) -> tuple[dict[str, Tensor], None]:
        """({name: tensor [batch_size, window_size, ...]}, None)."""
        windows = self._windows()
        times = windows[TrainEvalFeatures.TIMES]
        keep: Any = True
        if self._discard:
            keep = self._in_order(times)
        else:
            order = tf.argsort(times, axis=1, stable=True)
            windows = {
                name: tf.gather(value, order, batch_dims=1) for name, value in windows.items()
            }
        batches = tf.train.maybe_shuffle_batch(
            windows,
            batch_size=self._batch,
            capacity=self._capacity * self._batch,
            min_after_dequeue=self._waiting * self._batch,
            keep_input=keep,
            num_threads=self._threads,
            seed=self._seed,
            enqueue_many=True,
        )
        return batches, None
