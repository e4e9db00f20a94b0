"""What of a stranger's graph may be run: what computes, and does nothing else."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

from legacy_nets.errors import BadInputError
from legacy_nets.graphdef.traverse import find_ancestors, index_nodes
from legacy_nets.graphdef.unsafe_ops import is_unsafe
from legacy_nets.port.imported.graph import Model

_PYTHON = re.compile(r"PyFunc(Stateless)?|EagerPyFunc")
_RESTORING = re.compile(
    r"RestoreV2|Restore|RestoreSlice|Assign|AssignVariableOp|NoOp|Const|Identity|VarHandleOp"
    r"|Variable(V2)?|Placeholder(WithDefault)?|Reshape|Shape|Cast"
)


def check_safe(model: Model, names: Iterable[str]) -> None:
    """Raises BadInputError where one of the nodes, or restoring, does more than compute.

    ``names``: of the nodes that are run; ``armed`` are those that must not be. Operations that
    TensorFlow does not have, or that call Python, cannot be run on any trust.
    """
    nodes = index_nodes(model.definition)
    used = [nodes[name] for name in names if name in nodes]
    if _callers(model, used):
        used += _bodies(model)
    for node in used:
        why = cannot_run(model, node)
        if why:
            raise BadInputError(
                f"{model.path}: the outputs need {node.op} ({node.name}), {why}: name --outputs "
                "before it, or --inputs behind it"
            )
    unsafe = [node for node in used if is_unsafe(node.op)]
    if model.restore:
        unsafe += [
            nodes[name]
            for name in find_ancestors(nodes, [model.restore[0]], control_edges=True)
            if not _RESTORING.fullmatch(nodes[name].op)
        ]
    if unsafe and not model.trust:
        first = f"{unsafe[0].op} ({unsafe[0].name})"
        raise BadInputError(
            f"{model.path}: not run, {len(unsafe)} operations could do more than compute, the "
            f"first {first}: cut it off with --inputs, or --trust the file"
        )


def armed(model: Model, names: Iterable[str]) -> frozenset[str]:
    """Nodes beside those of ``check_safe`` (``names``) that do more than compute.

    The graph as it was saved may run them on the way to the outputs: by a control edge, or ahead
    of a branch that is not taken. None in a file that is trusted.
    """
    if model.trust:
        return frozenset()
    nodes = index_nodes(model.definition)
    checked = {
        *names,
        *(find_ancestors(nodes, [model.restore[0]], control_edges=True) if model.restore else ()),
    }
    others = [node for name, node in nodes.items() if name not in checked]
    found = [node for node in others if is_unsafe(node.op)]
    if any(is_unsafe(node.op) for node in _bodies(model)):
        found += _callers(model, others)
    return frozenset(node.name for node in found)


def cannot_run(model: Model, node: Any) -> str:
    """Why an operation cannot be run on any trust; "" where it can."""
    if node.name in model.unknown:
        return "which this TensorFlow does not have (tf.contrib's, or a custom one)"
    if _PYTHON.fullmatch(node.op):
        return "which calls a Python function that is in no file"
    return ""


def _callers(model: Model, nodes: Iterable[Any]) -> list[Any]:
    """The nodes that call functions of the graph: their operation is one, or they name one."""
    own = {body.signature.name for body in model.definition.library.function}
    return [
        node
        for node in nodes
        if node.op in own
        or any(value.HasField("func") or value.list.func for value in node.attr.values())
    ]


def _bodies(model: Model) -> list[Any]:
    """The nodes of all functions of the graph."""
    return [node for body in model.definition.library.function for node in body.node_def]
