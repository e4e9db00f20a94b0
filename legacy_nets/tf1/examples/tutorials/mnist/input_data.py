"""``tf.examples.tutorials.mnist.input_data``: ``read_data_sets`` and what it is made of."""

from __future__ import annotations

from legacy_nets.tf1.contrib.learn.datasets.mnist import (
    DataSet,
    dense_to_one_hot,
    extract_images,
    extract_labels,
    load_mnist,
    read_data_sets,
)

__all__ = [
    "DataSet",
    "dense_to_one_hot",
    "extract_images",
    "extract_labels",
    "load_mnist",
    "read_data_sets",
]
