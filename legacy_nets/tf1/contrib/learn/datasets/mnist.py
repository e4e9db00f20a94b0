"""``tf.contrib.learn.datasets.mnist``: MNIST in memory, in batches as 1.15 shuffled them.

Nothing is downloaded. ``read_data_sets`` reads the idx files or ``mnist.npz`` of the script's
folder, or of the folder that ``legacy-nets run --data FOLDER`` names; with ``--data synthetic`` it
reads synthetic digits where there are none.
"""

from __future__ import annotations

import gzip
import pathlib
import sys
from typing import Any, BinaryIO

import numpy as np
import tensorflow.compat.v1 as tf

from legacy_nets import run_options
from legacy_nets.data import mnist as files
from legacy_nets.data.synthetic import cache, keras_files
from legacy_nets.errors import BadInputError
from legacy_nets.tf1.contrib.learn.datasets.base import Datasets
from legacy_nets.types import DTypeLike, Tensor, TensorLike

DEFAULT_SOURCE_URL = "https://storage.googleapis.com/cvdf-datasets/mnist/"


def dense_to_one_hot(labels_dense: np.ndarray, num_classes: int) -> np.ndarray:
    """Labels int [N] as float64 [N, num_classes]."""
    return np.eye(num_classes)[labels_dense]


def _read_idx(file: BinaryIO, magic: int, content_name: str) -> np.ndarray:
    """The integers of the head after the magic number, and the bytes, of a gzipped idx file."""
    with gzip.GzipFile(fileobj=file) as stream:
        content = stream.read()
    number = int.from_bytes(content[:4], "big")
    if number != magic:
        raise ValueError(f"Invalid magic number {number} in MNIST {content_name} file: {file.name}")
    sizes = np.frombuffer(content, ">u4", count=magic % 256, offset=4).astype(int)
    data = np.frombuffer(content, np.uint8, offset=4 + 4 * len(sizes))
    return data[: sizes.prod()].reshape(sizes)


def extract_images(f: BinaryIO) -> np.ndarray:
    """Images uint8 [N, H, W, 1] of an open gzipped idx file."""
    return _read_idx(f, files.IMAGES_MAGIC, "image")[..., None]


def extract_labels(f: BinaryIO, one_hot: bool = False, num_classes: int = 10) -> np.ndarray:
    """Labels uint8 [N], or float64 [N, num_classes], of an open gzipped idx file."""
    labels = _read_idx(f, files.LABELS_MAGIC, "label")
    return dense_to_one_hot(labels, num_classes) if one_hot else labels


