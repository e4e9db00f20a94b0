"""``tf.examples.tutorials``."""

from __future__ import annotations

from legacy_nets.tf1.examples.tutorials import mnist

__all__ = [
    "mnist",
]
