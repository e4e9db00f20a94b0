"""Rewrites operations that a target lacks, or computes differently, by ones that it has."""

from __future__ import annotations

from collections.abc import MutableMapping

import numpy as np

from legacy_nets import tf1 as tf
from legacy_nets.errors import BadInputError
from legacy_nets.graphdef.edit import add_constant, copy_graph_def, make_identity
from legacy_nets.graphdef.node_names import find_free_name
from legacy_nets.graphdef.traverse import index_nodes
from legacy_nets.types import Array, Graph, GraphDef, NodeDef, Operation

_FLOAT = tf.float32.as_datatype_enum
_INT32 = tf.int32.as_datatype_enum
_PLUS_ONE = {"Log1p": ("AddV2", "Log"), "Expm1": ("Exp", "Sub")}  # first this, then that
_POOLS = {"MaxPool3D": "MaxPool", "AvgPool3D": "AvgPool"}
_RESIZES = ("ResizeArea", "ResizeBicubic")


def rewrite_plain(graph: GraphDef, label: str, format_name: str) -> GraphDef:
    """Rewrites Log1p, Expm1 and the resizes by area and cubic curves; copies only if needed.

    ONNX has its own rules for both resizes, TensorFlow Lite has neither. In one axis each is
    linear, so that a matrix does what TensorFlow does.
    Raises BadInputError for a resize of an open size (``label``: what errors call the graph).
    """
    if not any(node.op in (*_PLUS_ONE, *_RESIZES) for node in graph.node):
        return graph
    rewritten, nodes, imported = _copy_and_import(graph)
    for node in list(rewritten.node):
        if node.op in _PLUS_ONE:
            _split_plus_one(rewritten, nodes, node)
        elif node.op in _RESIZES:
            operation = imported.get_operation_by_name(node.name)
            _replace_resize(rewritten, nodes, node, operation, label, format_name)
    return rewritten


def split_pools(graph: GraphDef) -> GraphDef:
    """Splits each 3-D pooling into one over height and width and one over time; copies if needed.

    TensorFlow Lite has 2-D pooling only. The largest of the largest is the largest, and a mean of
    means is the mean, also at borders: padding does not count, in each axis on its own.
    """
    if not any(node.op in _POOLS for node in graph.node):
        return graph
    rewritten, nodes, imported = _copy_and_import(graph)
    for node in list(rewritten.node):
        if node.op in _POOLS and node.attr["data_format"].s != b"NCDHW":
            _split_pool(rewritten, nodes, node, imported.get_operation_by_name(node.name))
    return rewritten


def _copy_and_import(
    graph: GraphDef,
) -> tuple[GraphDef, MutableMapping[str, NodeDef], Graph]:
    """Returns a copy to rewrite, its nodes by name, and the graph imported, which tells shapes."""
    rewritten = copy_graph_def(graph)
    imported = tf.Graph()
    with imported.as_default():
        tf.import_graph_def(graph, name="")
    return rewritten, index_nodes(rewritten), imported


def _split_pool(
    graph: GraphDef, nodes: MutableMapping[str, NodeDef], node: NodeDef, operation: Operation
) -> None:
    """Splits a pooling of known sizes, [N, T, H, W, C]; leaves others."""
    before, after = (tensor.shape for tensor in (operation.inputs[0], operation.outputs[0]))
    if before.rank != 5 or None in (*before.as_list()[1:], *after.as_list()[1:]):
        return
    frames, height, width, channels = before.as_list()[1:]
    new_frames, new_height, new_width, _ = after.as_list()[1:]
    kernel, strides = list(node.attr["ksize"].list.i), list(node.attr["strides"].list.i)
    values = node.input[0]
    for axis, shape, sides in (
        ("space", [-1, height, width, channels], (kernel[2:4], strides[2:4])),
        ("time", [-1, frames, new_height * new_width, channels], ([kernel[1], 1], [strides[1], 1])),
    ):
        flat = _add_reshape(graph, nodes, f"{node.name}/{axis}/in", values, shape)
        pool = _add_node(graph, nodes, f"{node.name}/{axis}", _POOLS[node.op], [flat], _FLOAT)
        pool.attr["padding"].s = node.attr["padding"].s
        for name, (rows, columns) in zip(("ksize", "strides"), sides, strict=True):
            pool.attr[name].list.i[:] = [1, rows, columns, 1]
        values = pool.name
    shape = [-1, new_frames, new_height, new_width, channels]
    make_identity(node, _add_reshape(graph, nodes, f"{node.name}/out", values, shape), _FLOAT)


