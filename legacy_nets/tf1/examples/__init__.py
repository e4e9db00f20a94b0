"""``tf.examples``: of it only the MNIST tutorial was imported by scripts."""

from __future__ import annotations

from legacy_nets.tf1.examples import tutorials

__all__ = [
    "tutorials",
]
