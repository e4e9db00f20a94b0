"""Constants of a graph whose values are not in it, but are read when they are needed.

A constant without values is legal: TensorFlow reads zeros of its shape.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import TypeAlias

from legacy_nets import tf1 as tf
from legacy_nets.graphdef.node_names import get_node_name
from legacy_nets.types import Array, GraphDef, NodeDef

LoadArray: TypeAlias = Callable[[], Array]
MIN_BYTES = 1 << 16  # smaller constants have their values: what converts graphs looks at them
_READS = "ReadVariableOp"


def has_plain_variables(graph: GraphDef) -> bool:
    """Whether resource variables are the only variables, and are read and nothing else."""
    handles = {node.name for node in graph.node if node.op == "VarHandleOp"}
    return all(
        node.op == _READS or not any(get_node_name(edge) in handles for edge in node.input)
        for node in graph.node
    ) and not any(node.op in ("Variable", "VariableV2") for node in graph.node)


def replace_variables(graph: GraphDef, readers: Mapping[str, LoadArray]) -> dict[str, LoadArray]:
    """Turns variables into constants, in place; returns the readers of the large ones.

    ``readers``: of every variable, by name.
    """
    large: dict[str, LoadArray] = {}
    for node in graph.node:
        if node.op == "VarHandleOp":
            dtype, shape = node.attr["dtype"].type, node.attr["shape"].shape
            node.op = "Const"
            node.attr.clear()
            node.attr["dtype"].type = dtype
            node.attr["value"].tensor.dtype = dtype
            node.attr["value"].tensor.tensor_shape.CopyFrom(shape)
            if count_bytes(node) < MIN_BYTES:
                set_value(node, readers[node.name]())
            else:
                large[node.name] = readers[node.name]
        elif node.op == _READS:
            dtype = node.attr["dtype"].type
            node.op = "Identity"
            node.attr.clear()
            node.attr["T"].type = dtype
    return large


def leave_out_values(graph: GraphDef) -> GraphDef:
    """Copies a graph without the values of its large constants: its shapes are the same."""
    copy = tf.GraphDef(library=graph.library, versions=graph.versions)
    for node in graph.node:
        if node.op != "Const" or count_bytes(node) < MIN_BYTES:
            copy.node.append(node)
        else:
            constant = copy.node.add(name=node.name, op=node.op, input=node.input)
            constant.attr["dtype"].CopyFrom(node.attr["dtype"])
            tensor = node.attr["value"].tensor
            constant.attr["value"].tensor.dtype = tensor.dtype
            constant.attr["value"].tensor.tensor_shape.CopyFrom(tensor.tensor_shape)
    return copy


def count_bytes(node: NodeDef) -> int:
    """Counts the bytes of a constant's values; of texts, a few for each."""
    tensor = node.attr["value"].tensor
    count = math.prod(dim.size for dim in tensor.tensor_shape.dim)
    return count * tf.as_dtype(tensor.dtype).size


def set_value(node: NodeDef, value: Array) -> None:
    """Sets the value of a constant, of its dtype."""
    tensor = node.attr["value"].tensor
    tensor.CopyFrom(tf.make_tensor_proto(value, dtype=tf.as_dtype(tensor.dtype)))
