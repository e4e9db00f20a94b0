"""The same seed gives the same weights as in TensorFlow 1.15, where the graph has the same ops.

``tf.set_random_seed`` seeds an op with the graph's seed and a number of its own. In 1.15 that
was the number of ops in the graph so far; TensorFlow 2.21 counts the random ops only. Where a
function makes fewer ops today than it made in 1.15, ``op_counts.py`` tells how many.
"""

from __future__ import annotations

import importlib
import weakref
from typing import Any

_missing: weakref.WeakKeyDictionary[Any, int] = weakref.WeakKeyDictionary()


class _OpsSoFar:
    """In the place of ``random_seed._graph_to_seed_dict``, which counts random ops by graph."""

    def setdefault(self, graph: Any, _first: int) -> int:
        """The number of ops that 1.15 would have in the graph."""
        return graph.version + _missing.get(graph, 0)

    def __getitem__(self, graph: Any) -> int:
        return 0

    def __setitem__(self, graph: Any, count: int) -> None:
        """The next number is counted anew."""


def made_more(count: int) -> None:
    """1.15 had made so many ops more than there are, in the graph that is built right now."""
    graph = importlib.import_module("tensorflow.python.framework.ops").get_default_graph()
    _missing[graph] = _missing.get(graph, 0) + count


def count_as_tf1() -> None:
    """From here on, in this process, random ops take their number from the ops before them."""
    from legacy_nets.runner import op_counts

    random_seed = importlib.import_module("tensorflow.python.framework.random_seed")
    vars(random_seed)["_graph_to_seed_dict"] = _OpsSoFar()
    op_counts.install()
