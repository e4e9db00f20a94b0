"""The conversion of one TensorFlow 1 graph into Keras 3 layers: its state, and what is constant.

Each operation gets a ``Recipe``: the tensors that it needs, and the function that makes its outputs
from them. Several operations may become one layer (a convolution and its bias, dropout, an LSTM's
loop). Values that are known while building, above all shapes, are computed on the way. In them, -1
is a size that depends on the batch.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, NamedTuple, TypeAlias

import numpy as np

from legacy_nets import tf1 as tf
from legacy_nets.errors import BadInputError
from legacy_nets.types import Array, Operation, Tensor

if TYPE_CHECKING:
    from keras import KerasTensor

_COMPUTED = {
    *("AddV2", "Cast", "ConcatV2", "ExpandDims", "Fill", "GatherV2", "Identity", "Maximum"),
    *("Minimum", "Mul", "Pack", "Prod", "Range", "RealDiv", "Reshape", "Squeeze", "StridedSlice"),
    *("Sub", "Transpose"),
}


# From the Keras tensors of an operation's inputs to those of its outputs.
Make: TypeAlias = Callable[[Sequence["KerasTensor"]], list["KerasTensor"]]


class Recipe(NamedTuple):
    """How to make the Keras tensors of an operation's outputs."""

    inputs: tuple[Tensor, ...]  # tensors of the graph
    make: Make


class Conversion:
    """One net on its way from graph to model.

    Attributes:
      net: the name, as errors call it.
      images: the graph's input.
      get_value: a variable's name -> its array.
      used: names of the variables that a layer has taken.
    """

    def __init__(self, net: str, images: Tensor, get_value: Callable[[str], Array]) -> None:
        self.net = net
        self.images = images
        self.get_value = get_value
        self.used: set[str] = set()
        self._keras_tensors: dict[str, KerasTensor] = {}  # by the name of the graph's tensor
        self._constants: dict[str, Array | None] = {}
        self._layer_names: set[str] = set()

    def set_output(self, tensor: Tensor, output: KerasTensor) -> None:
        """Records the Keras tensor of a tensor of the graph."""
        self._keras_tensors[tensor.name] = output

    def get_output(self, tensor: Tensor) -> KerasTensor:
        """Returns the Keras tensor of a tensor of the graph."""
        return self._keras_tensors[tensor.name]

    def get_images(self) -> KerasTensor:
        """Returns the model's input."""
        return self.get_output(self.images)

    def find_layer(self, tensor: Tensor) -> str | None:
        """Returns the layer that a tensor of the graph is the output of; None if there is none."""
        output = self._keras_tensors.get(tensor.name)
        return None if output is None else output._keras_history.operation.name

    def choose_name(self, *names: str) -> str:
        """Returns the first name that no other layer has, with dots for slashes."""
        dotted = [name.replace("/", ".").lstrip("._") or "layer" for name in names]
        numbered = (f"{dotted[-1]}_{number}" for number in itertools.count(1))
        candidates = itertools.chain(dotted, numbered)
        name = next(name for name in candidates if name not in self._layer_names)
        self._layer_names.add(name)
        return name

    def find_variable(self, tensor: Tensor) -> str | None:
        """Returns the variable that a tensor is the value of; None if there is none.

        Reshapes and transposes that change nothing are looked through.
        """
        while True:
            operation = tensor.op
            if operation.type == "ReadVariableOp":
                return operation.inputs[0].op.name
            is_same = operation.type in ("Reshape", "Transpose") and (
                tensor.shape.as_list() == operation.inputs[0].shape.as_list()
                and (
                    operation.type == "Reshape"
                    or is_identity(self.find_constant(operation.inputs[1]))
                )
            )
            if operation.type != "Identity" and not is_same:
                return None
            tensor = operation.inputs[0]

    def find_constant(self, tensor: Tensor) -> Array | None:
        """Returns the value of a tensor that depends on neither images nor weights, else None.

        A size of -1 in it is the batch's.
        """
        if tensor.name not in self._constants:
            self._constants[tensor.name] = self._compute(tensor)
        return self._constants[tensor.name]

    def get_constant(self, tensor: Tensor) -> Array:
        """Returns the value of a tensor, as ``find_constant``. Raises BadInputError for None."""
        value = self.find_constant(tensor)
        if value is None:
            raise self.build_error(tensor.op, "is given a number that is not known beforehand")
        return value

    def _compute(self, tensor: Tensor) -> Array | None:
        operation = tensor.op
        if operation.type == "Const":
            return tf.make_ndarray(operation.get_attr("value"))
        if operation.type == "Shape":
            shape = operation.inputs[0].shape
            sizes = [None] if shape.rank is None else shape.as_list()
            if None in sizes[1:]:
                return None
            return np.array([-1 if size is None else size for size in sizes])
        if operation.type not in _COMPUTED or len(operation.outputs) != 1:
            return None
        values = [self.find_constant(source) for source in operation.inputs]
        known = [value for value in values if value is not None]
        if len(known) < len(values):
            return None
        return np.asarray(_run_eagerly(operation, known))

    def build_error(self, operation: Operation, reason: str) -> BadInputError:
        """Returns the error of an operation that no layer can replace."""
        return BadInputError(
            f"{self.net} cannot be made of Keras layers: {operation.name} ({operation.type}) "
            f"{reason}; port it to saved_model, frozen or onnx"
        )


def is_identity(permutation: Array | None) -> bool:
    """Tells whether a permutation, [axes], leaves all axes where they are."""
    return permutation is not None and permutation.tolist() == list(range(permutation.size))


def has_one_reader(tensor: Tensor) -> bool:
    """Tells whether a single operation reads a tensor."""
    return len(tensor.consumers()) == 1


def _run_eagerly(operation: Operation, values: Sequence[Array]) -> Tensor:
    """Runs one operation outside of its graph."""
    arguments: dict[str, object] = {}
    start = 0
    for argument in operation.op_def.input_arg:
        count = operation.get_attr(argument.number_attr) if argument.number_attr else 1
        arrays = [
            np.asarray(values[index], operation.inputs[index].dtype.as_numpy_dtype)
            for index in range(start, start + count)
        ]
        arguments[argument.name] = arrays if argument.number_attr else arrays[0]
        start += count
    inferred = {argument.number_attr for argument in operation.op_def.input_arg}
    inferred |= {argument.type_attr for argument in operation.op_def.input_arg}
    for attribute in operation.op_def.attr:
        if attribute.name not in inferred:
            arguments[attribute.name] = operation.get_attr(attribute.name)
    return getattr(tf.raw_ops, operation.type)(**arguments)
