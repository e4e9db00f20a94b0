"""``tf.contrib.graph_editor``: selects, copies and rewires operations of a graph.

It reaches into TensorFlow where 1.15 did: an operation's inputs are replaced in place. A session
that has run the graph does not see what is changed afterwards.
"""

from __future__ import annotations

from legacy_nets.tf1.contrib.graph_editor import edit, reroute, select, subgraph, transform, util
from legacy_nets.tf1.contrib.graph_editor.edit import *  # noqa: F403
from legacy_nets.tf1.contrib.graph_editor.reroute import *  # noqa: F403
from legacy_nets.tf1.contrib.graph_editor.select import *  # noqa: F403
from legacy_nets.tf1.contrib.graph_editor.subgraph import *  # noqa: F403
from legacy_nets.tf1.contrib.graph_editor.transform import *  # noqa: F403
from legacy_nets.tf1.contrib.graph_editor.util import *  # noqa: F403

ph = util.make_placeholder_from_dtype_and_shape
sgv = subgraph.make_view
sgv_scope = subgraph.make_view_from_scope

__all__ = [
    *edit.__all__,
    *reroute.__all__,
    *select.__all__,
    *subgraph.__all__,
    *transform.__all__,
    *util.__all__,
    "ph",
    "sgv",
    "sgv_scope",
]
