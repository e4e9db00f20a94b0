"""Reads a TensorFlow 1 graph back into Keras 3 layers.

``Walk`` goes from the logits to the images and asks for each operation a ``Recipe``: which
tensors it needs and which layer makes its outputs from them. Several operations may become one
layer (a convolution and its bias, dropout, an LSTM's loop). What is known while building, shapes
above all, is computed on the way; a size that depends on the batch counts as -1 in it.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from legacy_nets import tf1 as tf
from legacy_nets.errors import BadInputError

_COMPUTED = {
    *("AddV2", "Cast", "ConcatV2", "ExpandDims", "Fill", "GatherV2", "Identity", "Maximum"),
    *("Minimum", "Mul", "Pack", "Prod", "Range", "RealDiv", "Reshape", "Squeeze", "StridedSlice"),
    *("Sub", "Transpose"),
}


class Recipe(NamedTuple):
    """How to make the outputs of an operation from the Keras tensors of other operations'."""

    inputs: tuple[Any, ...]  # tensors of the graph
    make: Callable[..., Any]  # a Keras tensor, or a list of one an output


class Walk:
    """One net on its way from graph to model. ``value(name)`` gives a variable's array."""

    def __init__(self, net: str, images: Any, value: Callable[[str], np.ndarray]) -> None:
        self.net = net
        self.images = images
        self.value = value
        self.used: set[str] = set()  # names of variables that a layer has taken
        self._made: dict[str, Any] = {}  # tensor -> Keras tensor
        self._known: dict[str, np.ndarray | None] = {}
        self._names: set[str] = set()

    def model(self, logits: Any) -> Any:
        """The Keras model. Raises BadInputError for an operation that no layer is known for."""
        import keras

        from legacy_nets.port.formats.keras.layers import recipe

        self._made[self.images.name] = keras.Input(self.images.shape.as_list()[1:], name="images")
        recipes: dict[str, Recipe] = {}
        wanted = [logits]
        while wanted:
            operation = wanted.pop().op
            if operation.name not in recipes and operation is not self.images.op:
                recipes[operation.name] = recipe(self, operation)
                wanted += recipes[operation.name].inputs
        for operation in self.images.graph.get_operations():  # in the order of construction
            if operation.name in recipes:
                inputs, make = recipes[operation.name]
                made = make(*(self._made[tensor.name] for tensor in inputs))
                made = made if isinstance(made, list) else [made]
                for tensor, value in zip(operation.outputs, made, strict=False):
                    self._made[tensor.name] = value
        name = self.net if self.net[0].isalpha() else f"net_{self.net}"
        return keras.Model(self._made[self.images.name], self._made[logits.name], name=name)

    def place(self, tensor: Any) -> str | None:
        """Name of the layer that a tensor of the graph is the output of, if one is."""
        made = self._made.get(tensor.name)
        return None if made is None else made._keras_history.operation.name

    def images_made(self) -> Any:
        """The model's input."""
        return self._made[self.images.name]

    def unique(self, *names: str) -> str:
        """A layer's name, the first that no other layer has: with dots, as it may have no slash."""
        dotted = [name.replace("/", ".").lstrip("._") or "layer" for name in names]
        numbered = (f"{dotted[-1]}_{number}" for number in itertools.count(1))
        name = next(name for name in itertools.chain(dotted, numbered) if name not in self._names)
        self._names.add(name)
        return name

    def weight(self, tensor: Any) -> str | None:
        """Name of the variable that a tensor is the value of; also of its equal in other guise."""
        while True:
            operation = tensor.op
            if operation.type == "ReadVariableOp":
                return operation.inputs[0].op.name
            same = operation.type in ("Reshape", "Transpose") and (
                tensor.shape.as_list() == operation.inputs[0].shape.as_list()
                and (operation.type == "Reshape" or in_order(self.known(operation.inputs[1])))
            )
            if operation.type != "Identity" and not same:
                return None
            tensor = operation.inputs[0]

    def known(self, tensor: Any) -> np.ndarray | None:
        """The value of a tensor that neither images nor weights change; -1: as many as images."""
        if tensor.name not in self._known:
            self._known[tensor.name] = self._compute(tensor)
        return self._known[tensor.name]

    def constant(self, tensor: Any) -> np.ndarray:
        """As ``known``, where there must be one. Raises BadInputError."""
        value = self.known(tensor)
        if value is None:
            raise self.refusal(tensor.op, "is given a number that is not known beforehand")
        return value

    def _compute(self, tensor: Any) -> np.ndarray | None:
        operation = tensor.op
        if operation.type == "Const":
            return tf.make_ndarray(operation.get_attr("value"))
        if operation.type == "Shape":
            shape = operation.inputs[0].shape
            sides = [None] if shape.rank is None else shape.as_list()
            return None if None in sides[1:] else np.array([-1 if s is None else s for s in sides])
        if operation.type not in _COMPUTED or len(operation.outputs) != 1:
            return None
        values = [self.known(source) for source in operation.inputs]
        if any(value is None for value in values):
            return None
        return np.asarray(_run(operation, values))

    def refusal(self, operation: Any, why: str) -> BadInputError:
        """The error of an operation that no layer does."""
        return BadInputError(
            f"{self.net} cannot be made of Keras layers: {operation.name} ({operation.type}) "
            f"{why}; port it to saved_model, frozen or onnx"
        )


def in_order(permutation: np.ndarray | None) -> bool:
    """Whether a permutation leaves all axes where they are."""
    return permutation is not None and permutation.tolist() == list(range(permutation.size))


def only_reader(tensor: Any) -> bool:
    """Whether a single operation reads a tensor."""
    return len(tensor.consumers()) == 1


def _run(operation: Any, values: list[Any]) -> Any:
    """Runs one operation outside its graph."""
    arguments: dict[str, Any] = {}
    rest = list(values)
    for argument in operation.op_def.input_arg:
        count = operation.get_attr(argument.number_attr) if argument.number_attr else None
        taken = [rest.pop(0) for _ in range(1 if count is None else count)]
        typed = [
            np.asarray(value, source.dtype.as_numpy_dtype)
            for value, source in zip(
                taken, operation.inputs[len(values) - len(rest) - len(taken) :], strict=False
            )
        ]
        arguments[argument.name] = typed[0] if count is None else typed
    counts = {argument.number_attr for argument in operation.op_def.input_arg}
    types = {argument.type_attr for argument in operation.op_def.input_arg}
    for attribute in operation.op_def.attr:
        if attribute.name not in counts | types:
            arguments[attribute.name] = operation.get_attr(attribute.name)
    return getattr(tf.raw_ops, operation.type)(**arguments)
