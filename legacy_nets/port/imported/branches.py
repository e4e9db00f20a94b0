"""Values that a stranger's graph settles by itself, and the branches that they decide."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from legacy_nets import tf1 as tf
from legacy_nets.errors import BadInputError
from legacy_nets.graphdef.node_names import find_free_name, get_node_name, shorten_tensor_name
from legacy_nets.graphdef.traverse import list_data_inputs

_BRANCHES = ("Switch", "RefSwitch")
_COMPUTE: dict[str, Callable[..., Any]] = {
    **dict.fromkeys(("Identity", "StopGradient", "Enter", "RefEnter"), lambda a: a),
    **dict.fromkeys(_BRANCHES, lambda a, _: a),
    **dict.fromkeys(("Add", "AddV2"), np.add),
    **dict.fromkeys(("Div", "RealDiv"), lambda a, b: _divided(a, b)),
    "Sub": np.subtract,
    "Mul": np.multiply,
    "Inv": np.reciprocal,
    "Reciprocal": np.reciprocal,
    "Equal": np.equal,
    "NotEqual": np.not_equal,
    "Greater": np.greater,
    "GreaterEqual": np.greater_equal,
    "Less": np.less,
    "LessEqual": np.less_equal,
    "LogicalNot": np.logical_not,
    "LogicalAnd": np.logical_and,
    "LogicalOr": np.logical_or,
}
_STRING = tf.string.as_datatype_enum


def become_constant(node: Any, value: np.ndarray) -> None:
    """Makes a node (of which the attribute dtype stays) a constant."""
    kind = node.attr["dtype"].type
    node.op = "Const"
    node.ClearField("input")
    node.attr.clear()
    node.attr["dtype"].type = kind
    node.attr["value"].tensor.CopyFrom(tf.make_tensor_proto(value, dtype=tf.as_dtype(kind)))


def become(node: Any, tensor: str, kind: int) -> None:
    """Makes a node an Identity of a tensor."""
    node.op = "Identity"
    node.input[:] = [tensor]
    node.attr.clear()
    node.attr["T"].type = kind


def value_of(nodes: Mapping[str, Any], tensor: str, depth: int = 50) -> Any:
    """What a tensor is whatever comes in; None where it is not known without running anything."""
    node = nodes.get(get_node_name(tensor))
    if node is None or not depth:
        return None
    if node.op == "Const":
        proto = node.attr["value"].tensor
        small = all(side.size == 1 for side in proto.tensor_shape.dim)
        return tf.make_ndarray(proto).reshape(()) if small and proto.dtype != _STRING else None
    if node.op not in _COMPUTE and node.op != "Cast":
        return None
    values = [value_of(nodes, name, depth - 1) for name in list_data_inputs(node)]
    if values and any(value is None for value in values[: 1 if node.op in _BRANCHES else None]):
        return None
    with np.errstate(all="ignore"):
        if node.op == "Cast":
            kind = tf.as_dtype(node.attr["DstT"].type)
            return None if node.attr["Truncate"].b else _cast(values[0], kind)
        return _COMPUTE[node.op](*values)


def _cast(value: np.ndarray, kind: Any) -> np.ndarray | None:
    """A number as TensorFlow casts it; None for one that the kind cannot hold: that is open."""
    if not (kind.is_floating or kind.is_integer or kind.is_bool or kind.is_complex):
        return None
    if value.dtype.kind == "c" and not kind.is_complex:
        value = value.real
    if kind.is_integer and value.dtype.kind not in "iub":
        whole = float(np.trunc(value.astype(np.float64)))
        if not kind.min <= whole <= kind.max or whole == 2.0**63:  # int64's limit, as a float
            return None
    return value.astype(kind.as_numpy_dtype)


def _divided(value: np.ndarray, by: np.ndarray) -> np.ndarray | None:
    """A quotient; of integers without what is left over, towards 0. None for integers over 0."""
    if value.dtype.kind not in "iu":
        return np.asarray(np.true_divide(value, by))
    if by == 0:
        return None
    return np.asarray(value - np.fmod(value, by)) // by


def fold_branches(definition: Any, nodes: dict[str, Any]) -> tuple[int, set[str]]:
    """Takes each Switch whose condition is known out of a graph (``nodes``: by name).

    Returns how many conditions there were, and the nodes that nothing reads any more.
    Raises BadInputError for a Merge that loses some of its inputs and whose index is read.
    """
    read = {tensor for node in definition.node for tensor in node.input}
    dead: set[str] = set()  # tensors that never have a value
    alias: dict[str, str] = {}
    decided: set[str] = set()
    gone: set[str] = set()  # nodes
    before = -1
    while before != len(dead) + len(alias):
        before = len(dead) + len(alias)
        for node in list(nodes.values()):
            if node.name in gone:
                continue
            inputs = [_followed(alias, name) for name in node.input]
            lost = [name for name in inputs if name.lstrip("^") in dead]
            if node.op in ("Merge", "RefMerge"):
                inputs = [name for name in inputs if not name.startswith("^")]
                lost = [name for name in inputs if name in dead]
                loops = any(nodes[get_node_name(name)].op == "NextIteration" for name in inputs)
                if len(lost) == len(inputs) or (loops and inputs[0] in lost):
                    lost = inputs
                elif lost:
                    index = _without(node, inputs, lost, f"{node.name}:1" in read)
                    if index is not None:
                        alias[f"{node.name}:1"] = _add_index(definition, nodes, node, index)
                    lost = []
            elif node.op in _BRANCHES and not lost:
                taken = value_of(nodes, inputs[1])
                if taken is not None:
                    live, other = (f"{node.name}:1", node.name)[:: 1 if taken else -1]
                    alias[live] = inputs[0]
                    dead.add(other)
                    gone.add(node.name)
                    decided.add(_condition(nodes, node.input[1]))
            if lost:
                dead |= {node.name, *(f"{node.name}:{index}" for index in range(1, 9))}
                gone.add(node.name)
    for node in nodes.values():
        node.input[:] = [_followed(alias, name) for name in node.input]
    return len(decided), gone


def _without(merge: Any, inputs: list[str], lost: list[str], is_read: bool) -> int | None:
    """Takes a Merge's dead inputs off it.

    Returns what its second output is from now on, where that is read (``is_read``) and known.
    """
    living = [name for name in inputs if name not in lost]
    index = inputs.index(living[0])
    if len(living) == 1:
        become(merge, living[0], merge.attr["T"].type)
        return index if is_read else None
    if is_read and inputs[: len(living)] != living:
        raise BadInputError(
            f"{merge.name} tells by number which of {len(inputs)} inputs came: it cannot be cut "
            "down to those that do come; name --outputs before it"
        )
    merge.input[:] = [*living, *(edge for edge in merge.input if edge.startswith("^"))]
    merge.attr["N"].i = len(living)
    return None


def _add_index(definition: Any, nodes: dict[str, Any], merge: Any, index: int) -> str:
    """Adds the constant that comes to the place of a Merge's second output; its name."""
    node = definition.node.add(name=find_free_name(f"{merge.name}/index", nodes))
    node.attr["dtype"].type = tf.int32.as_datatype_enum
    become_constant(node, np.asarray(index))
    nodes[node.name] = node
    return str(node.name)


def _condition(nodes: Mapping[str, Any], tensor: str) -> str:
    """The name behind a condition's own copies of it."""
    while nodes[get_node_name(tensor)].op in ("Identity", "Switch"):
        tensor = nodes[get_node_name(tensor)].input[0]
    return shorten_tensor_name(tensor)


def _followed(alias: Mapping[str, str], tensor: str) -> str:
    while tensor in alias:
        tensor = alias[tensor]
    return tensor
