"""Counts the multiply-adds of single operations, for one image.

tf.profiler's float_operation counts two operations for each multiply-add.
"""

from __future__ import annotations

import math

from legacy_nets import tf1 as tf
from legacy_nets.anatomy import formulas
from legacy_nets.anatomy.windows import (
    CONVOLUTIONS,
    DEPTHWISE,
    TRANSPOSED,
    count_elements,
    get_constant,
    get_sides,
    get_window,
)
from legacy_nets.graphdef.op_types import LOOPS
from legacy_nets.tf1.functions import body
from legacy_nets.types import Operation, Tensor

PRODUCTS = {"MatMul", "_FusedMatMul", "BatchMatMul", "BatchMatMulV2", "BatchMatMulV3", "Einsum"}
CALLS = {"PartitionedCall": "f", "StatefulPartitionedCall": "f"}
BRANCHES = {"If", "StatelessIf"}
# Recurrent cells that are one operation: index of the data input, indices of the weights.
BLOCK_CELLS = {
    "BlockLSTM": (1, (4,)),
    "BlockLSTMV2": (1, (4,)),
    "LSTMBlockCell": (0, (3,)),
    "GRUBlockCell": (0, (2, 3)),
}
COUNTED = {*CONVOLUTIONS, *DEPTHWISE, *TRANSPOSED, *PRODUCTS}
_SAME_ELEMENTS = {"Reshape", "Squeeze", "ExpandDims", "Transpose"}


