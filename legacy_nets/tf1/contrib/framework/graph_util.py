"""``tf.contrib.framework.get_placeholders``."""

from __future__ import annotations

from typing import Any

__all__ = ["get_placeholders"]


def get_placeholders(graph: Any) -> list[Any]:
    """The placeholders of a graph, as tensors."""
    kinds = ("Placeholder", "PlaceholderV2")
    return [op.outputs[0] for op in graph.get_operations() if op.type in kinds]
