"""Multiply-adds of single operations, for one image.

tf.profiler's float_operation counts two for each multiply-add of a convolution or matrix product.
"""

from __future__ import annotations

import math
from typing import Any

from legacy_nets import tf1 as tf
from legacy_nets.anatomy import formulas
from legacy_nets.anatomy.windows import (
    CONVOLUTIONS,
    DEPTHWISE,
    TRANSPOSED,
    constant,
    sides,
    size,
    window,
)
from legacy_nets.tf1.functions import body

PRODUCTS = {"MatMul", "_FusedMatMul", "BatchMatMul", "BatchMatMulV2", "BatchMatMulV3", "Einsum"}
LOOPS = {"While", "StatelessWhile"}
CALLS = {"PartitionedCall": "f", "StatefulPartitionedCall": "f"}
BRANCHES = {"If", "StatelessIf"}
# Recurrent cells that are one operation: which input is the data, and which are weights.
BLOCK_CELLS = {
    "BlockLSTM": (1, (4,)),
    "BlockLSTMV2": (1, (4,)),
    "LSTMBlockCell": (0, (3,)),
    "GRUBlockCell": (0, (2, 3)),
}
COUNTED = {*CONVOLUTIONS, *DEPTHWISE, *TRANSPOSED, *PRODUCTS}
_SAME_ELEMENTS = {"Reshape", "Squeeze", "ExpandDims", "Transpose"}


