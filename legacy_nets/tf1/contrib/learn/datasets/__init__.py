"""``tf.contrib.learn.datasets``."""

from __future__ import annotations

from collections.abc import Callable

from legacy_nets.tf1.contrib.learn.datasets import base, mnist
from legacy_nets.tf1.contrib.learn.datasets.base import Dataset, Datasets

__all__ = [
    "base",
    "mnist",
]

load_iris = base.load_iris
load_boston = base.load_boston
DATASETS: dict[str, Callable[[], Dataset | Datasets]] = {
    "iris": load_iris,
    "boston": load_boston,
    "mnist": mnist.load_mnist,
}


def load_dataset(
    name: str, size: str = "small", test_with_fake_data: bool = False
) -> Dataset | Datasets:
    """One of DATASETS; raises ValueError for any other name (dbpedia is not offered)."""
    if name not in DATASETS:
        raise ValueError(f"Name of dataset is not found: {name}; there are {', '.join(DATASETS)}")
    return DATASETS[name]()
