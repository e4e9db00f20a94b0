"""``tf.contrib.quantize``: fake quantization of a graph, for training and for evaluation.

Paper:   arXiv:1712.05877 (training for integer arithmetic).
"""

from __future__ import annotations

from legacy_nets.tf1 import refused
from legacy_nets.tf1.contrib.quantize.quantize_graph import (
    create_eval_graph,
    create_training_graph,
    experimental_create_eval_graph,
    experimental_create_training_graph,
)

__all__ = [
    "create_eval_graph",
    "create_training_graph",
    "experimental_create_eval_graph",
    "experimental_create_training_graph",
]


def __getattr__(name: str) -> object:
    raise refused.make_error("quantize", name)
