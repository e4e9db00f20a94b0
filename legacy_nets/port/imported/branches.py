"""Removes the branches of TensorFlow 1 (Switch and Merge) whose conditions are known."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

from legacy_nets import tf1 as tf
from legacy_nets.errors import BadInputError
from legacy_nets.graphdef.edit import add_constant, make_identity
from legacy_nets.graphdef.node_names import get_node_name, is_control_edge, shorten_tensor_name
from legacy_nets.graphdef.op_types import MERGES, SWITCHES
from legacy_nets.port.imported.constants import compute_constant
from legacy_nets.types import GraphDef, NodeDef


class FoldedBranches(NamedTuple):
    """What ``fold_branches`` did."""

    conditions: int  # how many different conditions were known
    dead_nodes: set[str]  # nodes that have no value any more, still in the graph


def fold_branches(definition: GraphDef, nodes: dict[str, NodeDef]) -> FoldedBranches:
    """Removes each Switch whose condition is known, in place. ``nodes``: the graph's, by name.

    Raises BadInputError for a Merge that loses some of its inputs while a node reads its index.
    """
    folder = _BranchFolder(definition, nodes)
    while folder.sweep():
        pass
    folder.redirect_inputs()
    return FoldedBranches(len(folder.conditions), folder.dead_nodes)


class _BranchFolder:
    """The state of folding: which tensors are dead, and which are the same as others."""

    def __init__(self, definition: GraphDef, nodes: dict[str, NodeDef]) -> None:
        self.definition = definition
        self.nodes = nodes
        self.read_tensors: dict[str, set[str]] = {}  # node -> its outputs that others read
        for edge in {edge for node in definition.node for edge in node.input}:
            self.read_tensors.setdefault(get_node_name(edge), set()).add(edge)
        self.dead_tensors: set[str] = set()  # tensors that never have a value
        self.dead_nodes: set[str] = set()
        self.replacements: dict[str, str] = {}  # tensor -> the tensor to read in its place
        self.conditions: set[str] = set()

    def sweep(self) -> bool:
        """Visits each node once; whether anything has changed, so that others may change."""
        before = len(self.dead_tensors) + len(self.replacements)
        for node in list(self.nodes.values()):
            if node.name not in self.dead_nodes and self._visit(node):
                self.dead_tensors |= {node.name, *self.read_tensors.get(node.name, ())}
                self.dead_nodes.add(node.name)
        return before != len(self.dead_tensors) + len(self.replacements)

    def redirect_inputs(self) -> None:
        """Makes each node read the tensors that replace its inputs."""
        for node in self.nodes.values():
            node.input[:] = [self._resolve(edge) for edge in node.input]

    def _resolve(self, edge: str) -> str:
        while edge in self.replacements:
            edge = self.replacements[edge]
        return edge

    def _visit(self, node: NodeDef) -> bool:
        """Folds a node if it is a Switch or Merge; whether it is dead as a whole."""
        edges = [self._resolve(edge) for edge in node.input]
        if node.op in MERGES:
            return self._fold_merge(node, [edge for edge in edges if not is_control_edge(edge)])
        if any(edge.lstrip("^") in self.dead_tensors for edge in edges):
            return True
        if node.op in SWITCHES:
            self._fold_switch(node, edges)
        return False

    def _fold_switch(self, switch: NodeDef, edges: list[str]) -> None:
        """Where the condition is known, one output becomes the data and the other is dead."""
        condition = compute_constant(self.nodes, edges[1])
        if condition is None:
            return
        if_false, if_true = switch.name, f"{switch.name}:1"
        live, dead = (if_true, if_false) if condition else (if_false, if_true)
        self.replacements[live] = edges[0]
        self.dead_tensors.add(dead)
        self.dead_nodes.add(switch.name)
        self.conditions.add(self._find_condition(switch.input[1]))

    def _fold_merge(self, merge: NodeDef, tensors: list[str]) -> bool:
        """Takes the dead inputs from a Merge; whether it is dead itself.

        The Merge of a loop is dead if the value that enters the loop is.
        """
        live = [tensor for tensor in tensors if tensor not in self.dead_tensors]
        if len(live) == len(tensors):
            return False
        is_loop = any(self.nodes[get_node_name(tensor)].op == "NextIteration" for tensor in tensors)
        if not live or (is_loop and tensors[0] in self.dead_tensors):
            return True
        index = f"{merge.name}:1"
        reads_index = index in self.read_tensors.get(merge.name, ())
        if len(live) == 1:
            make_identity(merge, live[0], merge.attr["T"].type)
            if reads_index:
                self.replacements[index] = self._add_index(merge, tensors.index(live[0]))
        elif reads_index and tensors[: len(live)] != live:
            raise BadInputError(
                f"{merge.name} gives the index of the input that arrived, of {len(tensors)}; it "
                f"cannot be cut down to {len(live)}: choose --outputs before it"
            )
        else:
            merge.input[:] = [*live, *filter(is_control_edge, merge.input)]
            merge.attr["N"].i = len(live)
        return False

    def _add_index(self, merge: NodeDef, index: int) -> str:
        """Adds the constant that replaces the second output of a Merge. Returns its name."""
        dtype = tf.int32.as_datatype_enum
        name = f"{merge.name}/index"
        return add_constant(self.definition, self.nodes, name, np.asarray(index), dtype)

    def _find_condition(self, tensor: str) -> str:
        """Finds the tensor that a condition's Identity and Switch nodes copy."""
        nodes: Mapping[str, NodeDef] = self.nodes
        while nodes[get_node_name(tensor)].op in ("Identity", "Switch"):
            tensor = nodes[get_node_name(tensor)].input[0]
        return shorten_tensor_name(tensor)
