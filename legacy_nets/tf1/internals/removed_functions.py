"""Private functions of TensorFlow 1.15 that scripts imported and no public name replaces."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

import tensorflow.compat.v1 as tf
from tensorflow.core.framework import op_def_pb2, variable_pb2
from tensorflow.python.client import pywrap_tf_session
from tensorflow.python.ops.resource_variable_ops import ResourceVariable

from legacy_nets.types import OpDef, Operation, TensorLike, TensorShape, Variable

_ShapeFunction = TypeVar("_ShapeFunction", bound=Callable[..., object] | None)


def scalar() -> TensorShape:
    """Returns the shape [], as ``tensor_shape.scalar()``."""
    return tf.TensorShape([])


def vector(length: TensorLike) -> TensorShape:
    """Returns the shape [n], as ``tensor_shape.vector(n)``."""
    return tf.TensorShape([length])


def matrix(rows: TensorLike, cols: TensorLike) -> TensorShape:
    """Returns the shape [m, n], as ``tensor_shape.matrix(m, n)``."""
    return tf.TensorShape([rows, cols])


def unknown_shape(op: Operation) -> list[TensorShape]:
    """Returns an unknown shape for each output, as ``common_shapes.unknown_shape``."""
    return [tf.TensorShape(None) for _ in op.outputs]


class RegisterShape:
    """``ops.RegisterShape``: a decorator that did nothing in 1.15 any more."""

    def __init__(self, op_type: str) -> None:
        if not isinstance(op_type, str):
            raise TypeError("op_type must be a string")

    def __call__(self, f: _ShapeFunction) -> _ShapeFunction:
        """Returns the shape function as it is."""
        return f


def register_dense_tensor_like_type(tensor_type: type) -> None:
    """``ops.register_dense_tensor_like_type``: checks the class; today's TensorFlow asks no list.

    Raises TypeError where ``name`` or ``dtype`` is no property, with the words of 1.15.5.
    """
    for name in ("name", "dtype"):
        if not isinstance(getattr(tensor_type, name, None), property):
            raise TypeError(f"Type {tensor_type.__name__} does not define a `{name}` property")


def get_registered_ops() -> dict[str, OpDef]:
    """Returns all registered ops by name, as ``op_def_registry.get_registered_ops``."""
    serialized = pywrap_tf_session.TF_GetBuffer(pywrap_tf_session.TF_GetAllOpList())
    return {op.name: op for op in op_def_pb2.OpList.FromString(serialized).op}


def _to_proto_fn(v: Variable, export_scope: str | None = None) -> variable_pb2.VariableDef:
    """Returns the VariableDef of a variable of either kind."""
    return v.to_proto(export_scope=export_scope)


def _from_proto_fn(v: variable_pb2.VariableDef, import_scope: str | None = None) -> Variable:
    """Makes the variable of a VariableDef."""
    if v.is_resource:
        return ResourceVariable.from_proto(v, import_scope=import_scope)
    return tf.Variable.from_proto(v, import_scope=import_scope)
