"""``tf.contrib.tensor_forest.client``."""

from legacy_nets.tf1.contrib.tensor_forest.client import random_forest

__all__ = ["random_forest"]
