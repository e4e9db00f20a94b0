"""Changes nodes of a GraphDef in place, and copies GraphDefs."""

from __future__ import annotations

from collections.abc import Container, Iterable, MutableMapping

from legacy_nets import tf1 as tf
from legacy_nets.graphdef.node_names import find_free_name, get_node_name, shorten_tensor_name
from legacy_nets.tf1.functions import definition_of
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


def remove_new_attrs(definition: GraphDef) -> None:
    """Removes the attributes that TensorFlow 1.15 may not know, in place.

    Those are attributes of their default value, which any TensorFlow completes, and the names of
    variables for debuggers.
    """
    functions = definition.library.function
    for node in (*definition.node, *(node for function in functions for node in function.node_def)):
        node.attr.pop("debug_name", None)
        op_def = definition_of(node.op)
        for attr in op_def.attr if op_def else ():
            if attr.HasField("default_value") and node.attr.get(attr.name) == attr.default_value:
                del node.attr[attr.name]


def separate_names(definition: GraphDef, kept: Iterable[str]) -> dict[str, str]:
    """Renames nodes, in place, whose names differ from those of others in case alone.

    ``tf.saved_model.load`` mixes them up. Names in ``kept`` stay where they can. Returns the new
    name of each node that was renamed.
    """
    names = dict.fromkeys([*kept, *(node.name for node in definition.node)])
    lower_names = {name.lower() for name in names}
    taken: set[str] = set()
    renamed: dict[str, str] = {}
    for name in names:
        if name.lower() in taken:
            renamed[name] = find_free_name(name.lower(), lower_names)
            lower_names.add(renamed[name])
        taken.add(name.lower())
    for node in definition.node if renamed else ():
        node.name = renamed.get(node.name, node.name)
        for index, edge in enumerate(node.input):
            name = get_node_name(edge)
            node.input[index] = edge.replace(name, renamed.get(name, name), 1)
    return renamed


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
