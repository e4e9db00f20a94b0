"""The same seed gives the same weights as in TensorFlow 1.15, where the graph has the same ops.

``tf.set_random_seed`` seeds an op with the graph's seed and a number of its own. In 1.15 that
was the number of ops in the graph so far; TensorFlow 2.21 counts the random ops only.
"""

from __future__ import annotations

import importlib
from typing import Any


class _OpsSoFar:
    """In the place of ``random_seed._graph_to_seed_dict``, which counts random ops by graph."""

    def setdefault(self, graph: Any, _first: int) -> int:
        """The number of ops that 1.15 would have in the graph."""
        return graph.version

    def __getitem__(self, graph: Any) -> int:
        return 0

    def __setitem__(self, graph: Any, count: int) -> None:
        """The next number is counted anew."""


def count_as_tf1() -> None:
    """From here on, in this process, random ops take their number from the ops before them."""
    random_seed = importlib.import_module("tensorflow.python.framework.random_seed")
    vars(random_seed)["_graph_to_seed_dict"] = _OpsSoFar()
