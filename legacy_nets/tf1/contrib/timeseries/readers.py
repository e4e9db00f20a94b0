"""Readers of ``tf.contrib.timeseries``: a series from arrays, CSV files or TFRecord files.

Each reads a part (``read``) or all (``read_full``) of one series as {name: tensor [T, ...]}.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import tensorflow.compat.v1 as tf

from legacy_nets.errors import BadInputError
from legacy_nets.tf1 import estimator
from legacy_nets.tf1.contrib.timeseries.feature_keys import TrainEvalFeatures
from legacy_nets.types import DTypeLike, ReaderBase, Structure, Tensor, TensorLike

TIMES, VALUES = TrainEvalFeatures.TIMES, TrainEvalFeatures.VALUES


def _check_names(names: TensorLike) -> None:
    for name in (TIMES, VALUES):
        if name not in names:
            raise BadInputError(f"a time series needs {name!r}, and got {sorted(names)}: add it")


def one_series(data: Mapping[str, TensorLike]) -> dict[str, Tensor]:
    """Arrays as [T, ...], where values are [T, F].

    Times are [T] or [1, T]; values have a last axis of their own or, with one feature, none.
    Raises BadInputError where names lack or shapes do not begin as that of the times.
    """
    arrays = {name: np.array(value) for name, value in data.items()}
    _check_names(arrays)
    shape = arrays[TIMES].shape
    for name, array in arrays.items():
        if array.shape[: len(shape)] != shape:
            raise BadInputError(
                f"{name!r} has the shape {array.shape}, which must begin with that of {TIMES!r}, "
                f"{shape}: put the times first"
            )
    if len(shape) > 2 or (len(shape) == 2 and shape[0] != 1):
        raise BadInputError(f"{TIMES!r} has the shape {shape}: give one series, [length]")
    arrays = {
        name: array.reshape(shape[-1:] + array.shape[len(shape) :]) if shape else array[np.newaxis]
        for name, array in arrays.items()
    }
    if arrays[VALUES].ndim == 1:
        arrays[VALUES] = arrays[VALUES][:, np.newaxis]
    if arrays[VALUES].ndim != 2:
        raise BadInputError(f"{VALUES!r} has the shape {arrays[VALUES].shape}: give [T, F] or [T]")
    return arrays


class TimeSeriesReader:
    """What an input function reads from."""

    def check_dataset_size(self, minimum_dataset_size: int) -> None:
        """Raises BadInputError where it is known that there are fewer records than that."""

    def read(self) -> dict[str, Tensor]:
        """The next records; after the last come the first again."""
        raise NotImplementedError("a reader needs a read()")

    def read_full(self) -> dict[str, Tensor]:
        """All records, each time that the tensors are run."""
        raise NotImplementedError("a reader needs a read_full()")


class NumpyReader(TimeSeriesReader):
    """A series in arrays: times [T], values [T] or [T, F], further features [T, ...]."""

    def __init__(self, data: Mapping[str, TensorLike], read_num_records_hint: int = 4096) -> None:
        self._arrays = one_series(data)
        self._at_once = read_num_records_hint

    def check_dataset_size(self, minimum_dataset_size: int) -> None:
        """Raises BadInputError for a series shorter than that."""
        length = len(self._arrays[TIMES])
        if length < minimum_dataset_size:
            raise BadInputError(
                f"the series has {length} records and the windows {minimum_dataset_size}: take "
                "smaller windows or give more records"
            )

    def _queue(self, arrays: dict[str, Structure], batch_size: int, **options: object) -> Tensor:
        build = estimator.inputs.numpy_input_fn(
            arrays, batch_size=batch_size, num_epochs=None, shuffle=False, **options
        )
        return build()

    def read(self) -> dict[str, Tensor]:
        """The next ``read_num_records_hint`` records."""
        batch: dict[str, Any] = self._queue(self._arrays, self._at_once)
        return batch

    def read_full(self) -> dict[str, Tensor]:
        """The whole series."""
        full_series = {name: array[np.newaxis] for name, array in self._arrays.items()}
        batch = self._queue(full_series, 1, queue_capacity=2)  # each entry is a copy of the series
        return {name: tf.squeeze(value, 0) for name, value in batch.items()}


class ReaderBaseTimeSeriesParser(TimeSeriesReader):
    """A series in files, record by record; subclasses read and parse the records."""

    def __init__(self, filenames: TensorLike, read_num_records_hint: int = 4096) -> None:
        self._filenames = filenames
        self._at_once = read_num_records_hint

    def _get_reader(self) -> ReaderBase:
        """Returns a reader such as ``tf.TextLineReader``."""
        raise NotImplementedError("a reader of files needs a _get_reader()")

    def _process_records(self, lines: TensorLike) -> dict[str, Tensor]:
        """Strings [T] to {name: tensor [T, ...]}."""
        raise NotImplementedError("a reader of files needs a _process_records()")

    def _names(self, limit: int) -> tuple[Tensor, Tensor]:
        """A queue of file names without end, and what to run before each read.

        Files without any record would be opened for ever: more than ``limit`` rounds within one
        read raise tf.errors.OutOfRangeError.
        """
        rounds = tf.Variable(
            tf.constant(0, tf.int64), trainable=False, name="epoch_limiter", use_resource=True,
            collections=[tf.GraphKeys.LOCAL_VARIABLES],
        )  # fmt: skip
        names = tf.reshape(tf.convert_to_tensor(self._filenames), [-1])
        counted = tf.cond(  # queues begin to run before local variables have values
            tf.is_variable_initialized(rounds),
            lambda: tf.count_up_to(rounds, limit),
            lambda: tf.constant(0, tf.int64),
        )
        with tf.control_dependencies([counted]):
            names = tf.identity(names)
        queue = tf.train.string_input_producer(names, shuffle=False, capacity=1)
        return queue, tf.assign(rounds, 0)

    def read(self) -> dict[str, Tensor]:
        """The next ``read_num_records_hint`` records, or fewer."""
        queue, reset = self._names(self._at_once)
        reader = self._get_reader()
        with tf.control_dependencies([reset]):
            _, records = reader.read_up_to(queue, self._at_once)
        return self._process_records(records)

    def read_full(self) -> dict[str, Tensor]:
        """The records of all files: up to the one that is called as the first was."""
        queue, reset = self._names(2)
        reader = self._get_reader()
        with tf.control_dependencies([reset]):
            first, record = reader.read_up_to(queue, 1)

        def goes_on(key: TensorLike, *_rest: object) -> Tensor:
            return tf.not_equal(tf.squeeze(key, 0), tf.squeeze(first, 0))

        def collect(
            _key: object, record: TensorLike, count: TensorLike, records: TensorLike
        ) -> tuple[Tensor, ...]:
            with tf.control_dependencies([record]):
                key, following = reader.read_up_to(queue, 1)
            key.set_shape([1])
            following.set_shape([1])
            return key, following, count + 1, records.write(count, record)

        record.set_shape([1])
        collected = tf.TensorArray(tf.string, 0, dynamic_size=True, element_shape=[1])
        *_, collected = tf.while_loop(
            goes_on, collect, [tf.constant([""]), record, 0, collected], parallel_iterations=1
        )
        records = collected.concat()
        with tf.control_dependencies([records]):
            begin_anew = reader.reset()
        with tf.control_dependencies([begin_anew]):
            return self._process_records(tf.identity(records))


class CSVReader(ReaderBaseTimeSeriesParser):
    """A series in CSV files, one record a line.

    ``column_names`` holds "times" once and "values" once per feature. Types are int64 for times
    and float32 for others, unless ``column_dtypes`` is given. Raises BadInputError where the names
    lack one of the two or do not match the types.
    """

    def __init__(
        self,
        filenames: TensorLike,
        column_names: Sequence[str] = (TIMES, VALUES),
        column_dtypes: Sequence[DTypeLike] | None = None,
        skip_header_lines: int | None = None,
        read_num_records_hint: int = 4096,
    ) -> None:
        _check_names(column_names)
        if list(column_names).count(TIMES) != 1:
            raise BadInputError(f"column_names has {TIMES!r} more than once: name it once")
        if column_dtypes is not None and len(column_dtypes) != len(column_names):
            raise BadInputError(
                f"column_dtypes has {len(column_dtypes)} entries and column_names "
                f"{len(column_names)}: give one type per column"
            )
        self._columns = list(column_names)
        self._types = column_dtypes
        self._skip = skip_header_lines
        super().__init__(filenames, read_num_records_hint)

    def _get_reader(self) -> ReaderBase:
        return tf.TextLineReader(skip_header_lines=self._skip)

    def _process_records(self, lines: TensorLike) -> dict[str, Tensor]:
        if self._types is None:  # an empty time counts as 0, an empty value is an error
            defaults = [
                tf.zeros([1], tf.int64) if name == TIMES else tf.zeros([0])
                for name in self._columns
            ]
        else:
            defaults = [tf.zeros([1], dtype) for dtype in self._types]
        batch: dict[str, list[Any]] = {}
        for name, column in zip(self._columns, tf.decode_csv(lines, defaults), strict=True):
            batch.setdefault(name, []).append(column)
        return {
            name: columns[0] if name == TIMES else tf.stack(columns, 1)
            for name, columns in batch.items()
        }


class TFExampleReader(ReaderBaseTimeSeriesParser):
    """A series in TFRecord files; ``features`` is what ``tf.parse_example`` is to read."""

    def __init__(self, filenames: TensorLike, features: Mapping[str, Tensor]) -> None:
        _check_names(features)
        self._features = features
        super().__init__(filenames)

    def _get_reader(self) -> ReaderBase:
        return tf.TFRecordReader()

    def _process_records(self, lines: TensorLike) -> dict[str, Tensor]:
        batch: dict[str, Any] = tf.parse_example(lines, self._features)
        return batch
