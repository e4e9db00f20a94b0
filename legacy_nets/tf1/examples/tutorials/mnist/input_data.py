"""``tf.examples.tutorials.mnist.input_data``: ``read_data_sets`` and what it is made of."""

from __future__ import annotations

from legacy_nets.tf1.contrib.learn.datasets.mnist import DataSet as DataSet
from legacy_nets.tf1.contrib.learn.datasets.mnist import dense_to_one_hot as dense_to_one_hot
from legacy_nets.tf1.contrib.learn.datasets.mnist import extract_images as extract_images
from legacy_nets.tf1.contrib.learn.datasets.mnist import extract_labels as extract_labels
from legacy_nets.tf1.contrib.learn.datasets.mnist import load_mnist as load_mnist
from legacy_nets.tf1.contrib.learn.datasets.mnist import read_data_sets as read_data_sets
