"""``tf.contrib.tensor_forest.python.ops``."""

from legacy_nets.tf1.contrib.tensor_forest.python.ops import data_ops

__all__ = ["data_ops"]
