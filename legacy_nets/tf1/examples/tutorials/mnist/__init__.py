"""``tf.examples.tutorials.mnist``: its data reader and its net."""

from __future__ import annotations

from legacy_nets.tf1.examples.tutorials.mnist import input_data, mnist

__all__ = [
    "input_data",
    "mnist",
]