def _split_plus_one(graph: GraphDef, nodes: MutableMapping[str, NodeDef], node: NodeDef) -> None:
    """Splits log(1 + x), or exp(x) - 1, into two operations."""
    dtype = node.attr["T"].type
    first, second = _PLUS_ONE[node.op]
    one = add_constant(graph, nodes, f"{node.name}/one", np.ones(()), dtype)
    inner = _add_node(graph, nodes, f"{node.name}/{first}", first, [node.input[0]], dtype)
    (inner if first == "AddV2" else node).input.append(one)
    node.op = second
    node.input[0] = inner.name


def _replace_resize(
    graph: GraphDef,
    nodes: MutableMapping[str, NodeDef],
    node: NodeDef,
    operation: Operation,
    label: str,
    format_name: str,
) -> None:
    """Replaces a resize by one product with a matrix for each axis."""
    shape = operation.inputs[0].shape
    size = tf.get_static_value(operation.inputs[1])
    if size is None or shape.rank != 4 or None in shape.as_list()[1:]:
        raise BadInputError(
            f"{label}: {node.name} ({node.op}) resizes from or to an open size, and {format_name} "
            "resizes by other rules: give --input-shape, or use --to saved_model"
        )
    height, width, channels = shape.as_list()[1:]
    values = node.input[0]
    if operation.inputs[0].dtype != tf.float32:
        cast = _add_node(graph, nodes, f"{node.name}/float", "Cast", [values])
        cast.attr["SrcT"].type = operation.inputs[0].dtype.as_datatype_enum
        cast.attr["DstT"].type = _FLOAT
        values = cast.name
    for axis, length, new_length, inner_shape in (
        ("rows", height, int(size[0]), [-1, height, width * channels]),
        ("columns", width, int(size[1]), [-1, width, channels]),
    ):
        matrix = _measure_matrix(operation, length, new_length)
        weights = add_constant(graph, nodes, f"{node.name}/{axis}", matrix, _FLOAT)
        rows = _add_reshape(graph, nodes, f"{node.name}/{axis}/in", values, inner_shape)
        product = _add_node(
            graph, nodes, f"{node.name}/{axis}/product", "BatchMatMulV2", [weights, rows], _FLOAT
        )
        values = product.name
    resized = [-1, int(size[0]), int(size[1]), channels]
    make_identity(node, _add_reshape(graph, nodes, f"{node.name}/out", values, resized), _FLOAT)


def _measure_matrix(resize: Operation, length: int, new_length: int) -> Array:
    """Measures what a resize does along one axis: a matrix [new_length, length]."""
    options = {
        name: resize.get_attr(name)
        for name in ("align_corners", "half_pixel_centers")
        if name in resize.node_def.attr
    }
    raw_op = tf.raw_ops.ResizeArea if resize.type == "ResizeArea" else tf.raw_ops.ResizeBicubic
    with tf.Graph().as_default(), tf.Session() as session:
        columns = np.eye(length, dtype=np.float32)[None, :, None, :]
        resized: Array = session.run(raw_op(images=columns, size=[new_length, 1], **options))
    return resized[0, :, 0, :]


def _add_reshape(
    graph: GraphDef, nodes: MutableMapping[str, NodeDef], name: str, tensor: str, shape: list[int]
) -> str:
    sizes = add_constant(graph, nodes, f"{name}/shape", np.array(shape), _INT32)
    node = _add_node(graph, nodes, name, "Reshape", [tensor, sizes], _FLOAT)
    node.attr["Tshape"].type = _INT32
    return str(node.name)


def _add_node(
    graph: GraphDef,
    nodes: MutableMapping[str, NodeDef],
    name: str,
    op_type: str,
    inputs: list[str],
    dtype: int = 0,
) -> NodeDef:
    """Adds a node, also to ``nodes``; its name may be longer. ``dtype``: of the attribute T."""
    node = graph.node.add(name=find_free_name(name, nodes), op=op_type, input=inputs)
    if dtype:
        node.attr["T"].type = dtype
    nodes[node.name] = node
    return node
