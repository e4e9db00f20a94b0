"""Reads the pictures of TFRecords for training by tf.data: TensorFlow decodes and resizes ahead.

The records of a batch are those that are asked for, wherever they are in the files: the order is
that of any other data set, so a run that is continued misses no picture and sees none twice.
"""

from __future__ import annotations

import collections
import contextlib
import sys
from collections.abc import Iterable, Iterator

import numpy as np

from legacy_nets import tf1 as tf
from legacy_nets.data.ahead import count_readers
from legacy_nets.data.preprocessing import INCEPTION_CROP, LUMA
from legacy_nets.data.records.encoding import encode_file
from legacy_nets.data.records.split import RecordSplit
from legacy_nets.data.splits import Images
from legacy_nets.types import Array, Tensor


def read_records(split: RecordSplit, batches: Iterable[Array]) -> Iterator[Images]:
    """Reads the pictures of each array of indices in turn: uint8 [N, height, width, channels].

    They are those that ``split.read`` reads, to at most 1 of 255: TensorFlow decodes the same
    JPEG and PNG files, and rounds where Pillow rounds twice. Raises what ``batches`` raises, after
    the pictures of what it gave before, and BadInputError for a picture that cannot be read.
    """
    remaining = iter(batches)
    requested: collections.deque[Array] = collections.deque()  # batches under way
    problems: list[Exception] = []

    def read_files() -> Array:
        """Reads the files of the next batch; none where there is no more."""
        try:
            indices = next(remaining, None)
            if indices is None:
                return np.empty(0, object)
            paths = [split.paths[index] for index in indices.tolist()]
            files = [encode_file(path, split.read_file(path))[0] for path in paths]
        except Exception as error:  # it is raised below, after the batches before it
            problems.append(error)
            return np.empty(0, object)
        requested.append(indices)
        return np.array(files, object)

    def decode(encoded: Tensor) -> Tensor:
        picture = tf.image.decode_jpeg(encoded, 3, dct_method="INTEGER_ACCURATE")  # PNG, too
        picture = _convert_channels(picture, split.channels)
        resized = _crop_and_resize(picture, split.preprocessing, *split.size)
        return tf.cast(tf.round(resized), tf.uint8)

    def decode_all(files: Tensor) -> Tensor:
        return tf.map_fn(decode, files, fn_output_signature=tf.uint8)

    with tf.Graph().as_default() as graph:
        pictures = (
            tf.data.Dataset.range(sys.maxsize)
            .map(lambda _: tf.numpy_function(read_files, [], tf.string))
            .take_while(lambda files: tf.size(files) > 0)
            .map(decode_all, count_readers())
            .prefetch(1)
        )
        iterator = tf.data.make_initializable_iterator(pictures)
        batch = iterator.get_next()
    on_cpu = tf.ConfigProto(device_count={"GPU": 0})
    with contextlib.closing(tf.Session(graph=graph, config=on_cpu)) as session:
        session.run(iterator.initializer)
        read = session.make_callable(batch)
        while True:
            try:
                decoded = read()
            except tf.errors.OutOfRangeError:
                break
            except tf.errors.InvalidArgumentError:  # Pillow reads it, or names it
                [(decoded, _)] = split.read([requested[0]])
            yield Images(decoded, split.labels[requested.popleft()])
    if problems:
        raise problems[0]


def _convert_channels(picture: Tensor, channels: int) -> Tensor:
    """``preprocessing.convert_channels`` of a tensor of three channels."""
    if channels == 3:
        return picture
    grey = tf.tensordot(tf.cast(picture, tf.float32), tf.constant(LUMA), 1)
    return tf.cast(tf.round(grey), tf.uint8)[..., None]


def _crop_and_resize(picture: Tensor, preprocessing: str, height: int, width: int) -> Tensor:
    """``preprocessing.crop_and_resize`` of a tensor, uint8 [H, W, C]: float32."""
    if preprocessing in ("unit", "vgg_whole"):
        return _resize_antialiased(picture, (height, width))
    sides = tf.shape(picture)[:2]
    lengths = tf.cast(sides, tf.float64)
    if preprocessing == "inception":
        start = tf.cast((lengths - lengths * INCEPTION_CROP) / 2, tf.int32)
        end = sides - start
        middle = picture[start[0] : end[0], start[1] : end[1]]
        return _resize_bilinear(middle, (height, width))
    if preprocessing == "kinetics":
        tall, wide = 128 * height // 112, 171 * width // 112
        resized = tf.round(_resize_bilinear(picture, (tall, wide), half_pixels=True))
        top, left = round((tall - height) / 2), round((wide - width) / 2)
        return resized[top : top + height, left : left + width]
    short = 256 * max(height, width) // 224
    shorter = tf.reduce_min(lengths)
    if preprocessing == "imagenet":
        sizes = tf.cast(short * lengths / shorter, tf.int32)
        starts = tf.cast(tf.round(tf.cast(sizes - [height, width], tf.float64) / 2), tf.int32)
        resized = _resize_antialiased(picture, sizes)
    else:
        sizes = tf.cast(lengths * (short / shorter), tf.int32)
        starts = (sizes - [height, width]) // 2
        resized = _resize_bilinear(picture, sizes)
    return tf.slice(resized, [starts[0], starts[1], 0], [height, width, -1])


def _resize_antialiased(picture: Tensor, size: Tensor | tuple[int, int]) -> Tensor:
    """Resizes by a triangle filter, as Pillow does."""
    old = tf.cast(tf.shape(picture)[:2], tf.float32)
    return tf.raw_ops.ScaleAndTranslate(
        images=tf.cast(picture, tf.float32)[None],
        size=size,
        scale=tf.cast(size, tf.float32) / old,
        translation=[0.0, 0.0],
        kernel_type="triangle",
        antialias=True,
    )[0]


def _resize_bilinear(
    picture: Tensor, size: Tensor | tuple[int, int], half_pixels: bool = False
) -> Tensor:
    return tf.raw_ops.ResizeBilinear(
        images=picture[None], size=size, half_pixel_centers=half_pixels
    )[0]
