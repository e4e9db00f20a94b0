"""Reads off a graph which variables an optimizer keeps for itself. No TensorFlow, nothing is run.

Source: tensorflow/core/framework/graph.proto, node_def.proto; core/protobuf/meta_graph.proto.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import NamedTuple

from legacy_nets.wire import FormatError, Message

_VARIABLES = ("VarHandleOp", "VariableV2", "Variable", "Const")
_READS = ("Identity", "ReadVariableOp", "Enter", "RefEnter", "Switch", "RefSwitch")
_APPLY = re.compile(r"(Resource)?(Sparse)?Apply\w+")
_ASSIGN = re.compile(r"Assign\w*|Scatter\w+|ResourceScatter\w+")
_SINK = re.compile(
    r"Save\w*|Restore\w*|\w*Summary\w*|IsVariableInitialized|VarIsInitializedOp|NoOp"
)
_ENDS = (_APPLY, _ASSIGN, _SINK)
_GRADIENT = re.compile(r"(^|/)gradients?(_\d+)?/")
_LARGEST = 1 << 25  # bytes; they take two seconds


class Node(NamedTuple):
    """A node of a graph."""

    op_type: str
    operands: tuple[str, ...]  # names of nodes, without control edges


def list_optimizer_variables(meta: Path) -> frozenset[str]:
    """Lists the slots of the training graph in a .meta (``find_optimizer_variables``).

    Empty for a file that is missing, damaged or very large: it is the checkpoint that matters.
    """
    if not meta.is_file() or not 0 < meta.stat().st_size <= _LARGEST:
        return frozenset()
    try:
        graphs = Message(memoryview(meta.read_bytes())).get_messages(2)
        nodes = dict(map(read_node, graphs[-1].get_messages(1) if graphs else ()))
    except (FormatError, UnicodeError, OSError):
        return frozenset()
    return find_optimizer_variables(nodes)


def read_node(node: Message) -> tuple[str, Node]:
    """Reads the name of a node, and the node. Raises FormatError and UnicodeError."""
    edges = [bytes(edge).decode("utf-8") for edge in node.get_buffers(3)]
    operands = tuple(edge.partition(":")[0] for edge in edges if not edge.startswith("^"))
    return node.get_text(1), Node(node.get_text(2), operands)


def find_optimizer_variables(nodes: Mapping[str, Node]) -> frozenset[str]:
    """Finds the variables of a training graph that are slots: nothing but updates reads them.

    They are the second and later operands of an optimizer's own operation, or assigned from
    gradients. Moving averages are neither. In a frozen graph, constants have replaced them.
    """
    readers: dict[str, list[str]] = {name: [] for name in nodes}
    for name, node in nodes.items():
        for operand in dict.fromkeys(node.operands):
            readers.setdefault(operand, []).append(name)
    candidates = dict.fromkeys(_list_candidates(nodes, readers))
    return frozenset(
        variable for variable in candidates if _feeds_updates_alone(nodes, readers, variable)
    )


def _list_candidates(nodes: Mapping[str, Node], readers: Mapping[str, list[str]]) -> Iterable[str]:
    """Lists the variables that an optimizer updates: its own, and perhaps weights."""
    gradients = [name for name in nodes if _GRADIENT.search(name)]
    from_gradients = _find_reached(gradients, lambda name: readers[name])
    for node in nodes.values():
        if _APPLY.fullmatch(node.op_type):
            variables = [_find_variable(nodes, operand) for operand in node.operands[1:]]
            yield from filter(None, variables)
        elif _ASSIGN.fullmatch(node.op_type) and from_gradients.intersection(node.operands[1:]):
            variable = _find_variable(nodes, node.operands[0])
            if variable:
                yield variable


def _find_reached(starts: Iterable[str], list_next: Callable[[str], Iterable[str]]) -> set[str]:
    """Finds the nodes that a walk reaches, ``starts`` included."""
    reached = set(starts)
    waiting = list(reached)
    while waiting:
        new = set(list_next(waiting.pop())) - reached
        reached |= new
        waiting += new
    return reached


def _find_variable(nodes: Mapping[str, Node], name: str) -> str:
    """Finds the variable that a node is or reads; "" for another."""

    def list_read(name: str) -> Iterable[str]:
        node = nodes.get(name)
        return node.operands[:1] if node is not None and node.op_type in _READS else ()

    reached = _find_reached([name], list_read)  # a damaged graph may read in circles
    return next((name for name in reached if name in nodes and _is_variable(nodes[name])), "")


def _is_variable(node: Node) -> bool:
    return node.op_type in _VARIABLES


def _feeds_updates_alone(
    nodes: Mapping[str, Node], readers: Mapping[str, list[str]], variable: str
) -> bool:
    """Whether all that reads a variable ends in updates, savers and summaries."""

    def list_following(name: str) -> list[str]:
        if any(pattern.fullmatch(nodes[name].op_type) for pattern in _ENDS):
            return []
        return [reader for reader in readers[name] if not _GRADIENT.search(reader)]

    return not any(
        not _is_variable(nodes[name])
        and nodes[name].op_type not in _READS
        and not any(pattern.fullmatch(nodes[name].op_type) for pattern in _ENDS)
        and not list_following(name)
        for name in _find_reached([variable], list_following)
    )
