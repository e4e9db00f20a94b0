"""Synthetic replacements for the data sets of ``keras.datasets``, in the files that Keras reads.

Output:  sizes, shapes, dtypes and value ranges are those of the real sets; the content is made
         up: digits, one pattern with noise per class, words drawn by rank, linear prices.
"""

from __future__ import annotations

import json
import pathlib
import pickle
from collections.abc import Callable

import numpy as np

from legacy_nets.data.mnist import IDX, write_idx
from legacy_nets.data.synthetic.digits import draw_shifted_digits
from legacy_nets.types import Array

IMAGES = (60_000, 10_000)  # training and test images of MNIST and Fashion-MNIST
CIFAR_BATCH = 10_000
IMDB_WORDS, REUTERS_WORDS = 88_584, 30_979
BOSTON_RANGES = (  # of the 13 columns; the fourth is 0 or 1
    (0.006, 89.0), (0, 100), (0.46, 27.7), (0, 1), (0.385, 0.871), (3.56, 8.78), (2.9, 100),
    (1.13, 12.1), (1, 24), (187, 711), (12.6, 22), (0.32, 396.9), (1.73, 37.97),
)  # fmt: skip


def write_mnist(path: pathlib.Path) -> None:
    """Writes ``mnist.npz``: x uint8 [60000 and 10000, 28, 28], y uint8."""
    (x_train, y_train), (x_test, y_test) = (
        draw_shifted_digits(count, seed) for seed, count in enumerate(IMAGES)
    )
    y_train, y_test = y_train.astype(np.uint8), y_test.astype(np.uint8)
    np.savez(path, x_train=x_train, y_train=y_train, x_test=x_test, y_test=y_test)


