"""The classes of tensors, variables, operations and sizes behave as in TensorFlow 1.15."""

from __future__ import annotations

import functools
import importlib
from typing import Any

import numpy as np

from legacy_nets.types import Dimension, Operation, ShapeLike, TensorShape


def use_tf1_classes() -> None:
    """Changes the classes of this process's TensorFlow. Does nothing the second time."""
    shapes, ops, variables, resources = (
        _import_module(f"tensorflow.python.{name}")
        for name in ("framework.tensor_shape", "framework.ops")
        + ("ops.variable_v1", "ops.resource_variable_ops")
    )
    if shapes.Dimension.__init__ is _set_size:
        return
    shapes.Dimension.__init__ = _set_size
    _refuse_strings_as_shapes(shapes.TensorShape)
    _use_class_of_graph_tensors(ops)
    ops.Operation.__str__ = _format_operation
    _keep_variable_class_after_errors()
    # tf.Variable is VariableV1, which resource variables were derived from.
    variables.VariableV1.register(resources.BaseResourceVariable)


def _import_module(name: str) -> Any:  # its attributes are assigned to
    return importlib.import_module(name)


def _set_size(self: Dimension, value: object) -> None:
    """``Dimension.__init__`` of 1.15: True, 4.0 and "4" are sizes, too. Sets an int or None."""
    if value is None or (type(value) is int and value >= 0):
        self._value = value
        return
    if isinstance(value, type(self)):
        self._value = value._value
        return
    if hasattr(value, "as_numpy_dtype"):  # int(tf.float32) is its number
        raise TypeError(f"Cannot convert {value} to Dimension")
    if isinstance(value, np.ndarray) and value.size == 1:
        value = value.item()
    size = int(value)  # type: ignore[call-overload]
    if not isinstance(value, (str, bytes)) and size != value:
        raise ValueError(f"Ambiguous dimension: {value}")
    if size < 0:
        raise ValueError(f"Dimension {size} must be >= 0")
    self._value = size


def _refuse_strings_as_shapes(shape_class: Any) -> None:
    """Makes a string no shape, as in 1.15: each letter would be a size."""
    set_dims = shape_class.__init__

    def set_shape(self: TensorShape, dims: ShapeLike) -> None:
        if isinstance(dims, (str, bytes)):
            raise TypeError(
                "A string has ambiguous TensorShape, please wrap in a list or convert to an int: "
                f"{dims!s}"
            )
        set_dims(self, dims)

    shape_class.__init__ = set_shape


def _use_class_of_graph_tensors(ops: Any) -> None:
    """Makes ``tf.Tensor`` the class that graph tensors have: ``type(x) is tf.Tensor``.

    Eager tensors are instances of it, too, as in 1.15. Libraries keep today's ``tf.Tensor``, the
    base of both.
    """
    from legacy_nets import tf1

    base, symbolic = tf1.Tensor, ops.SymbolicTensor

    class Meta(type(symbolic)):  # type: ignore[misc]
        def __instancecheck__(cls, instance: object) -> bool:
            return type.__instancecheck__(base if cls is Tensor else cls, instance)

        def __subclasscheck__(cls, subclass: type) -> bool:
            return type.__subclasscheck__(base if cls is Tensor else cls, subclass)

    class Tensor(symbolic, metaclass=Meta):  # type: ignore[misc, valid-type]
        __module__, __qualname__, __doc__ = ops.__name__, "Tensor", base.__doc__

    def is_symbolic_tensor(tensor: object) -> bool:
        return isinstance(tensor, symbolic)

    vars(ops)["SymbolicTensor"] = vars(tf1)["Tensor"] = Tensor
    for name in (ops.__name__, "tensorflow", "tensorflow.compat.v1", "tensorflow.compat.v2"):
        vars(_import_module(name))["is_symbolic_tensor"] = is_symbolic_tensor


def _keep_variable_class_after_errors() -> None:
    """Makes later variables reference variables, also after a traced function has raised.

    TensorFlow switches the scope to resource variables while it traces the function of
    ``dataset.map``, and switches back only where the function returns.
    """
    graphs = _import_module("tensorflow.python.framework.func_graph")
    scopes = _import_module("tensorflow.python.ops.variable_scope")
    trace = graphs.func_graph_from_py_func

    @functools.wraps(trace)
    def trace_and_restore(*arguments: Any, **options: Any) -> Any:
        scope = scopes.get_variable_scope()
        uses_resources = scope.use_resource
        try:
            return trace(*arguments, **options)
        except BaseException:
            scope.set_use_resource(uses_resources)
            raise

    graphs.func_graph_from_py_func = trace_and_restore


def _format_operation(self: Operation) -> str:
    """``Operation.__str__``: the NodeDef with its attributes by name."""
    text_format = _import_module("google.protobuf.text_format")
    return str(text_format.MessageToString(self.node_def))
