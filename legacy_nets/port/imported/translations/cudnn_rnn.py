"""Translates cuDNN's recurrent layers, which only a GPU can run, to operations of any device.

Their weights are one vector. A checkpoint has them as the variables of CudnnCompatibleLSTMCell and
its like, too (CudnnLSTMSaveable), from which the graph's own saver makes the vector.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

from legacy_nets import tf1 as tf
from legacy_nets.graphdef.control_flow import use_old_control_flow
from legacy_nets.graphdef.edit import add_constant, copy_graph_def
from legacy_nets.graphdef.node_names import (
    find_free_name,
    get_node_name,
    get_output_index,
    is_control_edge,
)
from legacy_nets.graphdef.op_types import ENTERS, EXITS
from legacy_nets.graphdef.traverse import (
    find_descendants,
    index_consumers,
    index_nodes,
    list_data_inputs,
)
from legacy_nets.port.imported.graph import ImportedGraph
from legacy_nets.port.imported.state.operations import RESTORE_V1_OPS
from legacy_nets.port.imported.unknown_ops import build_graph
from legacy_nets.tf1.contrib.cudnn_rnn.run_layers import run_layers
from legacy_nets.tf1.contrib.cudnn_rnn.weights import Layout
from legacy_nets.types import DType, GraphDef, NodeDef

GPU_ONLY = re.compile(r"CudnnRNN")
_LAYERS = re.compile(r"CudnnRNN(V2|V3)?")
_TO_VECTOR = re.compile(r"CudnnRNNCanonicalToParams(V2)?")
_RESTORES = ("RestoreV2", *RESTORE_V1_OPS)
_SIZES = 3  # inputs of CudnnRNNCanonicalToParams before the weights
_LENGTHS = "lengths"


class _Layers(NamedTuple):
    """What a CudnnRNN node computes."""

    layout: Layout
    dtype: DType
    has_lengths: bool
    is_time_major: bool


def translate_cudnn_layers(imported: ImportedGraph) -> ImportedGraph:
    """Replaces cuDNN's layers by loops of cells that compute the same, without dropout.

    Layers of unknown sizes, of another ``input_mode`` or inside a loop stay, to be refused where an
    output needs them. A graph without cuDNN's operations is returned as it is.
    """
    if not any(GPU_ONLY.match(node.op) for node in imported.definition.node):
        return imported
    in_loops = _find_in_loops(imported.definition)
    layers = {
        node.name: described
        for node in imported.definition.node
        if _LAYERS.fullmatch(node.op)
        and node.name not in in_loops
        and (described := _describe_layers(imported, node)) is not None
    }
    definition = copy_graph_def(imported.definition)
    nodes = index_nodes(definition)
    for name, described in layers.items():
        _replace_layers(definition, nodes, nodes[name], described)
    vectors = [name for name, node in nodes.items() if _TO_VECTOR.fullmatch(node.op)]
    for name in vectors:
        _replace_vector(definition, nodes, nodes[name])
    _restore_from_cells(nodes, vectors)
    unknown = imported.unknown | {name for name, node in nodes.items() if GPU_ONLY.match(node.op)}
    graph = build_graph(
        imported.path, definition, imported.op_list, unknown, imported.trust, imported.graph
    )
    notes = imported.notes
    if layers:
        drops = any(node.attr["dropout"].f > 0 for node in imported.definition.node)
        dropout = ", without the dropout between their layers" if drops else ""
        notes += (
            f"{len(layers)} cuDNN layers, which need a GPU, are replaced by cells that compute the "
            f"same{dropout}",
        )
    return dataclasses.replace(
        imported, definition=definition, graph=graph, unknown=unknown, notes=notes
    )


def _describe_layers(imported: ImportedGraph, node: NodeDef) -> _Layers | None:
    """Reads the sizes of a CudnnRNN node; None where it cannot be translated."""
    attributes = {key: node.attr[key].s.decode() for key in ("rnn_mode", "input_mode", "direction")}
    inputs, state = (imported.get_tensor(edge) for edge in list_data_inputs(node)[:2])
    is_plain = attributes["input_mode"] in ("linear_input", "") and not node.attr["num_proj"].i
    if inputs.shape.rank != 3 or state.shape.rank != 3 or not is_plain:
        return None
    depth, count, units = inputs.shape[2], state.shape[0], state.shape[2]
    if None in (depth, count, units):
        return None
    is_bidirectional = attributes["direction"] == "bidirectional"
    mode = attributes["rnn_mode"] or "lstm"
    layers = count // (2 if is_bidirectional else 1)
    has_lengths = node.op.endswith("V3")
    return _Layers(
        Layout(mode, layers, units, depth, is_bidirectional),
        inputs.dtype.base_dtype,
        has_lengths,
        node.attr["time_major"].b or not has_lengths,
    )


def _find_in_loops(definition: GraphDef) -> set[str]:
    """Finds the nodes in the loops of TensorFlow 1."""
    nodes = index_nodes(definition)
    enters = [name for name, node in nodes.items() if node.op in ENTERS]
    exits = {name for name, node in nodes.items() if node.op in EXITS}
    return find_descendants(index_consumers(nodes), enters, nodes.keys() - exits)


def _replace_layers(
    definition: GraphDef, nodes: dict[str, NodeDef], node: NodeDef, layers: _Layers
) -> None:
    """Lets a CudnnRNN node give what cells compute."""
    operands = list_data_inputs(node)
    cells, names = _build_cells(layers)
    prefix = find_free_name(f"{node.name}/cells", nodes)
    placeholders = {
        "inputs": operands[0],
        "h": operands[1],
        "c": operands[2],
        "opaque": operands[3],
        _LENGTHS: operands[4] if layers.has_lengths else "",
    }
    for cell in cells.node:
        if cell.name in placeholders:
            continue
        added = definition.node.add()
        added.CopyFrom(cell)
        added.attr.pop("_class", None)  # a colocation
        if cell.op in ENTERS:  # each loop has a frame of its own
            added.attr["frame_name"].s = f"{prefix}/{cell.attr['frame_name'].s.decode()}".encode()
        added.name = f"{prefix}/{cell.name}"
        added.input[:] = [_redirect(edge, placeholders, prefix) for edge in cell.input]
        nodes[added.name] = added
    dtypes = [layers.dtype] * 4 + [tf.int8] * (node.op != "CudnnRNN")
    outputs = [f"{prefix}/{name}" for name in names]
    for dtype in dtypes[len(outputs) :]:  # cuDNN keeps them for the gradients, which are never run
        number, zeros = dtype.as_datatype_enum, np.zeros(1, dtype.as_numpy_dtype)
        outputs.append(add_constant(definition, nodes, f"{node.name}/reserve", zeros, number))
    node.op = "IdentityN"
    node.input[:] = outputs
    node.attr.clear()
    node.attr["T"].list.type.extend(dtype.as_datatype_enum for dtype in dtypes)


def _redirect(edge: str, placeholders: Mapping[str, str], prefix: str) -> str:
    """Points an edge of the built cells to the graph that they are put into."""
    if edge in placeholders:
        return placeholders[edge]
    return f"^{prefix}/{edge[1:]}" if is_control_edge(edge) else f"{prefix}/{edge}"


def _build_cells(layers: _Layers) -> tuple[GraphDef, list[str]]:
    """Builds the cells in a graph of their own; returns it, and its outputs: outputs, h, c."""
    layout, dtype = layers.layout, layers.dtype
    with tf.Graph().as_default() as graph, use_old_control_flow():
        inputs = tf.placeholder(dtype, [None, None, layout.input_size], "inputs")
        shape = [layout.num_layers * layout.num_directions, None, layout.num_units]
        h = tf.placeholder(dtype, shape, "h")
        c = tf.placeholder(dtype, shape if layout.mode == "lstm" else None, "c")
        opaque = tf.placeholder(dtype, [None], "opaque")
        lengths = tf.placeholder(tf.int32, [None], _LENGTHS) if layers.has_lengths else None
        first = (h, c) if layout.mode == "lstm" else (h,)
        by_time = inputs if layers.is_time_major else tf.transpose(inputs, [1, 0, 2])
        outputs, states = run_layers(layout, opaque, by_time, first, lengths)
        if not layers.is_time_major:
            outputs = tf.transpose(outputs, [1, 0, 2])
        last_c = states[1] if len(states) == 2 else tf.zeros([0], dtype)
        tensors = (outputs, states[0], last_c)
        return graph.as_graph_def(), [tensor.op.name for tensor in tensors]


def _replace_vector(definition: GraphDef, nodes: dict[str, NodeDef], node: NodeDef) -> None:
    """Lets a node make cuDNN's vector of matrices and biases: all of them, one after the other."""
    int32 = tf.int32.as_datatype_enum
    dtype = node.attr["T"].type
    sizes = np.array([-1], np.int32)
    flat_shape = add_constant(definition, nodes, f"{node.name}/flat", sizes, int32)
    axis = add_constant(definition, nodes, f"{node.name}/axis", np.array(0, np.int32), int32)
    parts = []
    for edge in list_data_inputs(node)[_SIZES:]:
        name = find_free_name(f"{node.name}/part", nodes)
        part = definition.node.add(name=name, op="Reshape", input=[edge, flat_shape])
        part.attr["T"].type = dtype
        part.attr["Tshape"].type = int32
        nodes[name] = part
        parts.append(name)
    node.op = "ConcatV2"
    node.input[:] = [*parts, axis]
    node.attr.clear()
    node.attr["T"].type = dtype
    node.attr["Tidx"].type = int32
    node.attr["N"].i = len(parts)