def _draw_patterns(labels: Array, side: int, channels: int, rng: np.random.Generator) -> Array:
    """Draws one pattern of squares for each label, with noise: uint8 [N, channels, side, side].

    Patterns depend on the label only.
    """
    cell = 4
    sizes = (int(labels.max()) + 1, channels, side // cell, side // cell)
    patterns = np.random.default_rng(sizes[1:]).integers(0, 128, sizes, np.uint8)
    patterns = patterns.repeat(cell, 2).repeat(cell, 3)
    noise = rng.integers(0, 128, (len(labels), channels, side, side), np.uint8)
    return noise + patterns[labels]


def write_fashion_mnist(folder: pathlib.Path) -> None:
    """Writes the four idx files of Fashion-MNIST: uint8 [60000 and 10000, 28, 28], 10 classes."""
    folder.mkdir()
    rng = np.random.default_rng(0)
    for (images, labels), count in zip(IDX.values(), IMAGES, strict=True):
        classes = rng.permutation(count) % 10
        write_idx(folder / f"{images}.gz", _draw_patterns(classes, 28, 1, rng)[:, 0])
        write_idx(folder / f"{labels}.gz", classes)


def _write_cifar_batch(
    path: pathlib.Path, count: int, classes: int, groups: int, rng: np.random.Generator
) -> None:
    """Pickles a batch: data uint8 [count, 3072], channels first, and labels as lists.

    ``groups``: number of coarse classes; 0 where the set has none (CIFAR-10).
    """
    labels = rng.permutation(count) % classes
    content: dict[bytes, object] = {
        b"data": _draw_patterns(labels, 32, 3, rng).reshape(count, -1),
        b"fine_labels" if groups else b"labels": labels.tolist(),
    }
    if groups:
        content[b"coarse_labels"] = (labels // (classes // groups)).tolist()
    path.write_bytes(pickle.dumps(content, protocol=4))


def write_cifar10(folder: pathlib.Path) -> None:
    """Writes the six batches of CIFAR-10: 50000 training and 10000 test images, 10 classes."""
    folder.mkdir()
    rng = np.random.default_rng(1)
    for name in (*(f"data_batch_{number}" for number in range(1, 6)), "test_batch"):
        _write_cifar_batch(folder / name, CIFAR_BATCH, 10, 0, rng)


def write_cifar100(folder: pathlib.Path) -> None:
    """Writes the two files of CIFAR-100: 100 fine classes, 20 coarse ones."""
    folder.mkdir()
    rng = np.random.default_rng(2)
    for name, count in (("train", 5 * CIFAR_BATCH), ("test", CIFAR_BATCH)):
        _write_cifar_batch(folder / name, count, 100, 20, rng)


def _draw_texts(labels: Array, words: int, median_length: int, rng: np.random.Generator) -> Array:
    """Draws lists of word ranks, 1 to ``words``: object [N]. Frequent words come as in language.

    One word of twenty is one of 40 that belong to the label.
    """
    lengths = np.exp(rng.normal(np.log(median_length), 0.6, len(labels)))
    lengths = np.clip(lengths, 10, 2500).astype(int)
    total = int(lengths.sum())
    ranks = np.exp(rng.random(total) * np.log(words + 1)).astype(np.int64)  # density ~ 1 / rank
    own = 20 + 40 * labels.repeat(lengths) + rng.integers(0, 40, total)
    ranks = np.where(rng.random(total) < 0.05, own, ranks)
    ranks[0] = words
    texts = np.empty(len(labels), object)
    texts[:] = [text.tolist() for text in np.split(ranks, np.cumsum(lengths)[:-1])]
    return texts


def write_imdb(path: pathlib.Path) -> None:
    """Writes ``imdb.npz``: 25000 training and 25000 test reviews, labels 0 and 1."""
    rng = np.random.default_rng(3)
    y_train, y_test = rng.permutation(25_000) % 2, rng.permutation(25_000) % 2
    x_train, x_test = (_draw_texts(labels, IMDB_WORDS, 175, rng) for labels in (y_train, y_test))
    np.savez(path, x_train=x_train, y_train=y_train, x_test=x_test, y_test=y_test)


def write_reuters(path: pathlib.Path) -> None:
    """Writes ``reuters.npz``: 11228 newswires with labels 0 to 45."""
    rng = np.random.default_rng(4)
    labels = rng.permutation(11_228) % 46
    np.savez(path, x=_draw_texts(labels, REUTERS_WORDS, 95, rng), y=labels)


def _make_word_index_writer(words: int) -> Callable[[pathlib.Path], None]:
    """Makes a function that writes an index: word -> rank, 1 to ``words``."""

    def write(path: pathlib.Path) -> None:
        path.write_text(json.dumps({f"word{rank}": rank for rank in range(1, words + 1)}))

    return write


def write_boston_housing(path: pathlib.Path) -> None:
    """Writes ``boston_housing.npz``: x float64 [506, 13], y float64 [506] between 5 and 50."""
    rng = np.random.default_rng(5)
    unit = rng.beta(2, 3, (506, 13))
    unit[:, 3] = unit[:, 3] > 0.7
    low, high = np.array(BOSTON_RANGES).T
    prices = 22.5 + unit @ rng.normal(0, 12, 13) + rng.normal(0, 2, 506)
    prices = np.clip(prices - prices.mean() + 22.5, 5, 50).round(1)
    np.savez(path, x=low + unit * (high - low), y=prices)


WRITERS: dict[str, Callable[[pathlib.Path], None]] = {  # by file or folder in ~/.keras/datasets
    "mnist.npz": write_mnist,
    "fashion-mnist": write_fashion_mnist,
    "cifar-10-batches-py": write_cifar10,
    "cifar-100-python": write_cifar100,
    "imdb.npz": write_imdb,
    "imdb_word_index.json": _make_word_index_writer(IMDB_WORDS),
    "reuters.npz": write_reuters,
    "reuters_word_index.json": _make_word_index_writer(REUTERS_WORDS),
    "boston_housing.npz": write_boston_housing,
}
