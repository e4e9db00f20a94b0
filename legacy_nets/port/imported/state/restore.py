"""Restores the variables of an imported graph from its checkpoint, or their moving averages."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from legacy_nets import tf1 as tf
from legacy_nets.checkpoints.formats.v1 import complete_v1_prefix
from legacy_nets.checkpoints.optimizer_slots import AVERAGE, find_average, is_slot
from legacy_nets.checkpoints.source import Source
from legacy_nets.errors import CheckpointError, join_lines
from legacy_nets.graphdef.node_names import complete_tensor_name, get_node_name, get_output_index
from legacy_nets.graphdef.op_types import VARIABLES
from legacy_nets.graphdef.traverse import index_nodes, list_data_inputs
from legacy_nets.port.imported.graph import ImportedGraph
from legacy_nets.port.imported.state.operations import (
    RESTORE_V1_OPS,
    restores_v1,
)
from legacy_nets.types import Array, NodeDef, Session

_MAX_MESSAGE = 300  # characters of TensorFlow's own message


class SavedTensor(NamedTuple):
    """What a variable is restored from: a tensor of the checkpoint, or a part of it."""

    name: str
    bounds: tuple[tuple[int, int] | None, ...] = ()  # (start, stop) of each axis; None is all of it

    def read(self, source: Source) -> Array:
        """Reads the value of the variable."""
        part = tuple(slice(*bound) if bound else slice(None) for bound in self.bounds)
        return source.read(self.name)[part]


def restore_variables(
    imported: ImportedGraph, session: Session, source: Source, restoring: Sequence[str]
) -> None:
    """Restores variables and tables as the graph's own saver does; without one, by their names.

    ``restoring``: what the saver runs (see ``StateOps``).
    Raises CheckpointError where the checkpoint belongs to another graph.
    """
    source.check_complete()
    if imported.restore:
        _run_saver(imported, session, source, restoring)
        return
    variables = [op.name for op in imported.graph.get_operations() if op.type in VARIABLES]
    saved = [name for name in variables if name in source.tensors]
    if not variables:
        raise CheckpointError(f"{imported.path} has its weights in it: leave the checkpoint out")
    if not saved:
        raise CheckpointError(
            f"{source.prefix} has none of the {len(variables)} variables of {imported.path}"
        )
    assign_variables(imported, session, ((name, source.read(name)) for name in saved))


def assign_averages(
    imported: ImportedGraph,
    session: Session,
    source: Source,
    variables: Iterable[str],
    *,
    use_averages: bool,
) -> int:
    """Assigns moving averages to variables. Returns how many variables have one.

    Without ``use_averages``, assigns the variables' own values where the graph's saver restored
    averages, as the saver of an evaluation does. A part of a partitioned variable gets that part.
    """
    saved = map_saved_tensors(imported)
    chosen: dict[str, SavedTensor] = {}
    for variable in variables:
        restored = saved.get(variable, SavedTensor(variable))
        raw_name = restored.name.removesuffix(AVERAGE)
        name = find_average(raw_name, source.tensors) if use_averages else raw_name
        is_itself = name == restored.name and (name == variable or not use_averages)
        if name in source.tensors and not is_itself:
            chosen[variable] = SavedTensor(name, restored.bounds)
    values = ((variable, tensor.read(source)) for variable, tensor in chosen.items())
    assign_variables(imported, session, values)
    return len(chosen) if use_averages else 0


def check_restored(
    imported: ImportedGraph, session: Session, source: Source, names: Iterable[str]
) -> None:
    """Raises CheckpointError where variables (``names``) have no value after restoring."""
    with imported.graph.as_default():
        has_value = {}
        for name in names:
            operation = imported.graph.get_operation_by_name(name)
            variable = operation.outputs[0]
            if operation.type == "VarHandleOp":
                has_value[name] = tf.raw_ops.VarIsInitializedOp(resource=variable)
            else:
                has_value[name] = tf.raw_ops.IsVariableInitialized(ref=variable)
        empty = [name for name, restored in session.run(has_value).items() if not restored]
    if empty:
        raise CheckpointError(
            f"{source.prefix} holds no values for {len(empty)} variables that the outputs need, "
            f"the first {empty[0]}: name the checkpoint of the complete net, or other --outputs"
        )


def assign_variables(
    imported: ImportedGraph, session: Session, values: Iterable[tuple[str, Array]]
) -> None:
    """Gives variables values of their shapes; all in one run, since each change of a graph costs.

    ``values``: name and value of each variable.
    """
    updates, feeds = [], {}
    with imported.graph.as_default():
        for name, value in values:
            operation = imported.graph.get_operation_by_name(name)
            variable = operation.outputs[0]
            fed = tf.placeholder(tf.as_dtype(operation.get_attr("dtype")).base_dtype)
            feeds[fed] = value
            if operation.type == "VarHandleOp":
                update = tf.raw_ops.AssignVariableOp(resource=variable, value=fed)
            else:
                update = tf.raw_ops.Assign(ref=variable, value=fed, validate_shape=False).op
            updates.append(update)
    session.run(updates, feeds)


def map_saved_tensors(imported: ImportedGraph) -> dict[str, SavedTensor]:
    """Maps each variable to what the graph's saver restores it from."""
    saved = {}
    nodes = index_nodes(imported.definition)
    for node in nodes.values():
        if node.op not in ("Assign", "AssignVariableOp"):
            continue
        variable, value = list_data_inputs(node)[:2]
        while nodes[get_node_name(value)].op == "Identity":
            value = nodes[get_node_name(value)].input[0]
        restore = nodes[get_node_name(value)]
        if restore.op not in ("RestoreV2", *RESTORE_V1_OPS):
            continue
        index = get_output_index(value)
        texts = [_read_texts(nodes, tensor) for tensor in list_data_inputs(restore)[1:3]]
        names = texts[0]
        parts = texts[1] if len(texts) == 2 else [""]  # Restore takes complete tensors
        if index < len(names) and index < len(parts):
            saved[get_node_name(variable)] = SavedTensor(names[index], _parse_bounds(parts[index]))
    return saved


