"""Reads a split in advance: several files are decoded while the net works on a batch."""

from __future__ import annotations

import collections
import contextlib
from collections.abc import Iterable, Iterator

import numpy as np

from legacy_nets import tf1 as tf
from legacy_nets.data.splits import FileSplit, Images, Split
from legacy_nets.types import Array

READERS = 2  # files decoded at the same time
READ_AHEAD = 8  # pictures or clips decoded before they are asked for


def read_ahead(split: Split, batches: Iterable[Array]) -> Iterator[Images]:
    """Reads the pictures of each array of indices in turn, as ``split.read`` does.

    Of a split in files, memory holds a batch and ``READ_AHEAD`` more pictures. Raises what
    loading a picture raises.
    """
    return _stream_files(split, batches) if isinstance(split, FileSplit) else split.read(batches)


def _stream_files(split: FileSplit, batches: Iterable[Array]) -> Iterator[Images]:
    """Decodes the files of a split by tf.data, in a graph of its own."""
    requested: collections.deque[Array] = collections.deque()  # batches under way
    errors: list[BaseException] = []  # TensorFlow would keep only their text, and print it

    def generate_indices() -> Iterator[int]:
        try:
            for indices in batches:
                requested.append(indices)
                yield from indices.tolist()
        except BaseException as error:
            errors.append(error)

    def load(index: Array) -> Array:
        try:
            return split.load_picture(int(index))
        except BaseException as error:
            errors.append(error)
            return np.zeros(0, np.float32 if split.exact else np.uint8)

    dtype = tf.float32 if split.exact else tf.uint8
    graph = tf.Graph()  # left before the first batch: the caller has a graph of its own
    with graph.as_default():
        dataset = tf.data.Dataset.from_generator(
            generate_indices, output_signature=tf.TensorSpec([], tf.int64)
        )
        dataset = dataset.map(
            lambda index: tf.numpy_function(load, [index], dtype), num_parallel_calls=READERS
        ).prefetch(READ_AHEAD)
        iterator = tf.data.make_initializable_iterator(dataset)
        next_picture = iterator.get_next()
    with contextlib.closing(tf.Session(graph=graph)) as session:
        session.run(iterator.initializer)
        try:
            while True:
                pictures = [session.run(next_picture)]
                indices = requested.popleft()
                pictures += [session.run(next_picture) for _ in indices[1:]]
                if not all(picture.size for picture in pictures):
                    raise errors[0]
                yield Images(np.stack(pictures), split.labels[indices])
        except tf.errors.OutOfRangeError:
            if errors:
                raise errors[0] from None
