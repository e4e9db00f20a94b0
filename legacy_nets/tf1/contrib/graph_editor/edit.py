"""Cuts parts of a graph off, joins them, and goes around them. Views are changed in place."""

from __future__ import annotations

from typing import Any

import tensorflow.compat.v1 as tf

from legacy_nets.tf1.contrib.graph_editor import reroute, select, subgraph, util
from legacy_nets.types import Tensor

__all__ = [
    "bypass",
    "connect",
    "detach",
    "detach_control_inputs",
    "detach_control_outputs",
    "detach_inputs",
    "detach_outputs",
]
View = subgraph.SubGraphView


def detach_control_inputs(sgv: Any) -> None:
    """Lets no operation of a view wait for one outside."""
    view = subgraph.make_view(sgv)
    inside = frozenset(view.ops)
    for op in view.ops:
        reroute.remove_control_inputs(op, [cop for cop in op.control_inputs if cop not in inside])


def detach_control_outputs(sgv: Any, control_outputs: util.ControlOutputs) -> None:
    """Lets no operation outside wait for one of a view."""
    select.check_cios(control_outputs=control_outputs)
    view = subgraph.make_view(sgv)
    inside = frozenset(view.ops)
    for op in view.ops:
        for waiting in control_outputs.get(op):
            if waiting not in inside:
                reroute.remove_control_inputs(waiting, op)


def detach_inputs(sgv: Any, control_inputs: bool = False) -> tuple[View, list[Tensor]]:
    """(the view, placeholders that now feed it)."""
    view = subgraph.make_view(sgv)
    with view.graph.as_default():
        stand_ins = [tf.placeholder(t.dtype, name=util.placeholder_name(t)) for t in view.inputs]
    reroute.swap_inputs(view, stand_ins)
    if control_inputs:
        detach_control_inputs(view)
    return view, stand_ins


def detach_outputs(
    sgv: Any, control_outputs: util.ControlOutputs | None = None
) -> tuple[View, list[Tensor]]:
    """(the view, without outputs that nobody took; placeholders that feed those who took them)."""
    view = subgraph.make_view(sgv)
    view = view.remap_outputs([i for i, t in enumerate(view.outputs) if t.consumers()])
    users = View(view.consumers())
    taken = frozenset(view.outputs)
    users = users.remap_inputs([i for i, t in enumerate(users.inputs) if t in taken])
    with view.graph.as_default():
        stand_ins = [util.make_placeholder_from_tensor(t) for t in users.inputs]
    reroute.swap_outputs(view, stand_ins)
    if control_outputs is not None:
        detach_control_outputs(view, control_outputs)
    return view, stand_ins


def detach(
    sgv: Any,
    control_inputs: bool | util.ControlOutputs | None = False,
    control_outputs: util.ControlOutputs | None = None,
    control_ios: util.ControlOutputs | None = None,
) -> tuple[View, list[Tensor], list[Tensor]]:
    """(the view, placeholders that feed it, placeholders that feed those who took from it)."""
    inputs, outputs = select.check_cios(control_inputs, control_outputs, control_ios)
    _, fed = detach_inputs(sgv, inputs)
    _, left = detach_outputs(sgv, outputs)
    return sgv, fed, left


def connect(sgv0: Any, sgv1: Any, disconnect_first: bool = False) -> tuple[View, View]:
    """Lets the outputs of the first view be the inputs of the second one."""
    first, second = subgraph.make_view(sgv0), subgraph.make_view(sgv1)
    util.check_graphs(first, second)
    if disconnect_first:
        detach_outputs(first)
    reroute.reroute_inputs(View(passthrough_ts=first.outputs), second)
    return first, second


def bypass(sgv: Any) -> tuple[View, list[Tensor]]:
    """Lets what took a view's outputs take its inputs; (the view, placeholders that feed it)."""
    view = subgraph.make_view(sgv)
    inputs = list(view.inputs)
    view, stand_ins = detach_inputs(view)
    reroute.reroute_ts(inputs, view.outputs)
    return view, stand_ins
