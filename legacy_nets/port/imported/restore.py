"""Fills the variables of a stranger's graph from its checkpoint, as its own saver does."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np

from legacy_nets import tf1 as tf
from legacy_nets.checkpoints.open import open_weights
from legacy_nets.checkpoints.optimizer_slots import is_slot
from legacy_nets.checkpoints.source import Source
from legacy_nets.errors import CheckpointError, join_lines
from legacy_nets.graphdef.node_names import complete_tensor_name, get_node_name
from legacy_nets.graphdef.op_types import VARIABLES
from legacy_nets.graphdef.traverse import index_nodes, list_data_inputs
from legacy_nets.port.imported.graph import Model

WHOLE: tuple[slice, ...] = ()  # the part of a variable that is all of it


def restore(model: Model, session: Any, checkpoint: str) -> None:
    """Fills the variables of a graph from its checkpoint, as its own saver does.

    A graph without a saver gets each variable by its name.
    Raises CheckpointError where the checkpoint is of another graph.
    """
    source = open_weights(checkpoint)
    source.check_complete()
    if model.restore:
        operation, file_name = model.restore
        unfit = f"{checkpoint} does not fit {model.path}: "
        misshapen = _misshapen(model, source)
        if misshapen:
            raise CheckpointError(f"{unfit}{misshapen}; {_fitting(model, checkpoint)}")
        try:
            session.run(operation, {complete_tensor_name(file_name): checkpoint})
        except (tf.errors.OpError, ValueError) as error:
            why = _lacking(model, source) or join_lines(error)[:300]
            raise CheckpointError(f"{unfit}{why}; {_fitting(model, checkpoint)}") from error
        return
    variables = [op for op in model.graph.get_operations() if op.type in VARIABLES]
    there = [op for op in variables if op.name in source.tensors]
    if not variables:
        raise CheckpointError(f"{model.path} has its weights in it: leave the checkpoint out")
    if not there:
        raise CheckpointError(
            f"{checkpoint} has none of the {len(variables)} variables of {model.path}"
        )
    fill(model, session, ((op.name, source.read(op.name)) for op in there))


def _lacking(model: Model, source: Source) -> str:
    """What a source lacks of what the graph's saver asks for, weights first; "" where nothing."""
    wanted = dict(saved_as(model).values())
    lacking = [key for key in wanted if key not in source.tensors]
    weights = [key for key in lacking if not is_slot(key, wanted)]
    if weights:
        return f"it has no {weights[0]} ({len(weights)} of {len(wanted)} tensors are not in it)"
    return f"it lacks what the graph's optimizer keeps ({lacking[0]})" if lacking else ""


def _misshapen(model: Model, source: Source) -> str:
    """The first variable that has another shape in a source, weights first; "" where none has.

    TensorFlow itself lets a resource variable take values of any shape.
    """
    wanted = saved_as(model)
    for name, (key, part) in sorted(wanted.items(), key=lambda item: is_slot(item[0], wanted)):
        variable = model.graph.get_operation_by_name(name)
        if variable.type not in VARIABLES or part != WHOLE or key not in source.tensors:
            continue
        shape, there = tf.TensorShape(variable.get_attr("shape")), source.tensors[key].shape
        if not shape.is_compatible_with(there):
            return f"its {key} is {list(there)}, the graph's {shape.as_list()}"
    return ""


def _fitting(model: Model, checkpoint: str) -> str:
    """What to do about a checkpoint that does not fit."""
    beside = Path(f"{checkpoint}.meta")
    if not beside.is_file():
        return "name the .meta that was saved with it, or the checkpoint saved with the .meta"
    if beside.samefile(model.path):
        return "though it lies beside it: copy both again from where they were saved"
    return f"it was saved with {beside}: name that in --meta"


def check_filled(model: Model, session: Any, checkpoint: str, names: Iterable[str]) -> None:
    """Raises CheckpointError where variables (``names``) have no value after restoring."""
    with model.graph.as_default():
        filled = {}
        for name in names:
            operation = model.graph.get_operation_by_name(name)
            if operation.type == "VarHandleOp":
                filled[name] = tf.raw_ops.VarIsInitializedOp(resource=operation.outputs[0])
            else:
                filled[name] = tf.raw_ops.IsVariableInitialized(ref=operation.outputs[0])
        empty = [name for name, there in session.run(filled).items() if not there]
    if empty:
        raise CheckpointError(
            f"{checkpoint} holds no values for {len(empty)} variables that the outputs need, the "
            f"first {empty[0]}: name the checkpoint of the whole net, or other --outputs"
        )


def fill(model: Model, session: Any, values: Iterable[tuple[str, np.ndarray]]) -> None:
    """Gives variables their values, all at once: after each change of a graph it starts anew."""
    steps, feeds = [], {}
    with model.graph.as_default():
        for name, value in values:
            operation = model.graph.get_operation_by_name(name)
            variable = operation.outputs[0]
            fed = tf.placeholder(tf.as_dtype(operation.get_attr("dtype")).base_dtype)
            feeds[fed] = value
            if operation.type == "VarHandleOp":
                steps.append(tf.raw_ops.AssignVariableOp(resource=variable, value=fed))
            else:
                steps.append(tf.raw_ops.Assign(ref=variable, value=fed, validate_shape=False).op)
    session.run(steps, feeds)


def saved_as(model: Model) -> dict[str, tuple[str, tuple[slice, ...]]]:
    """Variable -> the tensor of the checkpoint that it is restored from, and which part of it."""
    found = {}
    nodes = index_nodes(model.definition)
    for node in nodes.values():
        if node.op not in ("Assign", "AssignVariableOp"):
            continue
        variable, value = list_data_inputs(node)[:2]
        while nodes[get_node_name(value)].op == "Identity":
            value = nodes[get_node_name(value)].input[0]
        restore = nodes[get_node_name(value)]
        if restore.op != "RestoreV2":
            continue
        index = int(value.partition(":")[2] or 0)
        names, parts = (_texts(nodes, tensor) for tensor in list_data_inputs(restore)[1:3])
        if index < len(names) and index < len(parts):
            found[get_node_name(variable)] = (names[index], _part(parts[index]))
    return found


def _texts(nodes: Any, tensor: str) -> list[str]:
    """What a constant of text says; nothing where it is none."""
    node = nodes[get_node_name(tensor)]
    if node.op != "Const":
        return []
    return [text.decode() for text in np.ravel(tf.make_ndarray(node.attr["value"].tensor))]


def _part(text: str) -> tuple[slice, ...]:
    """ "31 4 11,10:0,4" is rows 11 to 20 of 31; "-" is a whole side, "" the whole tensor."""
    if not text:
        return WHOLE
    sides = []
    for side in text.split()[-1].split(":"):
        start, _, length = side.partition(",")
        sides.append(slice(None) if side == "-" else slice(int(start), int(start) + int(length)))
    return tuple(sides)