def _run_saver(
    imported: ImportedGraph, session: Session, source: Source, restoring: Sequence[str]
) -> None:
    assert imported.restore is not None
    prefix = source.prefix
    mismatch = f"{prefix} does not fit {imported.path}"
    wrong_shape = _explain_wrong_shape(imported, source)
    if wrong_shape:
        raise CheckpointError(f"{mismatch}: {wrong_shape}; {_advise(imported, prefix)}")
    is_v1 = restores_v1(imported) or not Path(f"{prefix}.index").is_file()
    file_name = complete_v1_prefix(prefix) if is_v1 else prefix
    feeds = {complete_tensor_name(imported.restore.file_name): file_name}
    try:
        session.run(list(restoring), feeds)
    except (tf.errors.OpError, ValueError) as error:
        reason = _explain_missing(imported, source) or join_lines(error)[:_MAX_MESSAGE]
        raise CheckpointError(f"{mismatch}: {reason}; {_advise(imported, prefix)}") from error


def _explain_missing(imported: ImportedGraph, source: Source) -> str:
    """Explains what a checkpoint lacks for the graph's saver, weights first; "" if nothing."""
    wanted = dict.fromkeys(saved.name for saved in map_saved_tensors(imported).values())
    missing = [name for name in wanted if name not in source.tensors]
    weights = [name for name in missing if not is_slot(name, wanted)]
    if weights:
        return f"it has no {weights[0]} ({len(weights)} of {len(wanted)} tensors are not in it)"
    return f"it lacks what the graph's optimizer keeps ({missing[0]})" if missing else ""


def _explain_wrong_shape(imported: ImportedGraph, source: Source) -> str:
    """Explains which variable has another shape in a checkpoint, weights first; "" if none.

    TensorFlow itself lets a resource variable take values of any shape.
    """
    saved = map_saved_tensors(imported)
    for variable, (name, bounds) in _sort_weights_first(saved):
        operation = imported.graph.get_operation_by_name(variable)
        if operation.type not in VARIABLES or bounds or name not in source.tensors:
            continue
        shape = tf.TensorShape(operation.get_attr("shape"))
        saved_shape = source.tensors[name].shape
        if not shape.is_compatible_with(saved_shape):
            return f"its {name} is {list(saved_shape)}, the graph's {shape.as_list()}"
    return ""


def _sort_weights_first(saved: Mapping[str, SavedTensor]) -> list[tuple[str, SavedTensor]]:
    return sorted(saved.items(), key=lambda item: is_slot(item[0], saved))


def _advise(imported: ImportedGraph, checkpoint: str) -> str:
    """Advises what to do about a checkpoint that does not fit."""
    own_meta = Path(f"{checkpoint}.meta")
    if not own_meta.is_file():
        return "name the .meta that was saved with it, or the checkpoint saved with the .meta"
    if own_meta.samefile(imported.path):
        return "though it lies next to it: copy both again from where they were saved"
    return f"it was saved with {own_meta}: name that in --meta"


def _read_texts(nodes: Mapping[str, NodeDef], tensor: str) -> list[str]:
    """Reads a constant of text; [] where the tensor is none."""
    node = nodes[get_node_name(tensor)]
    if node.op != "Const":
        return []
    return [text.decode() for text in np.ravel(tf.make_ndarray(node.attr["value"].tensor))]


def _parse_bounds(text: str) -> tuple[tuple[int, int] | None, ...]:
    """Parses which part of a partitioned variable a tensor is.

    "31 4 11,10:0,4" is rows 11 to 20 of 31; "-" is a complete axis, "" the complete tensor.
    """
    if not text:
        return ()
    bounds: list[tuple[int, int] | None] = []
    for axis in text.split()[-1].split(":"):
        start, _, length = axis.partition(",")
        bounds.append(None if axis == "-" else (int(start), int(start) + int(length)))
    return tuple(bounds)
