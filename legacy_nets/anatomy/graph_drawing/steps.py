"""The steps of a layer in the order of the graph: pad, convolution, batch norm, ReLU, dropout."""

from __future__ import annotations

import itertools
import re
from collections.abc import Container, Iterator, Sequence

from legacy_nets.anatomy import norms, windows
from legacy_nets.anatomy.multiply_adds import COUNTED
from legacy_nets.anatomy.rows import LOOP_TYPES, Row
from legacy_nets.types import Operation

_STEPS = {
    "BiasAdd": "bias",
    "Relu": "ReLU",
    "Relu6": "ReLU6",
    "LeakyRelu": "leaky ReLU",
    "Elu": "ELU",
    "Selu": "SELU",
    "Sigmoid": "sigmoid",
    "Tanh": "tanh",
    "Softplus": "softplus",
    "Softmax": "softmax",
    "LogSoftmax": "log softmax",
    "Squeeze": "squeeze",
    "ExpandDims": "expand",
    "Transpose": "transpose",
    "StridedSlice": "slice",
    "Slice": "slice",
    "Split": "split",
    "SplitV": "split",
    "Unpack": "split",
    "Reshape": "reshape",
    "ConcatV2": "concat",
    "Pack": "stack",
    **dict.fromkeys(norms.FUSED, "batch norm"),
    **dict.fromkeys(windows.PADS, "padding"),
}
# These change no value, or only hand it to a loop.
_SILENT = {
    "TensorListFromTensor",
    "Identity",
    "StopGradient",
    "EnsureShape",
    "PreventGradient",
    "Cast",
}
_ELEMENTWISE = {
    *("Add", "AddV2", "Sub", "Mul", "RealDiv", "Relu6", "Sigmoid", "Erf", "Tanh", "Pow"),
    *("Minimum", "Maximum"),
}
_DROPOUT = re.compile(r"(^|/)dropout[^/]*/", re.IGNORECASE)


def list_steps(row: Row, layer_type: str, norm_scopes: Container[str]) -> tuple[str, ...]:
    """Lists the steps of a layer.

    Args:
      row: with its operations in the order of construction.
      layer_type: of the layer; the operation that started the row is this step.
      norm_scopes: scopes of norms of several operations (``norms.find_scopes``).
    """
    steps = [layer_type] if layer_type in LOOP_TYPES else _name_steps(row, layer_type, norm_scopes)
    return tuple(step for step, _ in itertools.groupby(steps))


def _name_steps(row: Row, layer_type: str, norm_scopes: Container[str]) -> Iterator[str]:
    def get_group(op: Operation) -> str:
        """Returns what the operations of one step share; "" for an operation of its own."""
        scope = norms.get_scope(op, norm_scopes)
        if scope:
            return f"norm {scope}"
        if _DROPOUT.search(op.name):
            return "dropout"
        return "elementwise" if op is not row.anchor and op.type in _ELEMENTWISE else ""

    for group, members in itertools.groupby(row.operations, get_group):
        operations = list(members)
        if row.anchor in operations and group:
            yield layer_type
        elif group.startswith("norm"):
            moment = next((op for op in operations if op.type in ("Mean", "Max")), operations[0])
            yield norms.get_norm_type(moment)
        elif group == "dropout":
            is_off = all(op.type == "Identity" for op in operations)
            yield "dropout (off)" if is_off else "dropout"
        elif group == "elementwise":
            yield from _name_activation(operations)
        else:
            yield from _name_operations(operations, row.anchor, layer_type)


def _name_operations(
    operations: Sequence[Operation], anchor: Operation, layer_type: str
) -> Iterator[str]:
    has_anchor_passed = False
    for op in operations:
        if op is anchor:
            has_anchor_passed = True
            yield layer_type
        elif op.type in _SILENT or (has_anchor_passed and op.type in {anchor.type, *COUNTED}):
            continue  # a part of a grouped or separable convolution
        elif op.type == "Reshape" and _flattens(op):
            yield "flatten"
        else:
            yield _STEPS.get(op.type, op.type)


def _flattens(op: Operation) -> bool:
    """Whether a reshape makes one axis of all except the first."""
    before, after = op.inputs[0].shape, op.outputs[0].shape
    if before.rank is None or before.rank < 3 or after.rank != 2:
        return False
    return windows.count_elements(tuple(before.as_list()[1:])) == (after.as_list()[1] or -1)


def _name_activation(operations: Sequence[Operation]) -> Iterator[str]:
    """Names elementwise operations in a row: an activation of several, or each by itself."""
    types = [op.type for op in operations]
    if "Erf" in types:
        yield "GELU"
    elif types[:2] == ["AddV2", "Relu6"] or types[:2] == ["Add", "Relu6"]:
        yield "hard swish" if _multiplies_by_data(operations) else "hard sigmoid"
    elif types[0] == "Sigmoid" and _multiplies_by_data(operations):
        yield "swish"
    else:
        names = {"AddV2": "add weights", "Add": "add weights", "Mul": "scale", "RealDiv": "scale"}
        for op_type in types:
            yield names.get(op_type) or _STEPS.get(op_type, op_type)


def _multiplies_by_data(operations: Sequence[Operation]) -> bool:
    """Whether a product takes the input of the operations, too: x * relu6(x + 3)."""
    inputs = {tensor.name for tensor in operations[0].inputs}
    return any(
        op.type == "Mul" and any(tensor.name in inputs for tensor in op.inputs)
        for op in operations[1:]
    )
