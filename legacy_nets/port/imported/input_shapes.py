"""Infers the shapes of a port's inputs."""

from __future__ import annotations

import re
from collections.abc import Mapping

from legacy_nets import tf1 as tf
from legacy_nets.errors import BadInputError, suggest_names
from legacy_nets.graphdef.node_names import get_node_name
from legacy_nets.graphdef.op_types import SHAPE_READERS
from legacy_nets.graphdef.traverse import (
    find_nodes_between,
    index_consumers,
    index_nodes,
    list_data_inputs,
    walk,
)
from legacy_nets.port.imported.graph import ImportedGraph
from legacy_nets.types import GraphDef, NodeDef, TensorShape

# Operation -> the rank of its first input, and the axis of its weights that equals the last axis
# of that input.
_FIRST_INPUTS: dict[str, tuple[int, int | None]] = {
    "Conv2D": (4, 2),
    "DepthwiseConv2dNative": (4, 2),
    "Conv3D": (5, 3),
    "MatMul": (2, 0),
    "BatchMatMul": (2, 0),  # tf.matmul makes it of a tensor without a rank
    "BatchMatMulV2": (2, 0),
    **dict.fromkeys(("TensorArray", "TensorArrayV2", "TensorArrayV3", "Range"), (0, None)),
    "MaxPool": (4, None),
    "AvgPool": (4, None),
    "ResizeBilinear": (4, None),
    "ResizeNearestNeighbor": (4, None),
}
_SAME_SHAPE_OP = re.compile(
    r"Identity|Cast|Sub|Mul|Add|AddV2|RealDiv|Div|Relu|Pad|ReverseV2|Neg|Maximum|Minimum"
    r"|FusedBatchNorm.*|Enter|StopGradient|MirrorPad|Tanh|Square|Pow|Sigmoid|Exp"
)


def infer_input_shapes(
    imported: ImportedGraph,
    definition: GraphDef,
    inputs: list[str],
    outputs: list[str],
    user_shapes: Mapping[str, str],
) -> dict[str, TensorShape]:
    """Infers the shape of each input: from the user, the graph, the file, or the first layer.

    Args:
      imported: the graph.
      definition: the same graph as it infers.
      inputs: tensors.
      outputs: tensors.
      user_shapes: input -> "1,224,224,3". "?" leaves a size open; "()" is a single number.

    Raises BadInputError for a shape that does not fit or cannot be inferred.
    """
    for tensor, text in user_shapes.items():
        if tensor not in inputs:
            raise BadInputError(
                f"--input-shape {tensor}={text}: {imported.path} has no such input"
                f"{suggest_names(tensor, inputs) or '; it has ' + ', '.join(inputs)}"
            )
    nodes = index_nodes(definition)
    needed = {name: nodes[name] for name in find_nodes_between(nodes, inputs, outputs)}
    consumers = index_consumers(needed)
    return {
        tensor: _parse_user_shape(imported, tensor, user_shapes[tensor])
        if tensor in user_shapes
        else _infer_shape(imported, consumers, tensor)
        for tensor in inputs
    }


def _parse_user_shape(imported: ImportedGraph, tensor: str, text: str) -> TensorShape:
    """Parses ``--input-shape``. Raises BadInputError where the graph has another shape."""
    sizes: list[int | None] = []
    try:
        if text != "()":
            sizes = [None if size in ("?", "-1") else int(size) for size in re.split("[,x]", text)]
        if any(size is not None and size < 1 for size in sizes):
            raise ValueError
    except ValueError:
        raise BadInputError(f"--input-shape {tensor}={text}: write 1,224,224,3 or ?,784") from None
    shape = tf.TensorShape(sizes)
    known = imported.get_tensor(tensor).shape
    if not known.is_compatible_with(shape):
        raise BadInputError(f"--input-shape {tensor}={text}: in the graph it is {known}")
    return shape


def _infer_shape(
    imported: ImportedGraph, consumers: Mapping[str, list[NodeDef]], tensor: str
) -> TensorShape:
    """Infers a shape. Raises BadInputError where that is not possible."""
    known = imported.get_tensor(tensor).shape
    for shape in (known, imported.recorded_shapes.get(tensor)):
        if shape is not None and shape.rank is not None:
            return shape
    shape = _infer_shape_from_consumers(imported, consumers, tensor)
    if shape is None:
        raise BadInputError(
            f"{imported.path} does not tell the shape of {tensor}: use --input-shape "
            f"{tensor}=?,224,224,3 (? stays open, () is a single number), or --set it"
        )
    return shape


def _infer_shape_from_consumers(
    imported: ImportedGraph, consumers: Mapping[str, list[NodeDef]], tensor: str
) -> TensorShape | None:
    """Infers the shape that the first layer needs; None where no layer tells.

    One axis is enough where every node works on each number alone, or looks numbers up.
    """

    def list_same_shape(name: str) -> list[str]:
        readers = consumers.get(name, [])
        return [node.name for node in readers if _SAME_SHAPE_OP.fullmatch(node.op)]

    works_on_single_numbers = True
    visited: set[str] = set()
    for name in walk([get_node_name(tensor)], list_same_shape, breadth_first=True):
        for node in consumers.get(name, ()):
            if node.name in visited:
                continue
            visited.add(node.name)
            shape = _get_needed_shape(imported, node, name)
            if shape is not None:
                return shape
            if not _accepts_single_numbers(imported, node, name):
                works_on_single_numbers = False
    return tf.TensorShape([None]) if works_on_single_numbers and visited else None


def _get_needed_shape(imported: ImportedGraph, node: NodeDef, operand: str) -> TensorShape | None:
    """Returns the shape that a node needs its operand to have; None where any will do."""
    operands = list_data_inputs(node)
    if get_node_name(operands[0]) != operand:
        return None
    if node.op in _FIRST_INPUTS:
        rank, weight_axis = _FIRST_INPUTS[node.op]
        if rank == 0:
            return tf.TensorShape([])
        last_size = None
        if weight_axis is not None:
            weights = imported.get_tensor(operands[1]).shape
            last_size = weights.as_list()[weight_axis] if weights.rank is not None else None
        return tf.TensorShape([None] * (rank - 1) + [last_size])
    if node.op == "Reshape":
        shape = imported.get_tensor(node.name).shape
        if shape.rank and None not in shape.as_list()[1:]:
            return shape
    return None


def _accepts_single_numbers(imported: ImportedGraph, node: NodeDef, operand: str) -> bool:
    """Whether a node would work on an operand of one axis."""
    operands = list_data_inputs(node)
    if _SAME_SHAPE_OP.fullmatch(node.op):
        ranks = [imported.get_rank(other) for other in operands]
        return all(rank in (0, None) for rank in ranks)
    if node.op in SHAPE_READERS:
        return True
    return "Gather" in node.op and get_node_name(operands[1]) == operand
