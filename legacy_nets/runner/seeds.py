"""The same seed gives the same weights as in TensorFlow 1.15, where the graph has the same ops.

``tf.set_random_seed`` seeds an op with the graph's seed and a number. In 1.15 that was the number
of ops in the graph so far. TensorFlow 2.21 counts the random ops only. Where a function makes
fewer ops today than in 1.15, ``op_counts`` reports how many.
"""

from __future__ import annotations

import contextlib
import importlib
import weakref
from collections.abc import Iterator

from legacy_nets.types import Graph

_CAPTURES = ("Enter", "RefEnter", "Switch", "RefSwitch")
_missing_ops: weakref.WeakKeyDictionary[Graph, int] = weakref.WeakKeyDictionary()


class _OpCounter:
    """Replaces ``random_seed._graph_to_seed_dict``, which counts random ops by graph."""

    def setdefault(self, graph: Graph, _first: int) -> int:
        """Returns the number of ops that 1.15 would have in the graph."""
        return graph.version + _missing_ops.get(graph, 0)

    def __getitem__(self, graph: Graph) -> int:
        return 0

    def __setitem__(self, graph: Graph, count: int) -> None:
        """Ignores the count: ``setdefault`` computes it each time."""


def add_missing_ops(count: int) -> None:
    """Counts ops that 1.15 would have made in the default graph, and 2.21 has not."""
    graph = _get_default_graph()
    _missing_ops[graph] = _missing_ops.get(graph, 0) + count


def count_ops() -> int:
    """Returns the number of ops that 1.15 would have in the default graph."""
    graph = _get_default_graph()
    return graph.version + _missing_ops.get(graph, 0)


@contextlib.contextmanager
def replace_count(count: int | None) -> Iterator[None]:
    """Counts this number of ops for those that a block makes; None leaves them as they are.

    Ops by which a loop or a branch takes tensors from outside are no part of the number.
    """
    graph = _get_default_graph()
    before = count_ops()
    captures = _count_captures(graph)
    yield
    if count is not None:
        captures = _count_captures(graph) - captures
        add_missing_ops(before + count + captures - count_ops())


def _count_captures(graph: Graph) -> int:
    if graph._get_control_flow_context() is None:
        return 0
    return sum(op.type in _CAPTURES for op in graph.get_operations())


def _get_default_graph() -> Graph:
    return importlib.import_module("tensorflow.python.framework.ops").get_default_graph()


def use_tf1_op_seeds() -> None:
    """Lets random ops of this process take their number from all ops before them."""
    random_seed = importlib.import_module("tensorflow.python.framework.random_seed")
    vars(random_seed)["_graph_to_seed_dict"] = _OpCounter()
