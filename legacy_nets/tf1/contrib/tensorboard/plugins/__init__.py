"""``tf.contrib.tensorboard.plugins``: the projector."""

from legacy_nets.tf1.contrib.tensorboard.plugins import projector

__all__ = ["projector"]
