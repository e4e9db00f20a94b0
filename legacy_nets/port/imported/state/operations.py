"""Finds the operations of a graph that give variables and lookup tables their values."""

from __future__ import annotations

import re
from collections.abc import Container, Iterable, Mapping
from typing import NamedTuple

from legacy_nets.graphdef.node_names import get_node_name, shorten_tensor_name
from legacy_nets.graphdef.traverse import find_ancestors, index_nodes, list_data_inputs, walk
from legacy_nets.graphdef.unsafe_ops import is_unsafe
from legacy_nets.port.imported.graph import ImportedGraph
from legacy_nets.types import NodeDef

_ASSIGN_OP = re.compile(r"Assign|AssignVariableOp")
RESTORE_V1_OPS = ("Restore", "RestoreSlice")  # older than RestoreV2, they read V1 checkpoints
_READ_ASSET_OP = re.compile(r"InitializeTableFromTextFile(V2)?")
TABLE_OP = re.compile(r"(Mutable(Dense)?)?HashTable(OfTensors)?(V2)?")


class StateOps(NamedTuple):
    """The operations that give variables and tables their values, before the outputs are run."""

    restoring: tuple[str, ...]  # what the graph's saver runs
    initializers: tuple[str, ...]  # what fills the lookup tables


def find_state_ops(imported: ImportedGraph, needed: Iterable[str]) -> StateOps:
    """Finds what gives the nodes that the outputs need (``needed``: their names) their values."""
    names = frozenset(needed)
    return StateOps(
        tuple(_list_restoring_ops(imported, names)),
        tuple(_list_table_initializers(imported, names)),
    )


def _list_restoring_ops(imported: ImportedGraph, needed: Container[str]) -> list[str]:
    """Lists what the graph's saver runs to restore: assignments, and imports into tables.

    Those are left out that serve nothing in ``needed`` (names of nodes) and could do more than
    compute, or fill a table. [] without a saver.
    """
    if imported.restore is None:
        return []
    nodes = index_nodes(imported.definition)
    kept = []
    for name in _list_parts(nodes, imported.restore.operation):
        if _get_target(nodes, name) in needed or (
            _ASSIGN_OP.fullmatch(nodes[name].op) and not list_unsafe_ops(imported, [name])
        ):
            kept.append(name)
    return kept


def restores_v1(imported: ImportedGraph) -> bool:
    """Whether the graph's saver reads V1 checkpoints, and no others."""
    if imported.restore is None:
        return False
    nodes = index_nodes(imported.definition)
    operands = find_ancestors(nodes, [imported.restore.operation], control_edges=True)
    return any(nodes[name].op in RESTORE_V1_OPS for name in operands)


def _list_table_initializers(imported: ImportedGraph, needed: Container[str]) -> list[str]:
    """Lists the operations that the export names to fill the tables in ``needed``."""
    nodes = index_nodes(imported.definition)
    parts = [part for name in imported.initializers for part in _list_parts(nodes, name)]
    return [
        name
        for name in dict.fromkeys(parts)
        if _get_target(nodes, name) in needed
        and TABLE_OP.fullmatch(nodes[_get_target(nodes, name)].op)
    ]


def list_unsafe_ops(imported: ImportedGraph, names: Iterable[str]) -> list[NodeDef]:
    """Lists what could do more than compute among operations (``names``) and their operands.

    Reading the checkpoint, or a file of the export, is what these operations are for.
    """
    nodes = index_nodes(imported.definition)
    assets = {shorten_tensor_name(tensor) for tensor in imported.asset_feeds}

    def reads_own_file(node: NodeDef) -> bool:
        if _READ_ASSET_OP.fullmatch(node.op):
            return list_data_inputs(node)[1] in assets
        return node.op in ("RestoreV2", *RESTORE_V1_OPS)

    operands = find_ancestors(nodes, names, control_edges=True)
    unsafe = [nodes[name] for name in operands if is_unsafe(nodes[name].op)]
    return [node for node in unsafe if not reads_own_file(node)]


def _list_parts(nodes: Mapping[str, NodeDef], operation: str) -> list[str]:
    """Lists the operations that a group (NoOp) runs; an operation that is no group is itself."""

    def list_members(name: str) -> list[str]:
        is_group = nodes[name].op == "NoOp"
        return [get_node_name(edge) for edge in nodes[name].input] if is_group else []

    return [name for name in walk([operation], list_members) if nodes[name].op != "NoOp"]


def _get_target(nodes: Mapping[str, NodeDef], name: str) -> str:
    """Returns the variable or table that an operation changes: its first input."""
    operands = list_data_inputs(nodes[name])
    return get_node_name(operands[0]) if operands else ""
