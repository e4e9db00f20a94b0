"""``tf.contrib.tensorboard``: its plugins."""

from legacy_nets.tf1.contrib.tensorboard import plugins

__all__ = ["plugins"]