class DataSet:
    """Images and labels, given out in batches.

    The order is drawn from numpy's global generator, which the constructor seeds: with ``seed``
    (or the graph's seed, where there is one) the batches are those of TensorFlow 1.15.
    """

    def __init__(
        self,
        images: TensorLike,
        labels: TensorLike,
        fake_data: bool = False,
        one_hot: bool = False,
        dtype: DTypeLike = tf.float32,
        reshape: bool = True,
        seed: int | None = None,
    ) -> None:
        graph_seed, op_seed = tf.get_seed(seed)
        np.random.seed(graph_seed if seed is None else op_seed)
        dtype = tf.as_dtype(dtype).base_dtype
        if dtype not in (tf.uint8, tf.float32):
            raise TypeError(f"Invalid image dtype {dtype!r}, expected uint8 or float32")
        if fake_data:
            self._num_examples = 10000
            self.one_hot = one_hot
        else:
            if len(images) != len(labels):
                raise AssertionError(f"images.shape: {images.shape} labels.shape: {labels.shape}")
            self._num_examples = len(images)
            if reshape:
                count, height, width, depth = images.shape
                assert depth == 1, f"images.shape: {images.shape}: reshape wants one channel"
                images = images.reshape(count, height * width)
            if dtype == tf.float32:
                images = np.multiply(images, np.float32(1.0 / 255.0), dtype=np.float32)
        self._images = images
        self._labels = labels
        self._epochs_completed = 0
        self._index_in_epoch = 0

    @property
    def images(self) -> np.ndarray:
        """Float32 in [0, 1] or uint8; [N, H * W] or [N, H, W, 1]; in the present order."""
        return self._images

    @property
    def labels(self) -> np.ndarray:
        """Uint8 [N], or float64 [N, 10]; in the present order."""
        return self._labels

    @property
    def num_examples(self) -> int:
        """N."""
        return self._num_examples

    @property
    def epochs_completed(self) -> int:
        """How often all examples have been given out."""
        return self._epochs_completed

    def _shuffle(self) -> None:
        order = np.arange(self._num_examples)
        np.random.shuffle(order)
        self._images, self._labels = self._images[order], self._labels[order]

    def next_batch(
        self, batch_size: int, fake_data: bool = False, shuffle: bool = True
    ) -> tuple[Tensor, Tensor]:
        """The next examples; an epoch's rest and the next epoch's first share a batch."""
        if fake_data:
            label: Any = [1] + [0] * 9 if self.one_hot else 0
            return [[1] * 784 for _ in range(batch_size)], [label for _ in range(batch_size)]
        start = self._index_in_epoch
        if shuffle and start == 0 and self._epochs_completed == 0:
            self._shuffle()
        end = start + batch_size
        if end <= self._num_examples:
            self._index_in_epoch = end
            return self._images[start:end], self._labels[start:end]
        self._epochs_completed += 1
        rest = self._images[start:], self._labels[start:]
        if shuffle:
            self._shuffle()
        self._index_in_epoch = end = end - self._num_examples
        images, labels = (
            np.concatenate(halves)
            for halves in zip(rest, (self._images[:end], self._labels[:end]), strict=True)
        )
        return images, labels


def _read(folder: str) -> tuple[Tensor, Tensor]:
    """Training and test half, each with ``.pictures`` uint8 [N, H, W, 1] and ``.labels``."""
    is_synthetic = run_options.data == run_options.SYNTHETIC
    folders = [folder] if is_synthetic or run_options.data is None else [run_options.data, folder]
    for each in map(pathlib.Path, folders):
        if each.exists() and files.is_mnist(each):
            return files.read_mnist(each)
    if not is_synthetic:
        raise BadInputError(
            f"no MNIST at {' or '.join(folders)}: nothing is downloaded: {files.INSTRUCTION}; or "
            "run it with legacy-nets run --data synthetic or --data FOLDER"
        )
    print(f"legacy-nets: no MNIST at {folder}: synthetic digits replace it", file=sys.stderr)
    return files.read_mnist(cache.keep_data(files.NPZ, keras_files.write_mnist))


def read_data_sets(
    train_dir: str, fake_data: bool = False, one_hot: bool = False, dtype: DTypeLike = tf.float32,
    reshape: bool = True, validation_size: int = 5000, seed: int | None = None,
    source_url: str = DEFAULT_SOURCE_URL,
) -> Datasets:  # fmt: skip
    """(train, validation, test) of the MNIST in a folder; ``source_url`` is not used.

    Raises BadInputError, which names the expected files, where there is no MNIST.
    """
    if fake_data:
        return Datasets(
            *(DataSet([], [], True, one_hot, dtype=dtype, seed=seed) for _ in Datasets._fields)
        )
    halves = []
    for half in _read(str(train_dir)):
        labels = half.labels.astype(np.uint8)
        halves.append((half.pictures, dense_to_one_hot(labels, 10) if one_hot else labels))
    (images, labels), test = halves
    if not 0 <= validation_size <= len(images):
        raise ValueError(
            f"Validation size should be between 0 and {len(images)}. Received: {validation_size}."
        )
    cut = slice(validation_size, None), slice(validation_size)
    parts = [(images[part], labels[part]) for part in cut]
    options: dict[str, Any] = {"dtype": dtype, "reshape": reshape, "seed": seed}
    return Datasets(*(DataSet(*part, **options) for part in (*parts, test)))


def load_mnist(train_dir: str = "MNIST-data") -> Datasets:
    """``read_data_sets`` of the folder that 1.15 took by itself."""
    return read_data_sets(train_dir)
