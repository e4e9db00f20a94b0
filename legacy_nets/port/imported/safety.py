"""Decides which operations of an untrusted graph may be run: those that only compute."""

from __future__ import annotations

import re
from collections.abc import Iterable

from legacy_nets.errors import BadInputError
from legacy_nets.graphdef.traverse import find_ancestors, index_nodes
from legacy_nets.graphdef.unsafe_ops import is_unsafe
from legacy_nets.port.imported.graph import ImportedGraph
from legacy_nets.port.imported.state.operations import StateOps, list_unsafe_ops
from legacy_nets.port.imported.translations.cudnn_rnn import GPU_ONLY
from legacy_nets.types import NodeDef

_PYTHON = re.compile(r"PyFunc(Stateless)?|EagerPyFunc")


def check_safe(imported: ImportedGraph, names: Iterable[str], state_ops: StateOps) -> None:
    """Checks that nodes (``names``) can be run, and that they only compute.

    So must what restores the variables and fills the tables among them (``state_ops``).

    Raises BadInputError. Operations that TensorFlow does not have, or that call Python, cannot be
    run even if the file is trusted.
    """
    nodes = index_nodes(imported.definition)
    names = frozenset(names)
    used = [node for name, node in nodes.items() if name in names]
    if _find_function_calls(imported, used):
        used += _list_function_nodes(imported)
    for node in used:
        reason = explain_unrunnable(imported, node)
        if reason:
            raise BadInputError(
                f"{imported.path}: the outputs need {node.op} ({node.name}), {reason}: choose "
                "--outputs before it, or --inputs after it"
            )
    unsafe = [node for node in used if is_unsafe(node.op)]
    unsafe += list_unsafe_ops(imported, [*state_ops.restoring, *state_ops.initializers])
    if unsafe and not imported.trust:
        raise BadInputError(
            f"{imported.path}: not run, since {len(unsafe)} operations could do more than compute, "
            f"the first {unsafe[0].op} ({unsafe[0].name}): cut it off with --inputs, or --trust "
            "the file"
        )


def find_side_effect_ops(
    imported: ImportedGraph, names: Iterable[str], state_ops: StateOps
) -> frozenset[str]:
    """Finds the nodes that could do more than compute, except those that ``check_safe`` checked.

    The original graph may run them for an output: by a control edge, or before a branch that is
    not taken. None in a trusted file. ``names``, ``state_ops``: what ``check_safe`` was given.
    """
    if imported.trust:
        return frozenset()
    nodes = index_nodes(imported.definition)
    starts = [*state_ops.restoring, *state_ops.initializers]
    checked = frozenset(names).union(find_ancestors(nodes, starts, control_edges=True))
    others = [node for name, node in nodes.items() if name not in checked]
    unsafe = [node for node in others if is_unsafe(node.op)]
    if any(is_unsafe(node.op) for node in _list_function_nodes(imported)):
        unsafe += _find_function_calls(imported, others)
    return frozenset(node.name for node in unsafe)


def explain_unrunnable(imported: ImportedGraph, node: NodeDef) -> str:
    """Explains why a node cannot be run, even if the file is trusted; "" where it can."""
    if _PYTHON.fullmatch(node.op):
        return "which calls a Python function that is in no file"
    if GPU_ONLY.match(node.op):
        return (
            "which only a GPU can run; on the CPU, build the same net with "
            "tf.contrib.cudnn_rnn.CudnnCompatibleLSTMCell and restore the same checkpoint"
        )
    if node.name in imported.unknown:
        return "which this TensorFlow does not have (tf.contrib's, or a custom one)"
    return ""


def _find_function_calls(imported: ImportedGraph, nodes: Iterable[NodeDef]) -> list[NodeDef]:
    """Finds the nodes whose operation is a function of the graph, or whose attributes name one."""
    functions = {body.signature.name for body in imported.definition.library.function}
    return [
        node
        for node in nodes
        if node.op in functions
        or any(value.HasField("func") or value.list.func for value in node.attr.values())
    ]


def _list_function_nodes(imported: ImportedGraph) -> list[NodeDef]:
    """Lists the nodes of all functions of the graph."""
    return [node for body in imported.definition.library.function for node in body.node_def]
