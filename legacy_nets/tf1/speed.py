"""Makes graph building faster with the same result, and builds graphs without initial values."""

from __future__ import annotations

import contextlib
import functools
import importlib
import weakref
from collections.abc import Callable, Iterable, Iterator
from typing import Any

_autograph = importlib.import_module("tensorflow.python.autograph.core.ag_ctx")
_ops: Any = importlib.import_module("tensorflow.python.framework.ops")
_context = importlib.import_module("tensorflow.python.eager.context")
_array_ops: Any = importlib.import_module("tensorflow.python.ops.array_ops")
_resources: Any = importlib.import_module("tensorflow.python.ops.resource_variable_ops")


def speed_up_graph_building() -> None:
    """Makes TensorFlow detect quickly that code builds a plain graph.

    Each hash and comparison of variables calls ``executing_eagerly_outside_functions``, which
    enters and leaves a graph. Layers hash all variables for each new one. Inside a graph that is
    not a function's the result is always False.
    """
    slow = _ops.executing_eagerly_outside_functions
    if hasattr(slow, "__wrapped__"):
        return

    @functools.wraps(slow)
    def quick() -> bool:
        if not _context.executing_eagerly() and not _ops.get_default_graph().building_function:
            return False
        return slow()

    _ops.executing_eagerly_outside_functions = quick
    for package in ("tf_keras.src", "tensorflow.python.keras"):  # tf.layers', slim's
        vars(importlib.import_module(f"{package}.legacy_tf_layers.base"))["set"] = _set
        selectors: Any = importlib.import_module(f"{package}.utils.version_utils")
        selectors.swap_class = _swap_once(selectors.swap_class)


class _IdentitySet(tuple[object, ...]):
    """Variables that a layer searches by identity only, which needs no hashes."""

    def __contains__(self, variable: object) -> bool:
        return any(variable is item for item in self)


def _set(items: Iterable[Any]) -> Any:
    """Replaces ``set`` in the modules of layers, which collect all variables for each new one."""
    collected = tuple(items)
    return (
        _IdentitySet(collected)
        if hasattr(collected[:1] and collected[0], "ref")
        else set(collected)
    )


def _swap_once(swap: Callable[..., type]) -> Callable[..., type]:
    """Wraps Keras' ``swap_class``, which gives a class the bases of graph mode or of eager mode.

    Keras calls it for every new layer. It writes ``__bases__`` each time, which empties Python's
    caches of attributes. The wrapper skips classes that have the bases of this mode already.
    """
    done: dict[type, weakref.WeakSet[type]] = {}  # base -> classes that have it
    mode: list[bool] = []

    @functools.wraps(swap)
    def once(cls: type, v2_cls: type, v1_cls: type, use_v2: bool) -> type:
        if mode != [use_v2]:
            done.clear()
            mode[:] = [use_v2]
        classes = done.setdefault(v2_cls, weakref.WeakSet())
        if cls in classes:
            return cls
        swapped = swap(cls, v2_cls, v1_cls, use_v2)
        if swapped is cls:
            classes.add(cls)
        return swapped

    return once


@contextlib.contextmanager
def without_initial_values() -> Iterator[None]:
    """Makes variables with name, shape and collections, but without initial values.

    For graphs that are inspected, or whose variables are all fed (``checkpoints.assign``): half the
    operations, a third of the time.
    """
    as_written = _autograph.ControlStatusCtx(status=_autograph.Status.DISABLED)
    with (
        as_written,
        importlib.import_module("tensorflow").variable_creator_scope(_create_bare_variable),
    ):
        yield


def _create_bare_variable(create: Callable[..., Any], **given: Any) -> Any:
    value, shape = given.get("initial_value"), given.get("shape")
    if shape is None and isinstance(value, functools.partial):  # tf.get_variable's
        shape = value.keywords.get("shape", value.args[0] if value.args else None)
    if shape is None or not callable(value) or given.get("dtype") is None:
        return create(**given)
    return _Handle(**{**given, "shape": shape})


class _Handle(_resources.BaseResourceVariable):
    """A variable that is one operation: its handle, which layers read where they use it.

    Its initializer assigns what it is fed, and is made when it is asked for.
    """

    __eq__ = object.__eq__  # as in any graph of TensorFlow 1, without asking whether this is one
    __hash__ = object.__hash__

    def __init__(self, **given: Any) -> None:
        about = ("shape", "dtype", "trainable", "synchronization", "aggregation", "constraint")
        with _ops.init_scope(), _ops.name_scope(given.get("name"), "Variable") as scope:
            name = _ops.name_from_scope_name(scope)
            handle = _resources._variable_handle_from_shape_and_dtype(
                given["shape"], given["dtype"], name, scope, graph_mode=True
            )
            handle._parent_trackable = weakref.ref(self)
            handle._name, handle._unique_id = f"{name}:0", name
            super().__init__(
                **{key: given.get(key) for key in about},
                handle=handle,
                handle_name=name,
                unique_id=name,
                in_graph_mode=True,
            )
            keys = _ops.GraphKeys
            collections = given.get("collections")
            wanted = {keys.GLOBAL_VARIABLES} if collections is None else set(collections)
            if self.trainable:
                wanted.add(keys.TRAINABLE_VARIABLES)
            _ops.get_default_graph().add_to_collections(sorted(wanted), self)

    @functools.cached_property
    def initializer(self) -> Any:
        """The operation that assigns its second input, which must be fed.

        With it comes the operation that reads the variable where a graph is frozen.
        """
        name, operations = self._unique_id, _resources.gen_resource_variable_ops
        with self.graph.as_default(), _ops.name_scope(None), _ops.control_dependencies(None):
            operations.read_variable_op(self.handle, self.dtype, name=f"{name}/Read/ReadVariableOp")
            value = _array_ops.placeholder(self.dtype, self.shape, f"{name}/fed_value")
            return operations.assign_variable_op(self.handle, value, name=f"{name}/Assign")
