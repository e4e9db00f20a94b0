"""Builds graphs faster, with the same graph as the result; and graphs without initial values."""

from __future__ import annotations

import contextlib
import functools
import importlib
from collections.abc import Callable
from collections.abc import Iterable
from collections.abc import Iterator
from typing import Any

_ops: Any = importlib.import_module("tensorflow.python.framework.ops")
_context = importlib.import_module("tensorflow.python.eager.context")
_resources = importlib.import_module("tensorflow.python.ops.resource_variable_ops")


def answer_quickly() -> None:
    """Lets TensorFlow see at once that a plain graph is no eager code.

    Each hash and comparison of variables asks ``executing_eagerly_outside_functions``, which
    enters and leaves a graph to find out; layers hash all variables for each new one. Inside a
    graph that is no function's the answer is always no.
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


class _Known(tuple[Any, ...]):
    """Variables of which a layer asks only whether one is among them: that needs no hashes."""

    def __contains__(self, variable: object) -> bool:
        return any(variable is known for known in self)


def _set(items: Iterable[Any]) -> Any:
    """``set`` for the modules of the layers, which collect all variables for each new one."""
    collected = tuple(items)
    return _Known(collected) if hasattr(collected[:1] and collected[0], "ref") else set(collected)


@contextlib.contextmanager
def without_initial_values() -> Iterator[None]:
    """Variables made inside have name, shape and collections, but nothing that initializes them.

    For graphs that are looked at and never run: half the operations, a third of the time.
    """
    with importlib.import_module("tensorflow").variable_creator_scope(_bare_variable):
        yield


def _bare_variable(create: Callable[..., Any], **given: Any) -> Any:
    value, shape = given.get("initial_value"), given.get("shape")
    if shape is None and isinstance(value, functools.partial):  # tf.get_variable's
        shape = value.keywords.get("shape", value.args[0] if value.args else None)
    if shape is None or not callable(value) or given.get("dtype") is None:
        return create(**given)
    variable = _resources.UninitializedVariable(**{**given, "shape": shape})
    keys = _ops.GraphKeys
    collections = set(given.get("collections") or ()) - {keys.GLOBAL_VARIABLES}  # it is in there
    if given.get("trainable") is not False:
        collections.add(keys.TRAINABLE_VARIABLES)
    _ops.get_default_graph().add_to_collections(sorted(collections), variable)
    return variable
