"""Cuts an imported graph: the part between inputs and outputs, and the graph without updates."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from legacy_nets import tf1 as tf
from legacy_nets.graphdef.edit import add_ones_like, copy_graph_def, make_identity
from legacy_nets.graphdef.node_names import get_node_name, is_control_edge
from legacy_nets.graphdef.op_types import MERGES, SWITCHES
from legacy_nets.graphdef.traverse import find_ancestors, index_nodes, list_data_inputs, walk
from legacy_nets.port.imported.graph import ImportedGraph
from legacy_nets.port.imported.unknown_ops import build_graph
from legacy_nets.types import DType, GraphDef, NodeDef, TensorShape

_SAVED_VALUE = {"AssignAdd": 0, "AssignSub": 0, "Assign": 1}  # update -> the input that it gives
_NEW_OP_TYPES = {"Inv": "Reciprocal", "Variable": "VariableV2", "PlaceholderV2": "Placeholder"}


class InputSpec(NamedTuple):
    """An input of the port: a placeholder that replaces a tensor of the graph."""

    tensor: str  # of the imported graph
    name: str  # of the placeholder
    dtype: DType
    shape: TensorShape


class OutputSpec(NamedTuple):
    """An output of the port: a node that gives a tensor of the graph."""

    tensor: str  # of the imported graph
    name: str  # of the node


class NodeInput(NamedTuple):
    """One input of a node."""

    node: str
    position: int


def extract_subgraph(
    imported: ImportedGraph,
    definition: GraphDef,
    inputs: Sequence[InputSpec],
    outputs: Sequence[OutputSpec],
) -> GraphDef:
    """Copies the part of a graph between inputs and outputs.

    Side effects are left out. Operations that TensorFlow has renamed get their new names.
    ``definition``: the graph's own, or made from it.
    """
    nodes = index_nodes(definition)
    names = {spec.tensor: spec.name for spec in inputs}
    subgraph = tf.GraphDef()
    subgraph.versions.CopyFrom(definition.versions)  # old operations are valid only under it
    subgraph.library.CopyFrom(definition.library)
    for spec in inputs:
        node = subgraph.node.add(name=spec.name, op="Placeholder")
        node.attr["dtype"].type = spec.dtype.base_dtype.as_datatype_enum
        node.attr["shape"].shape.CopyFrom(spec.shape.as_proto())

    placeholders = set(names.values())

    def list_nodes(edges: Iterable[str]) -> list[str]:
        node_names = [get_node_name(edge) for edge in edges if edge not in names]
        return [name for name in node_names if name in nodes and name not in placeholders]

    def list_operands(name: str) -> list[str]:
        return list_nodes(_list_kept_inputs(nodes, nodes[name]))

    for name in walk(list_nodes(spec.tensor for spec in outputs), list_operands):
        node = subgraph.node.add()
        node.CopyFrom(nodes[name])
        node.input[:] = [names.get(edge, edge) for edge in _list_kept_inputs(nodes, node)]
        _stop_updating(node)
        _modernize(node, subgraph)
    for output in outputs:
        tensor = names.get(output.tensor, output.tensor)
        if output.name != tensor:
            node = subgraph.node.add(name=output.name, op="Identity", input=[tensor])
            node.attr["T"].type = imported.get_dtype(output.tensor).as_datatype_enum
    return subgraph


class WithoutUpdates(NamedTuple):
    """A graph whose outputs can be computed without changing variables."""

    imported: ImportedGraph
    removed_edges: int
    stopped_updates: tuple[str, ...]  # variables that outputs would have changed


def remove_updates(
    imported: ImportedGraph,
    outputs: Iterable[str],
    forced_ones: Iterable[NodeInput] = (),
    never_run: Iterable[str] = (),
) -> WithoutUpdates:
    """Removes the control edges from the outputs to updates, such as those of moving averages.

    Such updates would change the weights while they are read. Where an output reads what an update
    gives, as in the training graphs of tf.contrib.quantize, it reads the saved value.

    Args:
      imported: the graph; it is not changed.
      outputs: tensors.
      forced_ones: inputs of nodes to replace by ones. Feeding them would not work in a loop.
      never_run: nodes to replace by nodes that cannot run.
    """
    definition = copy_graph_def(imported.definition)
    nodes = index_nodes(definition)
    removed: set[str] = set()
    stopped: list[str] = []
    for name in find_ancestors(nodes, outputs):
        node = nodes[name]
        kept = _list_kept_inputs(nodes, node)
        if node.op in _SAVED_VALUE:
            stopped.append(get_node_name(node.input[0]))
            node.input[:] = kept
            _stop_updating(node)
            continue
        if len(kept) < len(node.input):
            removed |= set(node.input) - set(kept)
            node.input[:] = kept
    forced_ones = tuple(forced_ones)
    for forced in forced_ones:
        tensor = nodes[forced.node].input[forced.position]
        dtype = imported.get_dtype(tensor).as_datatype_enum
        ones = add_ones_like(definition, nodes, f"{forced.node}/ones", tensor, dtype)
        nodes[forced.node].input[forced.position] = ones
    never_run = frozenset(never_run)
    if not (removed or stopped or forced_ones or never_run):
        return WithoutUpdates(imported, 0, ())
    replaced = imported.unknown | never_run
    graph = build_graph(
        imported.path, definition, imported.op_list, replaced, imported.trust, imported.graph
    )
    edited = dataclasses.replace(imported, definition=definition, graph=graph)
    return WithoutUpdates(edited, len(removed), tuple(dict.fromkeys(stopped)))


def _stop_updating(node: NodeDef) -> None:
    """Turns an update into an Identity of the one input that it keeps."""
    if node.op in _SAVED_VALUE:
        make_identity(node, node.input[0], node.attr["T"].type)


def _list_kept_inputs(nodes: Mapping[str, NodeDef], node: NodeDef) -> list[str]:
    """Lists a node's tensors, then the control edges that put it into a branch or loop.

    An update keeps one tensor: the variable, whose saved value is read, or what is assigned.
    """
    if node.op in _SAVED_VALUE:
        return list_data_inputs(node)[_SAVED_VALUE[node.op] :][:1]
    pivots = [edge for edge in node.input if is_control_edge(edge) and _is_pivot(nodes, edge)]
    return [*list_data_inputs(node), *pivots]


def _is_pivot(nodes: Mapping[str, NodeDef], edge: str) -> bool:
    """Whether a control edge puts a node into a branch or loop; others carry side effects."""
    pivot = nodes.get(get_node_name(edge))
    if not is_control_edge(edge) or pivot is None:
        return False
    if pivot.op in (*MERGES, *SWITCHES):
        return True
    if pivot.op == "NoOp":  # loops and branches of TensorFlow 2, lowered, gather their pivots in it
        return any(_is_pivot(nodes, inner) for inner in pivot.input)
    if pivot.op != "Identity":
        return False
    operand = nodes.get(get_node_name(pivot.input[0]))
    return operand is not None and operand.op in SWITCHES


def _modernize(node: NodeDef, subgraph: GraphDef) -> None:
    """Gives an operation of the first TensorFlow versions its present name and form.

    Source: tensorflow/core/ops/nn_ops.cc (BatchNormWithGlobalNormalization, gone since version 9),
    math_ops.cc (Inv) and state_ops.cc (Variable).
    """
    if node.op in _NEW_OP_TYPES:
        node.op = _NEW_OP_TYPES[node.op]
    elif node.op == "BatchNormWithGlobalNormalization":
        images, mean, variance, offset, scale = list_data_inputs(node)
        dtype = node.attr["T"].type
        if not node.attr["scale_after_normalization"].b:
            scale = add_ones_like(subgraph, {}, f"{node.name}/ones", scale, dtype)
        epsilon = node.attr["variance_epsilon"].f
        node.op = "FusedBatchNorm"
        node.attr.clear()
        node.attr["T"].type = dtype
        node.attr["epsilon"].f = epsilon
        node.attr["is_training"].b = False
        node.input[:] = [images, scale, offset, mean, variance]
