"""``tf.contrib.learn.datasets.base``: small tables in memory, from CSV files."""

from __future__ import annotations

import csv
import os
from typing import Any, NamedTuple

import numpy as np

from legacy_nets.errors import BadInputError, SetupError
from legacy_nets.types import DTypeLike


class Dataset(NamedTuple):
    """Rows [N, features] and what they shall give [N]."""

    data: Any
    target: Any


class Datasets(NamedTuple):
    """The three parts of a set."""

    train: Any
    validation: Any
    test: Any


def load_csv_with_header(
    filename: str, target_dtype: DTypeLike, features_dtype: DTypeLike, target_column: int = -1
) -> Dataset:
    """A CSV file whose first line begins with its number of rows and of features."""
    with open(filename, newline="", encoding="utf-8") as file:
        rows = csv.reader(file)
        head = next(rows, [])
        try:
            count, features = int(head[0]), int(head[1])
        except (IndexError, ValueError):
            raise BadInputError(
                f"{filename}: its first line must begin with the number of rows and of features: "
                "a file without that line is read by load_csv_without_header"
            ) from None
        data = np.zeros((count, features), features_dtype)
        target = np.zeros(count, target_dtype)
        for index, row in enumerate(rows):
            target[index] = np.asarray(row.pop(target_column), target_dtype)
            data[index] = np.asarray(row, features_dtype)
    return Dataset(data, target)


def load_csv_without_header(
    filename: str, target_dtype: DTypeLike, features_dtype: DTypeLike, target_column: int = -1
) -> Dataset:
    """A CSV file of nothing but rows."""
    with open(filename, newline="", encoding="utf-8") as file:
        rows = list(csv.reader(file))
    target = np.array([row.pop(target_column) for row in rows], target_dtype)
    return Dataset(np.array([np.asarray(row, features_dtype) for row in rows]), target)


def maybe_download(filename: str, work_directory: str, source_url: str) -> str:
    """The path of a file that is there already; nothing is downloaded.

    Raises BadInputError that names the missing file and its folder.
    """
    path = os.path.join(work_directory, filename)
    if not os.path.exists(path):
        raise BadInputError(f"no {path}: nothing is downloaded: put {source_url} there")
    return path


def load_iris(data_path: str | None = None) -> Dataset:
    """Iris: float64 [150, 4], int64 [150]; without a path, scikit-learn's copy."""
    if data_path is not None:
        return load_csv_with_header(data_path, np.int64, np.float64)
    try:
        from sklearn.datasets import load_iris
    except ImportError as error:
        raise SetupError(
            f"load_dataset('iris') needs scikit-learn's copy ({error}): pip install scikit-learn, "
            "or give data_path"
        ) from error
    data, target = load_iris(return_X_y=True)
    # scikit-learn has fixed two rows by the paper since; 1.15 had those of UCI's file.
    data[34], data[37] = (4.9, 3.1, 1.5, 0.1), (4.9, 3.1, 1.5, 0.1)
    return Dataset(data, target)


def load_boston(data_path: str | None = None) -> Dataset:
    """Boston's house prices: float64 [506, 13], float64 [506]; only from a file with a header."""
    if data_path is None:
        raise BadInputError(
            "load_dataset('boston'): scikit-learn has dropped these data: give data_path, a CSV "
            "file whose first line begins with 506,13"
        )
    return load_csv_with_header(data_path, np.float64, np.float64)
