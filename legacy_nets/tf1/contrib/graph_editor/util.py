"""Lists of operations and tensors, control outputs, and placeholders that stand in for tensors."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import tensorflow.compat.v1 as tf
from tensorflow.python.ops.op_selector import (
    check_graphs,  # noqa: F401
    concatenate_unique,  # noqa: F401
    get_consuming_ops,
    get_generating_ops,
    get_tensors,
    get_unique_graph,  # noqa: F401
    is_iterable,
    make_list_of_op,
    make_list_of_t,
)

from legacy_nets.types import DTypeLike, Operation, ShapeLike, Structure, Tensor, TensorLike

__all__ = [
    "ControlOutputs",
    "get_consuming_ops",
    "get_generating_ops",
    "get_tensors",
    "make_list_of_op",
    "make_list_of_t",
    "make_placeholder_from_dtype_and_shape",
    "make_placeholder_from_tensor",
    "placeholder_name",
]
_PREFIX = "geph"  # of the names of placeholders


class ControlOutputs:
    """Which operations wait for which: the reverse of ``Operation.control_inputs``.

    Raises TypeError for anything but a graph.
    """

    def __init__(self, graph: tf.Graph) -> None:
        if not isinstance(graph, tf.Graph):
            raise TypeError(f"Expected a tf.Graph, got: {type(graph)}")
        self.graph = graph
        self._version: int | None = None
        self._waiting: dict[tf.Operation, list[tf.Operation]] = {}
        self.update()

    def update(self) -> ControlOutputs:
        """Looks at the graph again where it has grown."""
        if self._version != self.graph.version:
            self._version = self.graph.version
            self._waiting.clear()
            for op in self.graph.get_operations():
                for waited_for in dict.fromkeys(op.control_inputs):
                    self._waiting.setdefault(waited_for, []).append(op)
        return self

    def get_all(self) -> dict[tf.Operation, list[tf.Operation]]:
        """All at once; operations that nothing waits for are left out."""
        return self._waiting

    def get(self, op: tf.Operation) -> Sequence[tf.Operation]:
        """What waits for an operation."""
        return self._waiting.get(op, ())


def scope_finalize(scope: str) -> str:
    """``"a"`` and ``"a/"`` are ``"a/"``; the root stays ``""``."""
    return scope if not scope or scope.endswith("/") else scope + "/"


def scope_dirname(scope: str) -> str:
    """``"a/b/"`` of ``"a/b/c"``."""
    return scope[: scope.rfind("/") + 1]


def scope_basename(scope: str) -> str:
    """``"c"`` of ``"a/b/c"``."""
    return scope[scope.rfind("/") + 1 :]


def placeholder_name(
    t: TensorLike | None = None, scope: str | None = None, prefix: str = _PREFIX
) -> str:
    """Makes the name of a tensor's placeholder, ``geph__NAME_INDEX``, by default in its scope.

    Raises TypeError for anything but a tensor.
    """
    if t is None:
        return scope_finalize(scope or "") + prefix
    if not isinstance(t, tf.Tensor):
        raise TypeError(f"Expected a tf.Tensor, got: {type(t)}")
    folder = scope_dirname(t.op.name) if scope is None else scope_finalize(scope)
    name = scope_basename(t.op.name)
    if name.startswith(f"{prefix}__"):  # of a placeholder
        return folder + name
    return f"{folder}{prefix}__{name}_{t.value_index}"


def make_placeholder_from_tensor(
    t: TensorLike, scope: str | None = None, prefix: str = _PREFIX
) -> Tensor:
    """A placeholder of a tensor's dtype and shape."""
    return tf.placeholder(t.dtype, t.shape, placeholder_name(t, scope, prefix))


def make_placeholder_from_dtype_and_shape(
    dtype: DTypeLike,
    shape: ShapeLike | None = None,
    scope: str | None = None,
    prefix: str = _PREFIX,
) -> Tensor:
    """Makes a placeholder that replaces no tensor of the graph."""
    return tf.placeholder(dtype, shape, placeholder_name(scope=scope, prefix=prefix))


def flatten_tree(tree: Structure, leaves: list[TensorLike] | None = None) -> list[Tensor]:
    """What nested lists, tuples and dictionaries hold, in one list."""
    leaves = [] if leaves is None else leaves
    if isinstance(tree, Mapping):
        tree = tree.values()
    if is_iterable(tree):
        for child in tree:
            flatten_tree(child, leaves)
    else:
        leaves.append(tree)
    return leaves


def transform_tree(
    tree: Structure,
    fn: Callable[[TensorLike], TensorLike],
    iterable_type: Callable[..., Structure] = tuple,
) -> Structure:
    """The same nesting, with ``fn`` of each leaf in its place."""
    if not is_iterable(tree):
        return fn(tree)
    if isinstance(tree, Mapping):
        made: Any = type(tree)
        return made((key, transform_tree(child, fn)) for key, child in tree.items())
    children = [transform_tree(child, fn) for child in tree]
    if hasattr(tree, "_fields"):  # a named tuple
        return type(tree)(*children)
    return (type(tree) if isinstance(tree, (list, tuple)) else iterable_type)(children)


def find_corresponding_elem(
    target: TensorLike, dst_graph: tf.Graph, dst_scope: str = "", src_scope: str = ""
) -> Tensor | Operation:
    """The tensor or operation of the same name in another graph.

    Raises ValueError where the name is not in ``src_scope``, KeyError where the graph has none.
    """
    name, scope = target.name, scope_finalize(src_scope)
    if not name.startswith(scope):
        raise ValueError(f"{name} does not start with {scope}")
    return dst_graph.as_graph_element(scope_finalize(dst_scope) + name[len(scope) :])


def find_corresponding(
    targets: TensorLike, dst_graph: tf.Graph, dst_scope: str = "", src_scope: str = ""
) -> Structure:
    """``find_corresponding_elem`` for all that nested lists hold."""
    return transform_tree(
        targets, lambda target: find_corresponding_elem(target, dst_graph, dst_scope, src_scope)
    )
