"""Finds the variables of a graph, or the constants that hold the weights of a frozen graph."""

from __future__ import annotations

from collections.abc import Container

from legacy_nets import tf1 as tf
from legacy_nets.graphdef.op_types import VARIABLES
from legacy_nets.graphdef.traverse import walk
from legacy_nets.types import DType, Graph, Operation, Tensor

_MOVING_STATISTICS = ("moving_mean", "moving_variance")


class Parameters:
    """The parameters of a graph, and which of them an operand is made of.

    ``shapes``: name -> shape. ``is_frozen``: the graph has no variables; ``shapes`` then holds the
    constants that ``find_names`` met.
    """

    def __init__(self, graph: Graph, live_names: Container[str]) -> None:
        operations = graph.get_operations()
        self.shapes = {op.name: _read_shape(op) for op in operations if op.type in VARIABLES}
        self.is_frozen = not self.shapes
        self._live_names = live_names
        self._known: dict[str, tuple[str, ...]] = {}  # operation -> names of parameters

    def find_names(self, tensor: Tensor) -> tuple[str, ...]:
        """Finds the parameters that a tensor is made of without the data; () for data itself."""
        operation = tensor.op
        if operation.name not in self._known:
            names = []
            for ancestor in walk([operation], self._list_operands):
                if ancestor.name not in self._live_names and self._is_parameter(ancestor):
                    names.append(ancestor.name)
            self._known[operation.name] = tuple(names)
        return self._known[operation.name]

    def _list_operands(self, operation: Operation) -> list[Operation]:
        if operation.name in self._live_names:
            return []
        return [tensor.op for tensor in reversed(operation.inputs)]  # the walk takes the last first

    def _is_parameter(self, operation: Operation) -> bool:
        if self.is_frozen and _is_weight(operation):
            self.shapes[operation.name] = operation.outputs[0].shape.as_list()
        return operation.name in self.shapes


def list_trainable_names(graph: Graph) -> frozenset[str] | None:
    """Lists the trainable variables of a graph built in Python; None if it has none."""
    variables = graph.get_collection(tf.GraphKeys.TRAINABLE_VARIABLES)
    return frozenset(variable.op.name for variable in variables) or None


def is_trainable(name: str, trainable: frozenset[str] | None) -> bool:
    """Whether a variable is trained; without a list, all but the moving statistics are."""
    if trainable is not None:
        return name in trainable
    return name.rpartition("/")[2] not in _MOVING_STATISTICS


def is_dtype_of_weights(dtype: DType) -> bool:
    """Whether constants of a dtype can be weights: floats, or numbers of 8 bits or quantized."""
    return bool(dtype.is_floating or dtype.is_quantized or dtype in (tf.int8, tf.uint8))


def _is_weight(operation: Operation) -> bool:
    """Whether a constant has axes and numbers that can be weights."""
    if operation.type != "Const":
        return False
    constant = operation.outputs[0]
    return is_dtype_of_weights(constant.dtype) and constant.shape.rank not in (0, None)


def _read_shape(variable: Operation) -> list[int]:
    """Reads the shape of a variable; -1 for a size that is not known, [-1] for unknown axes."""
    shape = variable.get_attr("shape")
    return [-1] if shape.unknown_rank else [axis.size for axis in shape.dim]
