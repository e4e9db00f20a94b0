"""``tensorflow.tools.graph_transforms``: the Graph Transform Tool, which TensorFlow still has."""

from __future__ import annotations

from collections.abc import Sequence

import tensorflow.compat.v1 as tf
from tensorflow.python.util._pywrap_transform_graph import TransformGraphWithStringInputs

from legacy_nets.types import GraphDef


def TransformGraph(
    input_graph_def: GraphDef,
    inputs: Sequence[str],
    outputs: Sequence[str],
    transforms: Sequence[str],
) -> GraphDef:
    """Returns the graph after transforms.

    Args:
      input_graph_def: the graph.
      inputs: names of its input nodes.
      outputs: names of its output nodes.
      transforms: names of transforms, with their arguments: ``remove_nodes(op=Identity)``.

    Raises:
      ValueError: there is no such transform, or it lacks an argument.
    """
    transformed = TransformGraphWithStringInputs(
        input_graph_def.SerializeToString(),
        ",".join(inputs),
        ",".join(outputs),
        " ".join(transforms),
    )
    return tf.GraphDef.FromString(transformed)
