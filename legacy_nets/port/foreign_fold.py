"""Turns the training-time parts of a stranger's graph off, where it is proven what they are."""

from __future__ import annotations

import re
from collections.abc import Callable
from collections.abc import Mapping
from typing import Any
from typing import NamedTuple

import numpy as np

from legacy_nets import tf1 as tf
from legacy_nets.errors import BadInputError
from legacy_nets.port.foreign_graph import GRADIENTS
from legacy_nets.port.foreign_graph import Model
from legacy_nets.port.foreign_graph import data_inputs
from legacy_nets.port.foreign_graph import node_of
from legacy_nets.port.foreign_graph import nodes_by_name
from legacy_nets.port.foreign_graph import short

PLACEHOLDERS = ("Placeholder", "PlaceholderV2", "PlaceholderWithDefault")
_TRAINING = re.compile(r"train|learning_?phase|phase|dropout", re.I)
_TESTING = re.compile(r"test|infer|eval|valid", re.I)
_ACTIVE = re.compile(r"Assign|Random|TruncatedNormal")
_BRANCHES = ("Switch", "RefSwitch")
_COMPUTE: dict[str, Callable[..., Any]] = {
    **dict.fromkeys(("Identity", "StopGradient", "Cast", "Enter", "RefEnter"), lambda a: a),
    **dict.fromkeys(_BRANCHES, lambda a, _: a),
    **dict.fromkeys(("Add", "AddV2"), np.add),
    **dict.fromkeys(("Div", "RealDiv"), np.true_divide),
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
_CLOSE = 1e-6
_STRING = tf.string.as_datatype_enum


class Folded(NamedTuple):
    """A graph as it infers, and how the original is told to do the same."""

    definition: Any
    settings: dict[str, np.ndarray]  # placeholder -> value
    masks: dict[str, float]  # tensor of the original -> what every element of it is to be
    notes: tuple[str, ...]


def fold(model: Model, given: Mapping[str, str]) -> Folded:
    """Sets the settings (``given``: placeholder -> text, or told by name and use), then folds.

    Raises BadInputError for a ``given`` that is no scalar placeholder or no such value.
    """
    definition = tf.GraphDef()
    definition.CopyFrom(model.definition)
    nodes = nodes_by_name(definition)
    notes: list[str] = []
    settings = {name: _parsed(model, nodes, name, text) for name, text in given.items()}
    for node in definition.node:
        if node.name not in settings and _is_flag(model, node):
            flag = _named_flag(node.name)
            flag = _quieter(definition, node.name) if flag is None else flag
            if flag is not None:
                settings[node.name] = np.asarray(flag)
    for name, value in settings.items():
        _become_constant(nodes[name], value)
    before = _unread(nodes)
    branches, gone = _fold_branches(nodes)
    _remove(definition, gone)
    while gone:  # what only they read
        nodes = nodes_by_name(definition)
        gone = _unread(nodes) - before
        _remove(definition, gone)
    nodes = nodes_by_name(definition)
    drops = _dropouts(nodes)
    for drop in drops:
        keep = _keep_placeholder(nodes, drop)
        if keep and keep[0] not in settings:
            kind = tf.as_dtype(nodes[keep[0]].attr["dtype"].type).as_numpy_dtype
            settings[keep[0]] = np.asarray(keep[1], kind)
            _become_constant(nodes[keep[0]], settings[keep[0]])
    masks: dict[str, float] = {}
    off, built_in = 0, 0
    for drop in drops:
        mask = _switch_off(nodes, drop)
        off += mask is not None
        if mask:
            masks.update(dict.fromkeys(mask, 1.0))
            built_in += 1
    for name, value in settings.items():
        notes.append(f"{name} is set to {value.tolist()}")
    if branches:
        notes.append(f"{branches} conditions of tf.cond decided by these settings")
    if off > built_in:
        notes.append(f"{off - built_in} dropouts taken out: their mask is 1 under these settings")
    if built_in:
        notes.append(
            f"{built_in} dropouts with a constant probability taken out: the graph was built "
            "to train"
        )
    if len(drops) > off:
        notes.append(f"{len(drops) - off} dropouts stay: their probability is not known")
    return Folded(definition, settings, masks, tuple(notes))


def _is_flag(model: Model, node: Any) -> bool:
    boolean = node.op in PLACEHOLDERS and node.attr["dtype"].type == tf.bool.as_datatype_enum
    return boolean and _rank(model, node.name) in (0, None)


def _named_flag(name: str) -> bool | None:
    """What a flag of that name is at inference; None where the name does not say."""
    last = name.rpartition("/")[2]
    if _TESTING.search(last) and not re.search("train", last, re.I):
        return True
    return False if _TRAINING.search(last) else None


def _quieter(definition: Any, name: str) -> bool | None:
    """The value of a flag that switches updates and random numbers off, if either does."""
    active = {}
    for value in (False, True):
        trial = tf.GraphDef()
        trial.CopyFrom(definition)
        nodes = nodes_by_name(trial)
        _become_constant(nodes[name], np.asarray(value))
        gone = _fold_branches(nodes)[1]
        active[value] = sum(bool(_ACTIVE.match(nodes[left].op)) for left in nodes.keys() - gone)
    if active[False] == active[True]:
        return None
    return active[True] < active[False]


def _rank(model: Model, name: str) -> int | None:
    rank: int | None = model.graph.get_tensor_by_name(f"{name}:0").shape.rank
    return rank


def _parsed(model: Model, nodes: Mapping[str, Any], name: str, text: str) -> np.ndarray:
    if name not in nodes or nodes[name].op not in PLACEHOLDERS:
        raise BadInputError(f"--set {name}={text}: {model.path} has no placeholder of that name")
    if _rank(model, name) not in (0, 1, None):
        raise BadInputError(f"--set {name}={text}: only a number, or a row of them, can be set")
    kind = tf.as_dtype(nodes[name].attr["dtype"].type)
    words = {"true": 1, "false": 0}
    try:
        if "," in text:
            row = [float(number) for number in text.split(",")]
            return np.asarray(row).astype(kind.as_numpy_dtype)
        return (
            np.asarray(words.get(text.lower(), text)).astype(np.float64).astype(kind.as_numpy_dtype)
        )
    except (ValueError, TypeError):
        raise BadInputError(f"--set {name}={text}: no value of {kind.name}") from None


def _become_constant(node: Any, value: np.ndarray) -> None:
    kind = node.attr["dtype"].type
    node.op = "Const"
    node.ClearField("input")
    node.attr.clear()
    node.attr["dtype"].type = kind
    node.attr["value"].tensor.CopyFrom(tf.make_tensor_proto(value, dtype=tf.as_dtype(kind)))


def _become(node: Any, tensor: str, kind: int) -> None:
    """Makes a node an Identity of a tensor."""
    node.op = "Identity"
    node.input[:] = [tensor]
    node.attr.clear()
    node.attr["T"].type = kind


def value_of(nodes: Mapping[str, Any], tensor: str, depth: int = 50) -> Any:
    """What a tensor is whatever comes in; None where it is not known without running anything."""
    node = nodes.get(node_of(tensor))
    if node is None or not depth:
        return None
    if node.op == "Const":
        proto = node.attr["value"].tensor
        small = all(side.size == 1 for side in proto.tensor_shape.dim)
        return tf.make_ndarray(proto).reshape(()) if small and proto.dtype != _STRING else None
    if node.op not in _COMPUTE:
        return None
    values = [value_of(nodes, name, depth - 1) for name in data_inputs(node)]
    if values and any(value is None for value in values[: 1 if node.op in _BRANCHES else None]):
        return None
    with np.errstate(all="ignore"):
        return _COMPUTE[node.op](*values)


class _Dropout(NamedTuple):
    """product = data * mask; the mask is 1 with a probability that ``level`` tells."""

    product: str  # node
    data: str  # tensors
    mask: str
    level: str
    is_rate: bool  # the level is the share that is dropped, not the share that is kept


def _dropouts(nodes: Mapping[str, Any]) -> list[_Dropout]:
    """Every x * floor(keep + uniform), x * cast(uniform >= rate), uniform >= rate ? x : 0."""
    found = []
    for node in nodes.values():
        tensors = data_inputs(node)
        if GRADIENTS.search(node.name):
            continue
        if node.op == "Mul" and len(tensors) == 2:
            for data, mask in (tensors, tensors[::-1]):
                level = _level(nodes, mask)
                if level:
                    found.append(_Dropout(node.name, data, mask, *level))
                    break
        elif node.op in ("Select", "SelectV2"):
            mask, data, other = tensors
            rate = _rate(nodes, mask)
            if rate and value_of(nodes, other) == 0:
                found.append(_Dropout(node.name, data, mask, rate, True))
    return found


def _level(nodes: Mapping[str, Any], mask: str) -> tuple[str, bool] | None:
    node = nodes.get(node_of(mask))
    if node is None or node.op not in ("Floor", "Cast"):
        return None
    if node.op == "Cast":
        rate = _rate(nodes, node.input[0])
        return (rate, True) if rate else None
    inner = nodes.get(node_of(node.input[0]))
    if inner is not None and inner.op in ("Add", "AddV2"):
        one, other = inner.input[:2]
        for level, noise in ((one, other), (other, one)):
            if _is_uniform(nodes, noise):
                return level, False
    return None


def _rate(nodes: Mapping[str, Any], tensor: str) -> str | None:
    """What a random number in [0, 1) is held against."""
    node = nodes.get(node_of(tensor))
    if node is None or node.op != "GreaterEqual" or not _is_uniform(nodes, node.input[0]):
        return None
    return str(node.input[1])


def _is_uniform(nodes: Mapping[str, Any], tensor: str) -> bool:
    """Whether a tensor is random in [0, 1): RandomUniform, times 1, plus 0."""
    node = nodes.get(node_of(tensor))
    if node is None:
        return False
    if node.op == "RandomUniform":
        return True
    neutral = {"Add": 0, "AddV2": 0, "Mul": 1}.get(node.op)
    if neutral is None:
        return node.op == "Identity" and _is_uniform(nodes, node.input[0])
    return _is_uniform(nodes, node.input[0]) and value_of(nodes, node.input[1]) == neutral


def _keep_placeholder(nodes: Mapping[str, Any], drop: _Dropout) -> tuple[str, float] | None:
    """The placeholder that the level hangs on alone, and its value that drops nothing."""
    stack, seen = [node_of(drop.level)], set()
    while stack:
        name = stack.pop()
        if name not in seen and name in nodes:
            seen.add(name)
            stack.extend(node_of(tensor) for tensor in data_inputs(nodes[name]))
    held = [name for name in seen if nodes[name].op in PLACEHOLDERS]
    if len(held) != 1:
        return None
    wanted = 0 if drop.is_rate else 1
    for value in (1.0, 0.0):
        trial = {**nodes, held[0]: tf.NodeDef()}
        trial[held[0]].attr["dtype"].CopyFrom(nodes[held[0]].attr["dtype"])
        _become_constant(trial[held[0]], np.asarray(value))
        if value_of(trial, drop.level) == wanted:
            return held[0], value
    return None


def _switch_off(nodes: Mapping[str, Any], drop: _Dropout) -> tuple[str, ...] | None:
    """Takes one dropout out where its level is known; None where it stays.

    Returns the tensors that are to be 1 in the original, so that this does the same: none where
    nothing was dropped, else the mask and what undoes the loss (1 / keep).
    """
    level = value_of(nodes, drop.level)
    if level is None:
        return None
    keep = float(1 - level if drop.is_rate else level)
    product, scaled = nodes[drop.product], nodes.get(node_of(drop.data))
    kind = product.attr["T"].type
    undone = ""
    if scaled is not None and scaled.op in ("RealDiv", "Div", "Mul"):
        factor = value_of(nodes, scaled.input[1])
        if factor is not None and factor:
            factor = float(factor if scaled.op == "Mul" else 1 / factor)
            undone = scaled.input[1] if abs(factor * keep - 1) < _CLOSE * factor else ""
    if scaled is not None and undone and (keep == 1 or _readers(nodes, scaled.name) == 1):
        _become(scaled, scaled.input[0], kind)
    elif keep != 1:
        return None  # not scaled by 1 / keep: that is another thing than tf.nn.dropout
    _become(product, drop.data, kind)
    return () if keep == 1 else (drop.mask, undone)


def _readers(nodes: Mapping[str, Any], name: str) -> int:
    """How many nodes read another one, gradients apart."""
    return sum(
        name in map(node_of, data_inputs(node))
        for node in nodes.values()
        if not GRADIENTS.search(node.name)
    )


def _remove(definition: Any, names: set[str]) -> None:
    kept = [node for node in definition.node if node.name not in names]
    del definition.node[:]
    definition.node.extend(kept)


def _unread(nodes: Mapping[str, Any]) -> set[str]:
    """Names of the nodes that nothing but gradients takes a tensor of."""
    read = {
        node_of(tensor)
        for node in nodes.values()
        if not GRADIENTS.search(node.name)
        for tensor in data_inputs(node)
    }
    return nodes.keys() - read


def _fold_branches(nodes: Mapping[str, Any]) -> tuple[int, set[str]]:
    """Takes each Switch whose condition is known out of a graph.

    Returns how many conditions there were, and the nodes that nothing reads any more.
    """
    dead: set[str] = set()  # tensors that never have a value
    alias: dict[str, str] = {}
    decided: set[str] = set()
    gone: set[str] = set()  # nodes
    before = -1
    while before != len(dead) + len(alias):
        before = len(dead) + len(alias)
        for node in nodes.values():
            if node.name in gone:
                continue
            inputs = [_followed(alias, name) for name in node.input]
            lost = [name for name in inputs if name.lstrip("^") in dead]
            if node.op in ("Merge", "RefMerge"):
                loops = any(nodes[node_of(name)].op == "NextIteration" for name in inputs)
                if len(lost) == len(inputs) or (loops and inputs[0] in lost):
                    lost = inputs
                elif lost:
                    [living] = [name for name in inputs if name not in lost]
                    _become(node, living, node.attr["T"].type)
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


def _condition(nodes: Mapping[str, Any], tensor: str) -> str:
    """The name behind a condition's own copies of it."""
    while nodes[node_of(tensor)].op in ("Identity", "Switch"):
        tensor = nodes[node_of(tensor)].input[0]
    return short(tensor)


def _followed(alias: Mapping[str, str], tensor: str) -> str:
    while tensor in alias:
        tensor = alias[tensor]
    return tensor
