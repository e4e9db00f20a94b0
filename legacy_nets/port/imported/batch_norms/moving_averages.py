"""Puts batch norms that were built for training into inference mode.

Moving averages, which the graph keeps of the statistics of its batches, replace these statistics.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping
from typing import NamedTuple

import numpy as np

from legacy_nets import tf1 as tf
from legacy_nets.errors import BadInputError
from legacy_nets.graphdef.edit import add_constant, copy_graph_def
from legacy_nets.graphdef.node_names import find_free_name, get_node_name
from legacy_nets.graphdef.traverse import index_nodes
from legacy_nets.port.imported.batch_norms.find import (
    find_batch_statistics,
    find_training_batch_norms,
    is_fused,
)
from legacy_nets.port.imported.batch_norms.updates import find_moving_averages
from legacy_nets.port.imported.graph import ImportedGraph
from legacy_nets.port.imported.infer_io import GraphIo
from legacy_nets.port.imported.inference_mode import InferenceGraph
from legacy_nets.port.imported.subgraph import extract_subgraph
from legacy_nets.port.imported.unknown_ops import build_graph
from legacy_nets.types import GraphDef, NodeDef


class Replacement(NamedTuple):
    """A statistic of the batch, and the moving average that replaces it."""

    statistic: str  # a tensor
    variable: str
    shape: tuple[int, ...]  # of the statistic
    dtype: int  # of the statistic, as the protocol buffer numbers it


def use_moving_averages(
    imported: ImportedGraph, inference: InferenceGraph, io: GraphIo
) -> tuple[ImportedGraph, InferenceGraph]:
    """Lets the batch norms between inputs and outputs use moving averages, in both graphs.

    Returns the original, which computes as if it had been built for inference, and the graph that
    is ported. Raises BadInputError where the graph keeps no moving average of a statistic.
    """
    subgraph = extract_subgraph(imported, inference.definition, io.inputs, io.outputs)
    statistics = find_batch_statistics(imported, subgraph)
    if not statistics:
        note = "no batch norm uses the statistics of its batch: --inference changes nothing"
        return imported, inference._replace(notes=(*inference.notes, note))
    count = len(set(statistics.values()))
    averages = find_moving_averages(imported, index_nodes(subgraph), statistics)
    replacements = [
        replacement
        for statistic, variable in averages.items()
        if (replacement := _make_replacement(imported, statistic, variable)) is not None
    ]
    definition = _replace_statistics(imported.definition, replacements)
    graph = build_graph(
        *(imported.path, definition, imported.op_list, imported.unknown, imported.trust),
        imported.graph,
    )
    edited = dataclasses.replace(imported, definition=definition, graph=graph)
    inference = inference._replace(
        definition=_replace_statistics(inference.definition, replacements),
        notes=(
            *inference.notes,
            f"{count} batch norms use their moving averages, as a graph built for inference does",
        ),
    )
    subgraph = extract_subgraph(edited, inference.definition, io.inputs, io.outputs)
    left = find_training_batch_norms(edited, subgraph)
    if left:
        raise BadInputError(
            f"{imported.path}: --inference: the graph keeps no moving averages of {len(left)} of "
            f"{count} batch norms (first {left[0]}): leave it out, or port the .meta of a graph "
            "that was built for inference"
        )
    return edited, inference


def _make_replacement(imported: ImportedGraph, statistic: str, variable: str) -> Replacement | None:
    """Makes the replacement of a statistic; None where its shape is open or another one."""
    tensor = imported.get_tensor(statistic)
    shape = tf.TensorShape(imported.graph.get_operation_by_name(variable).get_attr("shape"))
    if not tensor.shape.is_fully_defined():
        if tensor.shape.rank != shape.rank:
            return None
        tensor_shape = shape
    else:
        tensor_shape = tensor.shape
    if shape.num_elements() is None or shape.num_elements() != tensor_shape.num_elements():
        return None
    dtype = tensor.dtype.base_dtype.as_datatype_enum
    return Replacement(statistic, variable, tuple(tensor_shape.as_list()), dtype)


def _replace_statistics(definition: GraphDef, replacements: Iterable[Replacement]) -> GraphDef:
    """Copies a graph in which moving averages replace statistics."""
    edited = copy_graph_def(definition)
    nodes = index_nodes(edited)
    new_tensors = {
        item.statistic: _add_average(edited, nodes, item)
        for item in replacements
        if item.variable in nodes and get_node_name(item.statistic) in nodes
    }
    for node in edited.node:
        if is_fused(node):
            mean, variance = (new_tensors.get(f"{node.name}:{index}") for index in (1, 2))
            if mean and variance:
                node.attr["is_training"].b = False
                node.input[3], node.input[4] = mean, variance
        node.input[:] = [new_tensors.get(edge, edge) for edge in node.input]
    return edited


def _add_average(edited: GraphDef, nodes: dict[str, NodeDef], item: Replacement) -> str:
    """Adds nodes that read a variable in the shape and dtype of a statistic; returns the last."""
    variable = nodes[item.variable]
    is_resource = variable.op == "VarHandleOp"
    dtype = variable.attr["dtype"].type

    def add(suffix: str, op_type: str, operands: Iterable[str], types: Mapping[str, int]) -> str:
        name = find_free_name(f"{item.variable}/{suffix}", nodes)
        node = edited.node.add(name=name, op=op_type, input=operands)
        for attribute, number in types.items():
            node.attr[attribute].type = number
        nodes[name] = node
        return name

    if is_resource:
        tensor = add("inference", "ReadVariableOp", [item.variable], {"dtype": dtype})
    else:
        tensor = add("inference", "Identity", [item.variable], {"T": dtype})
    int32 = tf.int32.as_datatype_enum
    if tf.TensorShape(variable.attr["shape"].shape).as_list() != list(item.shape):
        sizes = np.array(item.shape, np.int32)
        shape = add_constant(edited, nodes, f"{item.variable}/inference_shape", sizes, int32)
        types = {"T": dtype, "Tshape": int32}
        tensor = add("inference_reshaped", "Reshape", [tensor, shape], types)
    if dtype == item.dtype:
        return tensor
    return add("inference_cast", "Cast", [tensor], {"SrcT": dtype, "DstT": item.dtype})
