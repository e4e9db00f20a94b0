"""How a slim net opens its own arg_scope without taking the caller's away."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

from legacy_nets import tf1 as tf

slim = tf.contrib.slim


@contextlib.contextmanager
def default_arg_scope(defaults: dict[Any, dict[str, Any]]) -> Iterator[None]:
    """Opens ``defaults`` under the caller's arg_scope: the caller wins, argument by argument.

    Args:
      defaults: what ``slim.arg_scope`` yields: {operation: {argument: value}}.

    An argument that the caller's arg_scope sets for an operation keeps the caller's value; all
    others take the default. ``normalizer_params`` is one argument: it is taken whole.
    """
    caller = slim.current_arg_scope()
    merged = {op: {**defaults.get(op, {}), **caller.get(op, {})} for op in {**defaults, **caller}}
    with slim.arg_scope(merged):
        yield
