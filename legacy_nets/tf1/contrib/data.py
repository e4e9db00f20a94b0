"""``tf.contrib.data``: what became ``tf.data.experimental``, and the few names that did not."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from tensorflow.compat.v1 import data

from legacy_nets.types import Dataset, ShapeLike, Structure, Tensor, TensorLike

Transformation = Callable[[Any], Any]
Optional = data.experimental.Optional


def __getattr__(name: str) -> Any:
    return getattr(data.experimental, name)


def batch_and_drop_remainder(batch_size: TensorLike) -> Transformation:
    """``dataset.apply(...)``: batches, without a last smaller one."""
    return lambda dataset: dataset.batch(batch_size, drop_remainder=True)


def padded_batch_and_drop_remainder(
    batch_size: TensorLike, padded_shapes: ShapeLike, padding_values: object = None
) -> Transformation:
    """``dataset.apply(...)``: padded batches, without a last smaller one."""
    return lambda dataset: dataset.padded_batch(
        batch_size, padded_shapes, padding_values, drop_remainder=True
    )


def sliding_window_batch(
    window_size: int, stride: int | None = None, window_shift: int | None = None,
    window_stride: int = 1,
) -> Transformation:  # fmt: skip
    """``dataset.apply(...)``: windows of elements, ``window_shift`` apart (``stride`` is its old
    name), each as one batch."""
    shift = window_shift or stride or 1

    def apply(dataset: Any) -> Dataset:
        windows = dataset.window(window_size, shift, window_stride, drop_remainder=True)
        return windows.flat_map(lambda window: window.batch(window_size))

    return apply


def sloppy_interleave(map_func: object, cycle_length: int, block_length: int = 1) -> Transformation:
    """``dataset.apply(...)``: interleaves without keeping the order."""
    return data.experimental.parallel_interleave(
        map_func, cycle_length, block_length=block_length, sloppy=True
    )


def reduce_dataset(dataset: Any, reducer: Any) -> Structure:
    """One value of a whole data set, by a ``Reducer``."""
    state = dataset.reduce(reducer.init_func(0), reducer.reduce_func)
    return reducer.finalize_func(state)


def read_batch_features(
    file_pattern: TensorLike,
    batch_size: int,
    features: Mapping[str, Tensor],
    reader: object = None,
    reader_args: object = None,
    randomize_input: bool = True,
    num_epochs: int | None = None,
    capacity: int = 10000,
) -> dict[str, Tensor]:
    """One batch of parsed ``tf.train.Example`` as tensors, from files."""
    dataset = data.experimental.make_batched_features_dataset(
        file_pattern,
        batch_size,
        features,
        reader or data.TFRecordDataset,
        reader_args=reader_args,
        num_epochs=num_epochs,
        shuffle=randomize_input,
        shuffle_buffer_size=capacity,
    )
    return data.make_one_shot_iterator(dataset).get_next()
