"""``tf.contrib.tensor_forest.python``."""

from legacy_nets.tf1.contrib.tensor_forest.python import ops, tensor_forest

__all__ = ["ops", "tensor_forest"]