class Counter:
    """Counts in one graph, and remembers the number of elements of its tensors for one image.

    Args:
      live: names of the operations that depend on the input.
      known: shapes that the graph itself does not have (of variables in functions).
    """

    def __init__(self, live: set[str], known: dict[str, list[int]] | None = None) -> None:
        self._live = live
        self._known = known or {}
        self._elements: dict[str, int | None] = {}

    def count(self, operation: Operation) -> int | None:
        """Counts the multiply-adds of an operation (0 if none); None where a size is not known."""
        if operation.type in CONVOLUTIONS | DEPTHWISE | TRANSPOSED:
            return self._count_convolution(operation)
        if operation.type == "Einsum":
            return self._count_einsum(operation)
        if operation.type in PRODUCTS:
            return self._count_product(operation)
        if operation.type in LOOPS:
            inside = count_inside(operation, "body")
            rounds = count_rounds(operation)
            return inside if rounds is None or inside is None else rounds * inside
        if operation.type in BLOCK_CELLS:
            return self._count_cell(operation)
        if operation.type in CALLS:
            return count_inside(operation, CALLS[operation.type])
        if operation.type in BRANCHES:  # the more expensive of the two
            counts = [count_inside(operation, f"{name}_branch") for name in ("then", "else")]
            return None if None in counts else max(count for count in counts if count is not None)
        return 0

    def infer_shape(self, tensor: Tensor) -> tuple[int | None, ...]:
        """Infers the shape for one image: fills in a single unknown side, if possible."""
        shape = self._get_shape(tensor)
        if shape is None:
            return (None,)
        if shape.count(None) != 1:
            return tuple(shape)
        elements = self.infer_elements(tensor)
        rest = _multiply_known(shape)
        missing = None if elements is None or not rest else elements // rest
        return tuple(missing if side is None else side for side in shape)

    def infer_elements(self, tensor: Tensor) -> int | None:
        """Infers the number of elements for one image; None where that is not possible."""
        path = []  # a loop, not a recursion: a deep net has thousands of operations in a row
        while tensor.name not in self._elements:
            path.append(tensor)
            source = self._find_source(tensor)
            if source is None:
                break
            tensor = source
        for later in reversed(path):
            self._elements[later.name] = self._infer_from_source(later)
        return self._elements[path[0].name if path else tensor.name]

    def _get_shape(self, tensor: Tensor) -> list[int | None] | None:
        if tensor.name in self._known:
            return list(self._known[tensor.name])
        return None if tensor.shape.rank is None else tensor.shape.as_list()

    def _find_source(self, tensor: Tensor) -> Tensor | None:
        """Finds the first input of a tensor's operation whose shape is not fully known."""
        shape = self._get_shape(tensor)
        if shape is not None and None not in shape:
            return None
        for source in tensor.op.inputs:
            shape = self._get_shape(source)
            if source.op.name in self._live and (shape is None or None in shape):
                return source
        return None

    def _infer_from_source(self, tensor: Tensor) -> int | None:
        """Infers the elements of a tensor from those of the source of its operation."""
        shape, source = self._get_shape(tensor), self._find_source(tensor)
        op_type = tensor.op.type
        if source is None:  # an input of the graph: one image
            if shape is None or shape.count(None) > 1:
                return None
            if op_type.startswith("Placeholder") and None in shape[1:]:  # height or width
                return None
            return _multiply_known(shape)
        elements, before = self._elements[source.name], self._get_shape(source)
        if elements is None or op_type in _SAME_ELEMENTS:
            return elements
        if op_type in ("MatMul", "_FusedMatMul") and source is tensor.op.inputs[0]:
            factors = self._get_inner_and_outer(tensor.op)
            return None if factors is None else elements // factors[0] * factors[1]
        if shape is None or before is None:
            return None
        if shape.count(None) == before.count(None) == 1:
            side = elements // (_multiply_known(before) or 1)
            if op_type in ("SpaceToBatchND", "BatchToSpaceND"):
                blocks = math.prod(get_constant(tensor.op.inputs[1]) or [1])
                side = side * blocks if op_type == "SpaceToBatchND" else side // blocks
            return side * _multiply_known(shape)
        return elements if len(shape) == len(before) else None

    def _count_convolution(self, operation: Operation) -> int | None:
        window = get_window(operation)
        kernel = operation.inputs[1].shape.as_list()
        if window is None or None in kernel:
            return None
        data = operation.inputs[2] if operation.type in TRANSPOSED else operation.outputs[0]
        shape = self.infer_shape(data)
        spatial = count_elements(get_sides(data, window.axes))
        if spatial is None or not shape or shape[0] is None:
            return None
        if operation.type in DEPTHWISE:
            count = formulas.count_depthwise_multiply_adds
            return shape[0] * count((spatial,), window.kernel, kernel[-2], kernel[-1])
        return shape[0] * formulas.count_conv_multiply_adds(
            (spatial,), window.kernel, kernel[-2], kernel[-1]
        )

    def _get_inner_and_outer(self, operation: Operation) -> tuple[int, int] | None:
        """Returns the summed side and the remaining side of a product's right factor."""
        right = self._get_shape(operation.inputs[1])
        flipped = "transpose_b" if "Batch" not in operation.type else "adj_y"
        if right is None or len(right) < 2:
            return None
        inner, outer = right[-2:]
        if inner is None or outer is None:
            return None
        return (outer, inner) if operation.get_attr(flipped) else (inner, outer)

    def _count_product(self, operation: Operation) -> int | None:
        factors = self._get_inner_and_outer(operation)
        if factors is None:
            return None
        inner, outer = factors
        elements = self.infer_elements(operation.outputs[0])
        return (
            None
            if elements is None
            else formulas.count_dense_multiply_adds(inner, outer, elements // outer)
        )

    def _count_cell(self, operation: Operation) -> int | None:
        """Counts a recurrent cell: each row of the data meets all weights of input and state."""
        data, weights = BLOCK_CELLS[operation.type]
        values = self.infer_elements(operation.inputs[data])
        width = self._get_shape(operation.inputs[data])
        gates = [
            count_elements(tuple(self._get_shape(operation.inputs[i]) or (None,))) for i in weights
        ]
        if values is None or not width or not width[-1] or None in gates:
            return None
        return values // width[-1] * sum(gate for gate in gates if gate is not None)

    def _count_einsum(self, operation: Operation) -> int | None:
        equation = operation.get_attr("equation").decode()
        letters: dict[str, int | None] = {}
        for term, tensor in zip(equation.split("->")[0].split(","), operation.inputs, strict=True):
            shape = self.infer_shape(tensor)
            if "." in term or len(term) != len(shape):
                return None
            letters.update(zip(term, shape, strict=True))
        return count_elements(tuple(letters.values()))


def _multiply_known(shape: list[int | None]) -> int:
    """Multiplies the known sides of a shape."""
    return math.prod(side for side in shape if side is not None)


def count_inside(operation: Operation, attribute: str) -> int | None:
    """Counts the multiply-adds of one call of a function."""
    graph = body(operation, attribute)
    arguments = operation.inputs[1:] if "branch" in attribute else operation.inputs
    outside = dict(zip((tensor.name for tensor in graph.inputs), arguments, strict=True))
    known = {}
    for inner in graph.get_operations():
        if inner.type == "ReadVariableOp" and inner.inputs[0].name in outside:
            handle = outside[inner.inputs[0].name].op
            if handle.type == "VarHandleOp":
                sides = handle.get_attr("shape").dim
                known[inner.outputs[0].name] = [side.size for side in sides]
    counter = Counter({inner.name for inner in graph.get_operations()}, known)
    counts = [counter.count(inner) for inner in graph.get_operations()]
    return None if None in counts else sum(count for count in counts if count is not None)


def count_rounds(loop: Operation) -> int | None:
    """Counts the rounds of a While operation; None where only a run would tell.

    Supports a counter below bounds that the graph fixes (one, or several joined by "and").
    """
    outside = dict(enumerate(loop.inputs))
    condition = body(loop, "cond")
    arguments = {tensor.name: index for index, tensor in enumerate(condition.inputs)}
    rounds = []
    for test in condition.get_operations():
        if test.type != "Less":
            continue
        values = []
        for tensor in test.inputs:
            index = arguments.get(tensor.name)
            values.append(get_static_number(tensor if index is None else outside[index]))
        if values[0] is not None and values[1] is not None:
            rounds.append(values[1] - values[0])
    return max(min(rounds), 0) if rounds else None


def get_static_number(tensor: Tensor) -> int | None:
    """Returns a number that the graph fixes: a constant, a known side, the smaller of two."""
    value = tf.get_static_value(tensor)
    if value is not None:
        return int(value) if value.ndim == 0 else None
    op_type, inputs = tensor.op.type, tensor.op.inputs
    if op_type in ("Identity", "Enter", "RefEnter"):
        return get_static_number(inputs[0])
    if op_type in ("Minimum", "Maximum"):
        numbers = [get_static_number(source) for source in inputs]
        if None in numbers:
            return None
        choose = min if op_type == "Minimum" else max
        return choose(number for number in numbers if number is not None)
    if op_type == "StridedSlice" and inputs[0].op.type == "Shape":
        start, sides = get_constant(inputs[1]), inputs[0].op.inputs[0].shape
        if start is not None and len(start) == 1 and sides.rank is not None:
            side: int | None = sides.as_list()[start[0]]
            return side
    return None
