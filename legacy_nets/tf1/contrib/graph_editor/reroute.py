"""Rewires: what took one tensor takes another one.

In each pair the arrows' ends move: of ``A0 -> B0, A1 -> B1``, "swap" makes ``A0 -> B1, A1 -> B0``,
"reroute" makes ``A0 -> B0, A0 -> B1``, and nothing takes A1.
"""

from __future__ import annotations

from typing import Any

import tensorflow.compat.v1 as tf

from legacy_nets.tf1.contrib.graph_editor import subgraph, util
from legacy_nets.types import Operation, Tensor

__all__ = [
    "add_control_inputs",
    "remove_control_inputs",
    "reroute_inputs",
    "reroute_ios",
    "reroute_outputs",
    "reroute_ts",
    "swap_inputs",
    "swap_ios",
    "swap_outputs",
    "swap_ts",
]
View = subgraph.SubGraphView


def _check_pairs(ts0: list[Tensor], ts1: list[Tensor]) -> None:
    if len(ts0) != len(ts1):
        raise ValueError(f"ts0 and ts1 have different sizes: {len(ts0)} != {len(ts1)}")
    for t0, t1 in zip(ts0, ts1, strict=True):
        if not t0.dtype.is_compatible_with(t1.dtype):
            raise ValueError(f"Dtypes {t0.dtype} and {t1.dtype} are not compatible.")
        if not t0.shape.is_compatible_with(t1.shape):
            raise ValueError(f"Shapes {t0.shape} and {t1.shape} are not compatible.")


def _reroute_ts(
    ts0: Tensor, ts1: Tensor, swap: bool, can_modify: object = None, cannot_modify: object = None
) -> int:
    """Rewires each pair; the number of inputs that have changed."""
    ts0, ts1 = util.make_list_of_t(ts0), util.make_list_of_t(ts1)
    _check_pairs(ts0, ts1)
    allowed = None if can_modify is None else frozenset(util.make_list_of_op(can_modify))
    barred = frozenset(util.make_list_of_op(() if cannot_modify is None else cannot_modify))
    moves = []  # whom to change is found before the first change, as in 1.15
    for t0, t1 in zip(ts0, ts1, strict=True):
        for old, new in ((t1, t0), (t0, t1)) if swap else ((t1, t0),):
            users = [user for user in dict.fromkeys(old.consumers()) if user not in barred]
            moves.append((old, new, [u for u in users if allowed is None or u in allowed]))
    changed = 0
    for old, new, users in moves:
        for user in users if old is not new else ():
            for index in [i for i, t in enumerate(user.inputs) if t is old]:
                user._update_input(index, new)
                changed += 1
    return changed


def swap_ts(
    ts0: Tensor, ts1: Tensor, can_modify: object = None, cannot_modify: object = None
) -> int:
    """Swaps the users of each pair of tensors, as far as they may be changed.

    Returns how many inputs were changed. Raises ValueError where a pair's dtypes or shapes differ.
    """
    return _reroute_ts(ts0, ts1, True, can_modify, cannot_modify)


def reroute_ts(
    ts0: Tensor, ts1: Tensor, can_modify: object = None, cannot_modify: object = None
) -> int:
    """Lets the users of each ``t1`` take ``t0``, as far as they may be changed.

    Returns how many inputs were changed. Raises ValueError where a pair's dtypes or shapes differ.
    """
    return _reroute_ts(ts0, ts1, False, can_modify, cannot_modify)


def _reroute_inputs(sgv0: Any, sgv1: Any, swap: bool) -> tuple[View, View]:
    """Rewires the inputs in the graph, and in both views."""
    sgv0, sgv1 = subgraph.make_view(sgv0), subgraph.make_view(sgv1)
    util.check_graphs(sgv0, sgv1)
    users = util.get_consuming_ops(sgv0.passthroughs) + util.get_consuming_ops(sgv1.passthroughs)
    _reroute_ts(sgv0.inputs, sgv1.inputs, swap, can_modify=sgv0.ops + sgv1.ops + users)
    old0, old1 = sgv0.copy(), sgv1.copy()
    sgv1.inputs, sgv1.passthroughs = list(old0.inputs), list(old0.passthroughs)
    if swap:
        sgv0.inputs, sgv0.passthroughs = list(old1.inputs), list(old1.passthroughs)
    _move_passthroughs(sgv0, sgv1)
    if swap:
        _move_passthroughs(sgv1, sgv0)
    return sgv0, sgv1


def _move_passthroughs(of: View, to: View) -> None:
    """An output that goes by all operations of one view becomes the other's input."""
    to.outputs = [to.inputs[of.input_index(t)] if of.is_passthrough(t) else t for t in to.outputs]


def _reroute_outputs(sgv0: Any, sgv1: Any, swap: bool) -> tuple[View, View]:
    sgv0, sgv1 = subgraph.make_view(sgv0), subgraph.make_view(sgv1)
    util.check_graphs(sgv0, sgv1)
    _reroute_ts(sgv0.outputs, sgv1.outputs, swap, cannot_modify=sgv0.ops + sgv1.ops)
    return sgv0, sgv1


def swap_inputs(sgv0: Any, sgv1: Any) -> tuple[View, View]:
    """Swaps the inputs of two views, which are changed with the graph."""
    return _reroute_inputs(sgv0, sgv1, True)


def reroute_inputs(sgv0: Any, sgv1: Any) -> tuple[View, View]:
    """Gives the second view the first one's inputs; the views are changed with the graph."""
    return _reroute_inputs(sgv0, sgv1, False)


def swap_outputs(sgv0: Any, sgv1: Any) -> tuple[View, View]:
    """Swaps what takes the outputs of two views."""
    return _reroute_outputs(sgv0, sgv1, True)


def reroute_outputs(sgv0: Any, sgv1: Any) -> tuple[View, View]:
    """Lets what took the second view's outputs take the first one's."""
    return _reroute_outputs(sgv0, sgv1, False)


def swap_ios(sgv0: Any, sgv1: Any) -> tuple[View, View]:
    """``swap_outputs`` and ``swap_inputs``."""
    return _reroute_inputs(*_reroute_outputs(sgv0, sgv1, True), True)


def reroute_ios(sgv0: Any, sgv1: Any) -> tuple[View, View]:
    """``reroute_outputs`` and ``reroute_inputs``."""
    return _reroute_inputs(*_reroute_outputs(sgv0, sgv1, False), False)


def _check_op(op: Operation) -> None:
    if not isinstance(op, tf.Operation):
        raise TypeError(f"Expected a tf.Operation, got: {type(op)}")


def remove_control_inputs(op: tf.Operation, cops: object) -> None:
    """Lets an operation no longer wait for others. Raises ValueError where it does not wait."""
    _check_op(op)
    removed = util.make_list_of_op(cops, allow_graph=False)
    for cop in removed:
        if cop not in op.control_inputs:
            raise ValueError(f"{cop.name} is not a control_input of {op.name}")
    kept = [cop for cop in op.control_inputs if cop not in removed]
    op._remove_all_control_inputs()
    op._add_control_inputs(kept)


def add_control_inputs(op: tf.Operation, cops: object) -> None:
    """Lets an operation wait for others. Raises ValueError where it does already."""
    _check_op(op)
    more = util.make_list_of_op(cops, allow_graph=False)
    for cop in more:
        if cop in op.control_inputs:
            raise ValueError(f"{cop.name} is already a control_input of {op.name}")
    op._add_control_inputs(more)
