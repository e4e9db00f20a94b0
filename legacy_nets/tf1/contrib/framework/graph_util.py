"""``tf.contrib.framework.get_placeholders``."""

from __future__ import annotations

from legacy_nets.types import Graph, Tensor

__all__ = ["get_placeholders"]


def get_placeholders(graph: Graph) -> list[Tensor]:
    """The placeholders of a graph, as tensors."""
    kinds = ("Placeholder", "PlaceholderV2")
    return [op.outputs[0] for op in graph.get_operations() if op.type in kinds]