class Counter:
    """Counts one graph; remembers how many numbers its tensors hold for one image.

    Args:
      live: names of the operations that depend on the input.
      known: shapes of tensors that the graph itself does not tell (variables in functions).
    """

    def __init__(self, live: set[str], known: dict[str, list[int]] | None = None) -> None:
        self._live = live
        self._known = known or {}
        self._elements: dict[str, int | None] = {}

    def multiply_adds(self, operation: Any) -> int | None:
        """Multiply-adds of an operation (0 if it has none); None where a size is not known."""
        if operation.type in CONVOLUTIONS | DEPTHWISE | TRANSPOSED:
            return self._convolution(operation)
        if operation.type == "Einsum":
            return self._einsum(operation)
        if operation.type in PRODUCTS:
            return self._product(operation)
        if operation.type in LOOPS:
            inside = multiply_adds_inside(operation, "body")
            trips = trip_count(operation)
            return inside if trips is None or inside is None else trips * inside
        if operation.type in BLOCK_CELLS:
            return self._cell(operation)
        if operation.type in CALLS:
            return multiply_adds_inside(operation, CALLS[operation.type])
        if operation.type in BRANCHES:  # the dearer of the two
            both = [multiply_adds_inside(operation, f"{way}_branch") for way in ("then", "else")]
            return None if None in both else max(count for count in both if count is not None)
        return 0

    def shape(self, tensor: Any) -> tuple[int | None, ...]:
        """Shape for one image: the one unknown side filled in; None where that is not clear."""
        known = self._shape(tensor)
        if known is None:
            return (None,)
        if known.count(None) != 1:
            return tuple(known)
        elements = self.elements(tensor)
        rest = _product_of(known)
        side = None if elements is None or not rest else elements // rest
        return tuple(side if one is None else one for one in known)

    def elements(self, tensor: Any) -> int | None:
        """Numbers in a tensor for one image; None where that is not clear."""
        path = []  # a loop, not a recursion: a deep net has thousands of operations in a row
        while tensor.name not in self._elements:
            path.append(tensor)
            source = self._source(tensor)
            if source is None:
                break
            tensor = source
        for later in reversed(path):
            self._elements[later.name] = self._carry(later)
        return self._elements[path[0].name if path else tensor.name]

    def _shape(self, tensor: Any) -> list[int | None] | None:
        if tensor.name in self._known:
            return list(self._known[tensor.name])
        return None if tensor.shape.rank is None else tensor.shape.as_list()

    def _source(self, tensor: Any) -> Any:
        """The first input of a tensor's operation that has sides which the graph does not know."""
        shape = self._shape(tensor)
        if shape is not None and None not in shape:
            return None
        for source in tensor.op.inputs:
            shape = self._shape(source)
            if source.op.name in self._live and (shape is None or None in shape):
                return source
        return None

    def _carry(self, tensor: Any) -> int | None:
        """Numbers in a tensor from those in the source of its operation."""
        shape, source, kind = self._shape(tensor), self._source(tensor), tensor.op.type
        if source is None:  # an input of the graph: one image
            if shape is None or shape.count(None) > 1:
                return None
            if kind.startswith("Placeholder") and None in shape[1:]:  # height or width
                return None
            return _product_of(shape)
        elements, before = self._elements[source.name], self._shape(source)
        if elements is None or kind in _SAME_ELEMENTS:
            return elements
        if kind in ("MatMul", "_FusedMatMul") and source is tensor.op.inputs[0]:
            sides = self._inner_and_outer(tensor.op)
            return None if sides is None else elements // sides[0] * sides[1]
        if shape is None or before is None:
            return None
        if shape.count(None) == before.count(None) == 1:
            side = elements // (_product_of(before) or 1)
            if kind in ("SpaceToBatchND", "BatchToSpaceND"):
                blocks = math.prod(constant(tensor.op.inputs[1]) or [1])
                side = side * blocks if kind == "SpaceToBatchND" else side // blocks
            return side * _product_of(shape)
        return elements if len(shape) == len(before) else None

    def _convolution(self, operation: Any) -> int | None:
        look = window(operation)
        kernel = operation.inputs[1].shape.as_list()
        if look is None or None in kernel:
            return None
        data = operation.inputs[2] if operation.type in TRANSPOSED else operation.outputs[0]
        shape = self.shape(data)
        spatial = size(sides(data, look.axes))
        if spatial is None or not shape or shape[0] is None:
            return None
        if operation.type in DEPTHWISE:
            count = formulas.depthwise_multiply_adds
            return shape[0] * count((spatial,), look.kernel, kernel[-2], kernel[-1])
        return shape[0] * formulas.conv_multiply_adds(
            (spatial,), look.kernel, kernel[-2], kernel[-1]
        )

    def _inner_and_outer(self, operation: Any) -> tuple[int, int] | None:
        """Of the right factor of a matrix product: the sides that go and that stay."""
        right = self._shape(operation.inputs[1])
        flipped = "transpose_b" if "Batch" not in operation.type else "adj_y"
        if right is None or len(right) < 2:
            return None
        inner, outer = right[-2:]
        if inner is None or outer is None:
            return None
        return (outer, inner) if operation.get_attr(flipped) else (inner, outer)

    def _product(self, operation: Any) -> int | None:
        sides = self._inner_and_outer(operation)
        if sides is None:
            return None
        inner, outer = sides
        elements = self.elements(operation.outputs[0])
        return (
            None
            if elements is None
            else formulas.dense_multiply_adds(inner, outer, elements // outer)
        )

    def _cell(self, operation: Any) -> int | None:
        """Each row of the data meets all weights of the gates, those of the state among them."""
        data, weights = BLOCK_CELLS[operation.type]
        values, width = self.elements(operation.inputs[data]), self._shape(operation.inputs[data])
        gates = [size(tuple(self._shape(operation.inputs[i]) or (None,))) for i in weights]
        if values is None or not width or not width[-1] or None in gates:
            return None
        return values // width[-1] * sum(gate for gate in gates if gate is not None)

    def _einsum(self, operation: Any) -> int | None:
        equation = operation.get_attr("equation").decode()
        letters: dict[str, int | None] = {}
        for term, tensor in zip(equation.split("->")[0].split(","), operation.inputs, strict=True):
            shape = self.shape(tensor)
            if "." in term or len(term) != len(shape):
                return None
            letters.update(zip(term, shape, strict=True))
        return size(tuple(letters.values()))


def _product_of(shape: list[int | None]) -> int:
    return math.prod(side for side in shape if side is not None)


def multiply_adds_inside(operation: Any, attribute: str) -> int | None:
    """Multiply-adds of one call of a function."""
    graph = body(operation, attribute)
    given = operation.inputs[1:] if "branch" in attribute else operation.inputs
    outside = dict(zip((tensor.name for tensor in graph.inputs), given, strict=True))
    known = {}
    for inner in graph.get_operations():
        if inner.type == "ReadVariableOp" and inner.inputs[0].name in outside:
            handle = outside[inner.inputs[0].name].op
            if handle.type == "VarHandleOp":
                sides = handle.get_attr("shape").dim
                known[inner.outputs[0].name] = [side.size for side in sides]
    counter = Counter({inner.name for inner in graph.get_operations()}, known)
    counts = [counter.multiply_adds(inner) for inner in graph.get_operations()]
    return None if None in counts else sum(count for count in counts if count is not None)


def trip_count(loop: Any) -> int | None:
    """Rounds of a While operation; None where only running it would tell.

    Understood: a counter below bounds that the graph knows (one, or several joined by "and").
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
            values.append(static_number(tensor if index is None else outside[index]))
        if values[0] is not None and values[1] is not None:
            rounds.append(values[1] - values[0])
    return max(min(rounds), 0) if rounds else None


def static_number(tensor: Any) -> int | None:
    """A number that the graph alone tells: a constant, a known side, the smaller of two."""
    value = tf.get_static_value(tensor)
    if value is not None:
        return int(value) if value.ndim == 0 else None
    kind, inputs = tensor.op.type, tensor.op.inputs
    if kind in ("Identity", "Enter", "RefEnter"):
        return static_number(inputs[0])
    if kind in ("Minimum", "Maximum"):
        both = [static_number(one) for one in inputs]
        if None in both:
            return None
        return (min if kind == "Minimum" else max)(number for number in both if number is not None)
    if kind == "StridedSlice" and inputs[0].op.type == "Shape":
        start, sides = constant(inputs[1]), inputs[0].op.inputs[0].shape
        if start is not None and len(start) == 1 and sides.rank is not None:
            return sides.as_list()[start[0]]
    return None
