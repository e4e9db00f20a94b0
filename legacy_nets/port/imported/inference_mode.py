"""Turns off what a graph does only in training, where the graph proves what that is."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

from legacy_nets import tf1 as tf
from legacy_nets.graphdef.edit import copy_graph_def, make_constant, remove_nodes
from legacy_nets.graphdef.node_names import get_node_name, is_training_gradient
from legacy_nets.graphdef.op_types import PLACEHOLDERS
from legacy_nets.graphdef.traverse import index_nodes, list_data_inputs
from legacy_nets.port.imported.branches import fold_branches
from legacy_nets.port.imported.dropouts import (
    find_dropouts,
    find_keep_placeholder,
    remove_dropout,
)
from legacy_nets.port.imported.graph import ImportedGraph
from legacy_nets.port.imported.settings import parse_setting
from legacy_nets.port.imported.subgraph import NodeInput
from legacy_nets.types import Array, GraphDef, NodeDef

_TRAINING_FLAG = re.compile(r"train|learning_?phase|phase|dropout", re.I)
_INFERENCE_FLAG = re.compile(r"test|infer|eval|valid", re.I)
_TRAINING_OP = re.compile(r"Assign|Random|TruncatedNormal")


class InferenceGraph(NamedTuple):
    """A graph as it infers, and how to make the original do the same."""

    definition: GraphDef
    settings: dict[str, Array]  # placeholder -> value
    forced_ones: tuple[NodeInput, ...]  # inputs of the original's nodes to set to 1
    notes: tuple[str, ...]


def switch_to_inference(
    imported: ImportedGraph, user_settings: Mapping[str, str]
) -> InferenceGraph:
    """Sets placeholders such as is_training, then removes branches and dropouts of training.

    ``user_settings``: placeholder -> text. Other placeholders are set if their names, or what they
    switch, tell what inference needs.
    Raises BadInputError for a name that is no placeholder, or a value that it cannot take.
    """
    definition = copy_graph_def(imported.definition)
    nodes = index_nodes(definition)
    settings = _choose_settings(imported, definition, user_settings)
    for name, value in settings.items():
        make_constant(nodes[name], value)
    conditions = _remove_branches(definition)
    dropouts = _remove_dropouts(definition, settings)
    notes = [f"{name} is set to {value.tolist()}" for name, value in settings.items()]
    if conditions:
        notes.append(f"{conditions} conditions of tf.cond are decided by these settings")
    return InferenceGraph(
        definition, settings, dropouts.forced_ones, (*notes, *dropouts.describe())
    )


def _choose_settings(
    imported: ImportedGraph, definition: GraphDef, user_settings: Mapping[str, str]
) -> dict[str, Array]:
    """Parses the user's settings, and adds the flags whose value at inference can be told."""
    nodes = index_nodes(definition)
    settings = {
        name: parse_setting(imported, nodes, name, text) for name, text in user_settings.items()
    }
    for node in definition.node:
        if node.name not in settings and _is_flag(imported, node):
            flag = _choose_flag_by_name(node.name)
            if flag is None:
                flag = _choose_flag_by_effect(definition, node.name)
            if flag is not None:
                settings[node.name] = np.asarray(flag)
    return settings


def _is_flag(imported: ImportedGraph, node: NodeDef) -> bool:
    if node.op not in PLACEHOLDERS or node.attr["dtype"].type != tf.bool.as_datatype_enum:
        return False
    return imported.get_rank(node.name) in (0, None)


def _choose_flag_by_name(name: str) -> bool | None:
    """Chooses the value of a flag at inference; None where its name does not tell."""
    last_part = name.rpartition("/")[2]
    if _INFERENCE_FLAG.search(last_part) and not re.search("train", last_part, re.I):
        return True
    return False if _TRAINING_FLAG.search(last_part) else None


def _choose_flag_by_effect(definition: GraphDef, name: str) -> bool | None:
    """Chooses the value of a flag that switches off updates and random numbers, if either does."""
    counts = {flag: _count_training_ops(definition, name, flag) for flag in (False, True)}
    if counts[False] == counts[True]:
        return None
    return counts[True] < counts[False]


def _count_training_ops(definition: GraphDef, name: str, flag: bool) -> int:
    """Counts the updates and random numbers that run if a flag has a value."""
    trial = copy_graph_def(definition)
    nodes = index_nodes(trial)
    make_constant(nodes[name], np.asarray(flag))
    dead_nodes = fold_branches(trial, nodes).dead_nodes
    live = nodes.keys() - dead_nodes
    return sum(_TRAINING_OP.match(nodes[name].op) is not None for name in live)


def _remove_branches(definition: GraphDef) -> int:
    """Removes the branches that are never taken, and what only they read.

    Returns how many conditions were known.
    """
    nodes = index_nodes(definition)
    unread_before = _find_unread(nodes)
    folded = fold_branches(definition, nodes)
    removed = folded.dead_nodes
    while removed:
        remove_nodes(definition, removed)
        removed = _find_unread(index_nodes(definition)) - unread_before
    return folded.conditions


def _find_unread(nodes: Mapping[str, NodeDef]) -> set[str]:
    """Finds the nodes whose tensors only gradients read."""
    read = {
        get_node_name(tensor)
        for node in nodes.values()
        if not is_training_gradient(node.name)
        for tensor in list_data_inputs(node)
    }
    return nodes.keys() - read


class _RemovedDropouts(NamedTuple):
    switched_off: int  # they dropped nothing under the settings
    built_in: int  # their probability was a constant
    left: int
    forced_ones: tuple[NodeInput, ...]

    def describe(self) -> list[str]:
        notes = []
        if self.switched_off:
            notes.append(
                f"{self.switched_off} dropouts removed: their mask is 1 under these settings"
            )
        if self.built_in:
            notes.append(
                f"{self.built_in} dropouts with a constant probability removed: the graph was "
                "built to train"
            )
        if self.left:
            notes.append(f"{self.left} dropouts stay: their probability is not known")
        return notes


def _remove_dropouts(definition: GraphDef, settings: dict[str, Array]) -> _RemovedDropouts:
    """Removes dropouts; adds the placeholders of their probabilities to the settings."""
    nodes = index_nodes(definition)
    dropouts = find_dropouts(nodes)
    for dropout in dropouts:
        keep = find_keep_placeholder(nodes, dropout)
        if keep and keep[0] not in settings:
            name, value = keep
            dtype = tf.as_dtype(nodes[name].attr["dtype"].type).as_numpy_dtype
            settings[name] = np.asarray(value, dtype)
            make_constant(nodes[name], settings[name])
    forced_ones = [remove_dropout(nodes, dropout) for dropout in dropouts]
    return _RemovedDropouts(
        switched_off=sum(forced == () for forced in forced_ones),
        built_in=sum(bool(forced) for forced in forced_ones),
        left=forced_ones.count(None),
        forced_ones=tuple(node_input for forced in forced_ones for node_input in forced or ()),
    )
