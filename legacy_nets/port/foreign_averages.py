"""Moving averages of a stranger's variables, read from the checkpoint by what its saver says."""

from __future__ import annotations

from collections.abc import Iterable
from collections.abc import Iterator
from typing import Any

import numpy as np

from legacy_nets import tf1 as tf
from legacy_nets.checkpoints.read import open_weights
from legacy_nets.checkpoints.slots import AVERAGE
from legacy_nets.port.foreign_graph import Model
from legacy_nets.port.foreign_graph import data_inputs
from legacy_nets.port.foreign_graph import node_of
from legacy_nets.port.foreign_graph import nodes_by_name
from legacy_nets.port.foreign_run import fill
from legacy_nets.port.weights import average_of

_WHOLE: tuple[slice, ...] = ()


def choose_weights(
    model: Model, session: Any, checkpoint: str, names: Iterable[str], averaged: bool
) -> int:
    """Fills variables (``names``) with their moving averages; how many have one.

    Not ``averaged``, with themselves, where the saver of an evaluation's graph took the average.
    A part of a variable that a partitioner cut is filled with that part.
    """
    source = open_weights(checkpoint)
    saved = dict(_saved(model))
    found = {}
    for name in names:
        restored, part = saved.get(name, (name, _WHOLE))
        key = restored.removesuffix(AVERAGE)
        wanted = average_of(key, source.tensors) if averaged else key
        if wanted in source.tensors and (averaged or wanted != restored):
            found[name] = (wanted, part)
    fill(model, session, ((name, source.read(key)[part]) for name, (key, part) in found.items()))
    return len(found) if averaged else 0


def _saved(model: Model) -> Iterator[tuple[str, tuple[str, tuple[slice, ...]]]]:
    """Variable -> the tensor of the checkpoint that it is restored from, and which part of it."""
    nodes = nodes_by_name(model.definition)
    for node in nodes.values():
        if node.op not in ("Assign", "AssignVariableOp"):
            continue
        variable, value = data_inputs(node)[:2]
        while nodes[node_of(value)].op == "Identity":
            value = nodes[node_of(value)].input[0]
        restore = nodes[node_of(value)]
        if restore.op != "RestoreV2":
            continue
        index = int(value.partition(":")[2] or 0)
        names, parts = (_texts(nodes, tensor) for tensor in data_inputs(restore)[1:3])
        if index < len(names) and index < len(parts):
            yield node_of(variable), (names[index], _part(parts[index]))


def _texts(nodes: Any, tensor: str) -> list[str]:
    """What a constant of text says; nothing where it is none."""
    node = nodes[node_of(tensor)]
    if node.op != "Const":
        return []
    return [text.decode() for text in np.ravel(tf.make_ndarray(node.attr["value"].tensor))]


def _part(text: str) -> tuple[slice, ...]:
    """ "31 4 11,10:0,4" is rows 11 to 20 of 31; "-" is a whole side, "" the whole tensor."""
    if not text:
        return _WHOLE
    sides = []
    for side in text.split()[-1].split(":"):
        start, _, length = side.partition(",")
        sides.append(slice(None) if side == "-" else slice(int(start), int(start) + int(length)))
    return tuple(sides)
