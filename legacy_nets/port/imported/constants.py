"""Computes single numbers of a graph that do not depend on what is fed. Nothing is run."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np

from legacy_nets import tf1 as tf
from legacy_nets.graphdef.node_names import get_node_name
from legacy_nets.graphdef.op_types import ENTERS, SWITCHES
from legacy_nets.graphdef.traverse import list_data_inputs
from legacy_nets.types import Array, DType, NodeDef

_MAX_DEPTH = 50  # nodes in a row


def _divide(value: Array, divisor: Array) -> Array | None:
    """Divides as TensorFlow does: integers towards 0. None for an integer divided by 0."""
    if value.dtype.kind not in "iu":
        return np.asarray(np.true_divide(value, divisor))
    if divisor == 0:
        return None
    return np.asarray(value - np.fmod(value, divisor)) // divisor


_UNARY: dict[str, Callable[[Array], Array]] = {
    **dict.fromkeys(("Identity", "StopGradient", *ENTERS, *SWITCHES), lambda value: value),
    "Inv": np.reciprocal,
    "Reciprocal": np.reciprocal,
    "LogicalNot": np.logical_not,
}
_BINARY: dict[str, Callable[[Array, Array], Array | None]] = {
    **dict.fromkeys(("Add", "AddV2"), np.add),
    **dict.fromkeys(("Div", "RealDiv"), _divide),
    "Sub": np.subtract,
    "Mul": np.multiply,
    "Equal": np.equal,
    "NotEqual": np.not_equal,
    "Greater": np.greater,
    "GreaterEqual": np.greater_equal,
    "Less": np.less,
    "LessEqual": np.less_equal,
    "LogicalAnd": np.logical_and,
    "LogicalOr": np.logical_or,
}


def compute_constant(
    nodes: Mapping[str, NodeDef], tensor: str, max_depth: int = _MAX_DEPTH
) -> Array | None:
    """Computes a tensor of one number (shape []); None where that needs more than constants.

    ``max_depth``: how many nodes in a row may lie between the tensor and the constants.
    """
    node = nodes.get(get_node_name(tensor))
    if node is None or not max_depth:
        return None
    if node.op == "Const":
        return _read_number(node)
    if node.op not in (*_UNARY, *_BINARY, "Cast"):
        return None
    inputs = list_data_inputs(node)
    if node.op in SWITCHES:
        inputs = inputs[:1]  # the data; the condition does not change their value
    operands = []
    for name in inputs:
        operand = compute_constant(nodes, name, max_depth - 1)
        if operand is None:
            return None
        operands.append(operand)
    with np.errstate(all="ignore"):
        if node.op == "Cast":
            return _cast(operands[0], node)
        if node.op in _UNARY:
            return _UNARY[node.op](operands[0])
        return _BINARY[node.op](operands[0], operands[1])


def _read_number(node: NodeDef) -> Array | None:
    """Reads a constant of one number; None for any other."""
    tensor = node.attr["value"].tensor
    is_single = all(axis.size == 1 for axis in tensor.tensor_shape.dim)
    if not is_single or tensor.dtype == tf.string.as_datatype_enum:
        return None
    return np.reshape(tf.make_ndarray(tensor), ())


def _cast(value: Array, node: NodeDef) -> Array | None:
    """Casts a number as TensorFlow does; None where the result depends on the hardware."""
    dtype: DType = tf.as_dtype(node.attr["DstT"].type)
    is_number = dtype.is_floating or dtype.is_integer or dtype.is_bool or dtype.is_complex
    if node.attr["Truncate"].b or not is_number:
        return None
    if value.dtype.kind == "c" and not dtype.is_complex:
        value = value.real
    if dtype.is_integer and value.dtype.kind not in "iub":
        truncated = float(np.trunc(value.astype(np.float64)))
        is_beyond_int64 = truncated == 2.0**63  # as a float, the limit of int64 is rounded to it
        if not dtype.min <= truncated <= dtype.max or is_beyond_int64:
            return None
    return value.astype(dtype.as_numpy_dtype)
