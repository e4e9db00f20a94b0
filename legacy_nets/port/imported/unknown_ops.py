"""Imports graphs with operations that TensorFlow does not have, where no output needs them.

Each such node is replaced by a PyFunc node. It gives tensors of the right dtypes and is never run.
"""

from __future__ import annotations

from pathlib import Path

from legacy_nets import tf1 as tf
from legacy_nets.graphdef.edit import copy_graph_def
from legacy_nets.graphdef.load import check_ops_are_known, import_graph
from legacy_nets.graphdef.node_names import get_node_name, is_control_edge
from legacy_nets.tf1.functions import is_known
from legacy_nets.types import Graph, GraphDef, NodeDef, OpDef, OpList

_REPLACEMENT = "PyFunc"  # needs no inputs, and gives any number of tensors of any dtypes


def find_unknown_nodes(path: Path, definition: GraphDef) -> frozenset[str]:
    """Finds the names of the nodes whose operation TensorFlow does not have.

    Raises BadInputError for such an operation in a function, which cannot be built at all.
    """
    library = tf.GraphDef()
    library.library.CopyFrom(definition.library)
    check_ops_are_known(path, library)
    functions = {function.signature.name for function in definition.library.function}
    return frozenset(
        node.name for node in definition.node if node.op not in functions and not is_known(node.op)
    )


def build_graph(
    path: Path,
    definition: GraphDef,
    op_list: OpList | None,
    replaced: frozenset[str],
    trust: bool,
    similar: Graph | None = None,
) -> Graph:
    """Imports a GraphDef with some nodes replaced by nodes that are never run.

    Args:
      path: its file, for messages.
      definition: the GraphDef; it is not changed.
      op_list: the definitions of operations that were saved with it, if any.
      replaced: names of the nodes to replace.
      trust: as for ``import_graph``.
      similar: an earlier import with the same nodes. It tells the dtypes of their outputs, else
        ``op_list`` does. A node that no other reads may give anything.

    Raises BadInputError where dtypes are not known, or where the rest cannot be built.
    """
    if not replaced:
        return import_graph(path, definition, op_list, trust)
    op_defs = {op_def.name: op_def for op_def in op_list.op} if op_list else {}
    read = {get_node_name(edge) for node in definition.node for edge in node.input}
    edited = copy_graph_def(definition)
    for node in edited.node:
        if node.name not in replaced:
            continue
        dtypes = [tf.float32.as_datatype_enum]
        if similar is not None:
            outputs = similar.get_operation_by_name(node.name).outputs
            dtypes = [tensor.dtype.base_dtype.as_datatype_enum for tensor in outputs]
        elif node.op in op_defs:
            dtypes = _list_output_dtypes(node, op_defs[node.op])
        elif node.name in read:
            check_ops_are_known(path, definition)
        _replace_node(node, dtypes)
    return import_graph(path, edited, op_list, trust)


def _replace_node(node: NodeDef, dtypes: list[int]) -> None:
    """Turns a node into a PyFunc, whose error message names the original operation."""
    reason = "which needs --trust," if is_known(node.op) else "which is not known,"
    token = f"{node.op} ({node.name}), {reason}"
    node.op = _REPLACEMENT
    node.input[:] = [edge for edge in node.input if is_control_edge(edge)]
    node.attr.clear()
    node.attr["token"].s = token.encode()
    node.attr["Tin"].list.SetInParent()
    node.attr["Tout"].list.type.extend(dtypes)


def _list_output_dtypes(node: NodeDef, op_def: OpDef) -> list[int]:
    """Lists the dtypes of a node's outputs; one argument of its definition may be several."""
    dtypes: list[int] = []
    for argument in op_def.output_arg:
        if argument.type_list_attr:
            dtypes += node.attr[argument.type_list_attr].list.type
        else:
            count = node.attr[argument.number_attr].i if argument.number_attr else 1
            dtypes += [argument.type or node.attr[argument.type_attr].type] * count
    return dtypes
