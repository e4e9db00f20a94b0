"""Turns the training-time parts of a stranger's graph off, where it is proven what they are."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np

from legacy_nets import tf1 as tf
from legacy_nets.graphdef.node_names import get_node_name, is_training_gradient
from legacy_nets.graphdef.op_types import PLACEHOLDERS
from legacy_nets.graphdef.traverse import index_nodes, list_data_inputs
from legacy_nets.port.imported.branches import become, become_constant, fold_branches, value_of
from legacy_nets.port.imported.graph import Model, rank_of
from legacy_nets.port.imported.settings import setting

_TRAINING = re.compile(r"train|learning_?phase|phase|dropout", re.I)
_TESTING = re.compile(r"test|infer|eval|valid", re.I)
_ACTIVE = re.compile(r"Assign|Random|TruncatedNormal")
_CLOSE = 1e-6


class Folded(NamedTuple):
    """A graph as it infers, and how the original is told to do the same."""

    definition: Any
    settings: dict[str, np.ndarray]  # placeholder -> value
    ones: tuple[tuple[str, int], ...]  # node of the original, which of its inputs is to be all 1
    notes: tuple[str, ...]


def fold(model: Model, given: Mapping[str, str]) -> Folded:
    """Sets the settings (``given``: placeholder -> text, or told by name and use), then folds.

    Raises BadInputError for a ``given`` that is no scalar placeholder or no such value.
    """
    definition = tf.GraphDef()
    definition.CopyFrom(model.definition)
    nodes = index_nodes(definition)
    notes: list[str] = []
    settings = {name: setting(model, nodes, name, text) for name, text in given.items()}
    for node in definition.node:
        if node.name not in settings and _is_flag(model, node):
            flag = _named_flag(node.name)
            flag = _quieter(definition, node.name) if flag is None else flag
            if flag is not None:
                settings[node.name] = np.asarray(flag)
    for name, value in settings.items():
        become_constant(nodes[name], value)
    before = _unread(nodes)
    branches, gone = fold_branches(definition, nodes)
    _remove(definition, gone)
    while gone:  # what only they read
        nodes = index_nodes(definition)
        gone = _unread(nodes) - before
        _remove(definition, gone)
    nodes = index_nodes(definition)
    drops = _dropouts(nodes)
    for drop in drops:
        keep = _keep_placeholder(nodes, drop)
        if keep and keep[0] not in settings:
            kind = tf.as_dtype(nodes[keep[0]].attr["dtype"].type).as_numpy_dtype
            settings[keep[0]] = np.asarray(keep[1], kind)
            become_constant(nodes[keep[0]], settings[keep[0]])
    ones: list[tuple[str, int]] = []
    off, built_in = 0, 0
    for drop in drops:
        found = _switch_off(nodes, drop)
        off += found is not None
        built_in += bool(found)
        ones += found or ()
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
    return Folded(definition, settings, tuple(ones), tuple(notes))


def _is_flag(model: Model, node: Any) -> bool:
    boolean = node.op in PLACEHOLDERS and node.attr["dtype"].type == tf.bool.as_datatype_enum
    return boolean and rank_of(model, node.name) in (0, None)


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
        nodes = index_nodes(trial)
        become_constant(nodes[name], np.asarray(value))
        gone = fold_branches(trial, nodes)[1]
        active[value] = sum(bool(_ACTIVE.match(nodes[left].op)) for left in nodes.keys() - gone)
    if active[False] == active[True]:
        return None
    return active[True] < active[False]


class _Dropout(NamedTuple):
    """product = data * mask; the mask is 1 with a probability that ``level`` (tensor) tells."""

    product: str  # node
    data: str  # tensor
    mask: int  # which input of the product
    level: str
    is_rate: bool  # the level is the share that is dropped, not the share that is kept


def _dropouts(nodes: Mapping[str, Any]) -> list[_Dropout]:
    """Every x * floor(keep + uniform), x * cast(uniform >= rate), uniform >= rate ? x : 0."""
    found = []
    for node in nodes.values():
        tensors = list_data_inputs(node)
        if is_training_gradient(node.name):
            continue
        if node.op == "Mul" and len(tensors) == 2:
            for mask in (1, 0):
                level = _level(nodes, tensors[mask])
                if level:
                    found.append(_Dropout(node.name, tensors[1 - mask], mask, *level))
                    break
        elif node.op in ("Select", "SelectV2"):
            condition, data, other = tensors
            rate = _rate(nodes, condition)
            if rate and value_of(nodes, other) == 0:
                found.append(_Dropout(node.name, data, 0, rate, True))
    return found


def _level(nodes: Mapping[str, Any], mask: str) -> tuple[str, bool] | None:
    node = nodes.get(get_node_name(mask))
    if node is None or node.op not in ("Floor", "Cast"):
        return None
    if node.op == "Cast":
        rate = _rate(nodes, node.input[0])
        return (rate, True) if rate else None
    inner = nodes.get(get_node_name(node.input[0]))
    if inner is not None and inner.op in ("Add", "AddV2"):
        one, other = inner.input[:2]
        for level, noise in ((one, other), (other, one)):
            if _is_uniform(nodes, noise):
                return level, False
    return None


def _rate(nodes: Mapping[str, Any], tensor: str) -> str | None:
    """What a random number in [0, 1) is held against."""
    node = nodes.get(get_node_name(tensor))
    if node is None or node.op != "GreaterEqual" or not _is_uniform(nodes, node.input[0]):
        return None
    return str(node.input[1])


def _is_uniform(nodes: Mapping[str, Any], tensor: str) -> bool:
    """Whether a tensor is random in [0, 1): RandomUniform, times 1, plus 0."""
    node = nodes.get(get_node_name(tensor))
    if node is None:
        return False
    if node.op == "RandomUniform":
        return True
    neutral = {"Add": 0, "AddV2": 0, "Mul": 1}.get(node.op)
    if neutral is None:
        return node.op in ("Identity", "Enter") and _is_uniform(nodes, node.input[0])
    return _is_uniform(nodes, node.input[0]) and value_of(nodes, node.input[1]) == neutral


def _keep_placeholder(nodes: Mapping[str, Any], drop: _Dropout) -> tuple[str, float] | None:
    """The placeholder that the level hangs on alone, and its value that drops nothing."""
    stack, seen = [get_node_name(drop.level)], set()
    while stack:
        name = stack.pop()
        if name not in seen and name in nodes:
            seen.add(name)
            stack.extend(get_node_name(tensor) for tensor in list_data_inputs(nodes[name]))
    held = [name for name in seen if nodes[name].op in PLACEHOLDERS]
    if len(held) != 1:
        return None
    wanted = 0 if drop.is_rate else 1
    for value in (1.0, 0.0):
        trial = {**nodes, held[0]: tf.NodeDef()}
        trial[held[0]].attr["dtype"].CopyFrom(nodes[held[0]].attr["dtype"])
        become_constant(trial[held[0]], np.asarray(value))
        if value_of(trial, drop.level) == wanted:
            return held[0], value
    return None


def _switch_off(nodes: Mapping[str, Any], drop: _Dropout) -> tuple[tuple[str, int], ...] | None:
    """Takes one dropout out where its level is known; None where it stays.

    Returns the inputs (node, which one) that are to be 1 in the original, so that it does the
    same: none where nothing was dropped, else the mask and what undoes the loss (1 / keep).
    """
    level = value_of(nodes, drop.level)
    if level is None:
        return None
    keep = float(1 - level if drop.is_rate else level)
    product, scaled = nodes[drop.product], nodes.get(get_node_name(drop.data))
    kind = product.attr["T"].type
    undone = False
    if scaled is not None and scaled.op in ("RealDiv", "Div", "Mul"):
        factor = value_of(nodes, scaled.input[1])
        if factor is not None and factor:
            factor = float(factor if scaled.op == "Mul" else 1 / factor)
            undone = abs(factor * keep - 1) < _CLOSE * factor
    if scaled is not None and undone and (keep == 1 or _readers(nodes, scaled.name) == 1):
        become(scaled, scaled.input[0], kind)
    elif keep != 1:
        return None  # not scaled by 1 / keep: that is another thing than tf.nn.dropout
    become(product, drop.data, kind)
    return () if keep == 1 else ((drop.product, drop.mask), (get_node_name(drop.data), 1))


def _readers(nodes: Mapping[str, Any], name: str) -> int:
    """How many nodes read another one, gradients apart."""
    return sum(
        name in map(get_node_name, list_data_inputs(node))
        for node in nodes.values()
        if not is_training_gradient(node.name)
    )


def _remove(definition: Any, names: set[str]) -> None:
    kept = [node for node in definition.node if node.name not in names]
    del definition.node[:]
    definition.node.extend(kept)


def _unread(nodes: Mapping[str, Any]) -> set[str]:
    """Names of the nodes that nothing but gradients takes a tensor of."""
    read = {
        get_node_name(tensor)
        for node in nodes.values()
        if not is_training_gradient(node.name)
        for tensor in list_data_inputs(node)
    }
    return nodes.keys() - read
