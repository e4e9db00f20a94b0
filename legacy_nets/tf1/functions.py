"""What TensorFlow knows of operations and functions, for code that takes graphs apart."""

from __future__ import annotations

import importlib
from typing import Any

_registry = importlib.import_module("tensorflow.python.framework.op_def_registry")
_control_flow = importlib.import_module("tensorflow.python.ops.control_flow_util_v2")


def definition_of(operation_type: str) -> Any:
    """The OpDef of an operation; None of one that this TensorFlow does not have."""
    return _registry.get(operation_type)


def is_known(operation_type: str) -> bool:
    """Whether this TensorFlow has an operation of that type."""
    return definition_of(operation_type) is not None


def parse_saved_model(content: bytes) -> Any:
    """The message of a saved_model.pb. Raises DecodeError."""
    protocol = importlib.import_module("tensorflow.core.protobuf.saved_model_pb2")
    return protocol.SavedModel.FromString(content)


def meta_graphs(saved_model: bytes) -> list[Any]:
    """The MetaGraphDefs of a saved_model.pb. Raises DecodeError."""
    return list(parse_saved_model(saved_model).meta_graphs)


def body(operation: Any, attribute: str) -> Any:
    """The graph of a function that an operation calls (``body``, ``cond``, ``then_branch``, ``f``).

    Its ``inputs`` have the shapes of the operation's; those of ``If`` come after the condition.
    """
    inputs = operation.inputs[1:] if "branch" in attribute else operation.inputs
    name = operation.get_attr(attribute).name
    shapes = [tensor.shape for tensor in inputs]
    outermost = operation.graph
    while hasattr(outermost, "outer_graph"):
        outermost = outermost.outer_graph
    # In a plain graph the function is not made known to eager mode, where another graph's of the
    # same name may be already.
    with outermost.as_default():
        return _control_flow.get_func_graph(operation, shapes, name)
