"""How a slim net opens its own arg_scope under the caller's."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

from legacy_nets import tf1 as tf
from legacy_nets.types import ArgScope

slim = tf.contrib.slim


@contextlib.contextmanager
def default_arg_scope(defaults: ArgScope) -> Iterator[None]:
    """Opens ``defaults`` under the caller's arg_scope: the caller wins, argument by argument.

    Args:
      defaults: what ``slim.arg_scope`` yields: {operation: {argument: value}}.

    An argument that the caller's arg_scope sets for an operation keeps the caller's value; all
    others take the default. ``normalizer_params`` is one argument: its items are not merged.
    """
    caller = slim.current_arg_scope()
    merged = {op: {**defaults.get(op, {}), **caller.get(op, {})} for op in {**defaults, **caller}}
    with slim.arg_scope(merged):
        yield
