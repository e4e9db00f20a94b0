"""Operations that TensorFlow does not have, where a stranger's outputs may not need them.

A graph can be built when something known stands in their place; it is never run.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from legacy_nets import tf1 as tf
from legacy_nets.graphdef.load import check_ops_are_known, import_graph
from legacy_nets.tf1.functions import is_known

_STAND_IN = "PyFunc"  # takes control edges alone, gives any number of tensors of any kinds


def unknown_nodes(path: Path, definition: Any) -> frozenset[str]:
    """Names of the nodes whose operation TensorFlow does not have.

    Raises BadInputError for such an operation in a function, which cannot be built at all.
    """
    library = tf.GraphDef()
    library.library.CopyFrom(definition.library)
    check_ops_are_known(path, library)
    own = {function.signature.name for function in definition.library.function}
    return frozenset(
        node.name for node in definition.node if node.op not in own and not is_known(node.op)
    )


def built(
    path: Path,
    definition: Any,
    producers: Any,
    unknown: frozenset[str],
    trust: bool,
    before: Any = None,
) -> Any:
    """A graph of a definition, as ``imported``, with stand-ins for ``unknown`` nodes.

    ``producers``: the op list that was saved beside it, or None; it says what they give. What
    nobody reads may give anything. ``before``: such a graph of the same nodes, which tells it.
    Raises BadInputError where that is not known, or where the rest cannot be built.
    """
    if not unknown:
        return import_graph(path, definition, producers, trust)
    known = {operation.name: operation for operation in producers.op} if producers else {}
    read = {name.partition(":")[0] for node in definition.node for name in node.input}
    found = tf.GraphDef()
    found.CopyFrom(definition)
    for node in found.node:
        if node.name not in unknown:
            continue
        kinds = [tf.float32.as_datatype_enum]
        if before is not None:
            given = before.get_operation_by_name(node.name).outputs
            kinds = [tensor.dtype.base_dtype.as_datatype_enum for tensor in given]
        elif node.op in known:
            kinds = [kind for give in known[node.op].output_arg for kind in _kinds(node, give)]
        elif node.name in read:
            check_ops_are_known(path, definition)
        operation, node.op = node.op, _STAND_IN
        node.input[:] = [edge for edge in node.input if edge.startswith("^")]
        node.attr.clear()
        why = "which needs --trust," if is_known(operation) else "which is not known,"
        node.attr["token"].s = f"{operation} ({node.name}), {why}".encode()
        node.attr["Tin"].list.SetInParent()
        node.attr["Tout"].list.type.extend(kinds)
    return import_graph(path, found, producers, trust)


def _kinds(node: Any, give: Any) -> list[int]:
    """The dtypes of one output argument of an operation, which may be several tensors."""
    if give.type_list_attr:
        return list(node.attr[give.type_list_attr].list.type)
    count = node.attr[give.number_attr].i if give.number_attr else 1
    return [give.type or node.attr[give.type_attr].type] * count