def _restore_from_cells(nodes: Mapping[str, NodeDef], vectors: list[str]) -> None:
    """Lets the saver restore a vector from the cells' variables alone.

    A saver of all variables restores the vector itself, too. A checkpoint of a CPU has none.
    """
    assignments = [node for node in nodes.values() if node.op in ("Assign", "AssignVariableOp")]
    from_cells = {node.input[0] for node in assignments if node.input[1] in vectors}
    unread: dict[str, list[int]] = {}  # restoring node -> its outputs that are vectors
    for node in assignments:
        variable, value = node.input[:2]
        if variable in from_cells and nodes[get_node_name(value)].op in _RESTORES:
            unread.setdefault(get_node_name(value), []).append(get_output_index(value))
            node.op = "NoOp"
            node.ClearField("input")
            node.attr.clear()
    for name, indices in unread.items():
        _read_others(nodes, nodes[name], indices)


def _read_others(nodes: Mapping[str, NodeDef], restore: NodeDef, indices: list[int]) -> None:
    """Lets a restoring node read other tensors in the place of some, which may not be there."""
    dtypes = restore.attr["dtypes"].list.type
    names = nodes[get_node_name(restore.input[1])]
    texts = list(np.ravel(tf.make_ndarray(names.attr["value"].tensor)))
    kept = {dtypes[i]: text for i, text in enumerate(texts) if i < len(dtypes) and i not in indices}
    if all(index < len(dtypes) and dtypes[index] in kept for index in indices):
        for index in indices:
            texts[index] = kept[dtypes[index]]
        names.attr["value"].tensor.CopyFrom(tf.make_tensor_proto(texts))
