"""Changes nodes of a GraphDef in place, and copies GraphDefs."""

from __future__ import annotations

from collections.abc import Container, MutableMapping

from legacy_nets import tf1 as tf
from legacy_nets.graphdef.node_names import find_free_name, shorten_tensor_name
from legacy_nets.types import Array, GraphDef, NodeDef


def copy_graph_def(definition: GraphDef) -> GraphDef:
    """Copies a GraphDef, so that it can be changed."""
    copy = tf.GraphDef()
    copy.CopyFrom(definition)
    return copy


def remove_nodes(definition: GraphDef, names: Container[str]) -> None:
    """Removes nodes by their names."""
    kept = [node for node in definition.node if node.name not in names]
    del definition.node[:]
    definition.node.extend(kept)


def make_constant(node: NodeDef, value: Array) -> None:
    """Turns a node into a constant of any shape. The node keeps its attribute ``dtype``."""
    dtype = node.attr["dtype"].type
    node.op = "Const"
    node.ClearField("input")
    node.attr.clear()
    node.attr["dtype"].type = dtype
    node.attr["value"].tensor.CopyFrom(tf.make_tensor_proto(value, dtype=tf.as_dtype(dtype)))


def make_identity(node: NodeDef, tensor: str, dtype: int) -> None:
    """Turns a node into an Identity of a tensor (``dtype``: as the protocol buffer numbers it)."""
    node.op = "Identity"
    node.input[:] = [tensor]
    node.attr.clear()
    node.attr["T"].type = dtype


def add_constant(
    definition: GraphDef, nodes: MutableMapping[str, NodeDef], name: str, value: Array, dtype: int
) -> str:
    """Adds a constant, also to ``nodes`` (by name). Returns its name, which may be longer."""
    node = definition.node.add(name=find_free_name(name, nodes))
    node.attr["dtype"].type = dtype
    make_constant(node, value)
    nodes[node.name] = node
    return str(node.name)


def add_ones_like(
    definition: GraphDef, nodes: MutableMapping[str, NodeDef], name: str, tensor: str, dtype: int
) -> str:
    """Adds a tensor of ones with another one's shape. Returns its name, which may be longer."""
    node = definition.node.add(name=find_free_name(name, nodes), op="OnesLike", input=[tensor])
    node.attr["T"].type = dtype
    nodes[node.name] = node
    return str(node.name)


def shorten_input_names(definition: GraphDef) -> None:
    """Writes the first output of a node among inputs as "a", where a file spells it "a:0".

    Both are legal. tf.graph_transforms and some optimisers of graphs write the long form.
    """
    for node in definition.node:
        if any(edge.endswith(":0") for edge in node.input):
            node.input[:] = [shorten_tensor_name(edge) for edge in node.input]
