"""``tf.contrib.util``: protos of tensors, and which operations a graph uses."""

from __future__ import annotations

from tensorflow.compat.v1 import make_ndarray, make_tensor_proto
from tensorflow.python.framework.tensor_util import constant_value

from legacy_nets.types import GraphDef, OpList

__all__ = [
    "constant_value",
    "make_ndarray",
    "make_tensor_proto",
    "ops_used_by_graph_def",
    "stripped_op_list_for_graph",
]


def ops_used_by_graph_def(graph_def: GraphDef) -> set[str]:
    """Names of the operations that a GraphDef and its functions use."""
    functions = {function.signature.name: function for function in graph_def.library.function}
    used: set[str] = set()
    nodes = list(graph_def.node)
    while nodes:
        node = nodes.pop()
        if node.op not in used:
            used.add(node.op)
            if node.op in functions:
                nodes += functions[node.op].node_def
    return {op for op in used if op not in functions}


def stripped_op_list_for_graph(graph_def: GraphDef) -> OpList:
    """An OpList of the registered operations that a GraphDef uses, in order of their names."""
    from tensorflow.core.framework import op_def_pb2
    from tensorflow.python.framework import op_def_registry

    definitions = [op_def_registry.get(name) for name in sorted(ops_used_by_graph_def(graph_def))]
    return op_def_pb2.OpList(op=[op for op in definitions if op is not None])
