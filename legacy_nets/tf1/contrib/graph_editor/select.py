"""Finds operations and tensors: by name, by a filter, by walking along the graph."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable
from typing import Any

import tensorflow.compat.v1 as tf
from tensorflow.python.ops import op_selector

from legacy_nets.tf1.contrib.graph_editor import util
from legacy_nets.types import Tensor, TensorLike

__all__ = [
    "can_be_regex",
    "check_cios",
    "compute_boundary_ts",
    "filter_ops",
    "filter_ops_from_regex",
    "filter_ts",
    "filter_ts_from_regex",
    "get_backward_walk_ops",
    "get_forward_walk_ops",
    "get_name_scope_ops",
    "get_ops_ios",
    "get_walks_intersection_ops",
    "get_walks_union_ops",
    "get_within_boundary_ops",
    "make_regex",
    "select_ops",
    "select_ops_and_ts",
    "select_ts",
]

# An operation, several, or a graph; a function that selects operations, or True for all.
Ops = Any
Filter = Any


def can_be_regex(obj: TensorLike) -> bool:
    """Whether it is a text or a compiled expression."""
    return isinstance(obj, (str, re.Pattern))


def make_regex(obj: TensorLike) -> re.Pattern[str]:
    """The compiled expression. Raises ValueError for what is neither text nor expression."""
    if not can_be_regex(obj):
        raise ValueError(f"Expected a string or a regex, got: {type(obj)}")
    return re.compile(obj)


def _inputs(ops: Iterable[tf.Operation]) -> list[Tensor]:
    return list(dict.fromkeys(t for op in ops for t in op.inputs))


def _outputs(ops: Iterable[tf.Operation]) -> list[Tensor]:
    return [t for op in ops for t in op.outputs]


def filter_ts(ops: Ops, positive_filter: Filter) -> list[Tensor]:
    """The inputs and outputs of operations, as far as the filter (or True) lets them pass."""
    ops = util.make_list_of_op(ops)
    selected = dict.fromkeys(_inputs(ops) + _outputs(ops))
    return [t for t in selected if positive_filter is True or positive_filter(t)]


def filter_ts_from_regex(ops: Ops, regex: object) -> list[Tensor]:
    """The inputs and outputs of operations whose names, as "a/b:0", the expression finds."""
    pattern = make_regex(regex)
    return filter_ts(ops, lambda t: pattern.search(t.name))


def filter_ops(ops: Ops, positive_filter: Filter) -> list[tf.Operation]:
    """The operations that the filter (or True) lets pass."""
    ops = util.make_list_of_op(ops)
    return [op for op in ops if positive_filter is True or positive_filter(op)]


def filter_ops_from_regex(ops: Ops, regex: object) -> list[tf.Operation]:
    """The operations whose names the expression finds."""
    pattern = make_regex(regex)
    return filter_ops(ops, lambda op: pattern.search(op.name))


def get_name_scope_ops(ops: Ops, scope: str) -> list[tf.Operation]:
    """The operations in a scope, with the one that bears its name."""
    return filter_ops_from_regex(ops, f"^{scope.removesuffix('/')}(/.*)?$")


def check_cios(
    control_inputs: bool | util.ControlOutputs | None = False,
    control_outputs: util.ControlOutputs | None = None,
    control_ios: util.ControlOutputs | None = None,
) -> tuple[Tensor, util.ControlOutputs | None]:
    """(control_inputs, control_outputs); ``control_ios`` sets both.

    Raises TypeError for other control outputs than ControlOutputs, ValueError for both kinds.
    """
    for given in (control_outputs, control_ios):
        if given is not None and not isinstance(given, util.ControlOutputs):
            raise TypeError(f"Expected a util.ControlOutputs, got: {type(given)}")
    if control_ios is not None:
        if control_outputs is not None:
            raise ValueError("control_outputs should be None when using control_ios.")
        control_inputs, control_outputs = True, control_ios
    return control_inputs, control_outputs and control_outputs.update()


def get_ops_ios(
    ops: Ops,
    control_inputs: bool | util.ControlOutputs | None = False,
    control_outputs: util.ControlOutputs | None = None,
    control_ios: util.ControlOutputs | None = None,
) -> list[tf.Operation]:
    """The neighbours of operations: what they take from, what takes from them."""
    control_inputs, control_outputs = check_cios(control_inputs, control_outputs, control_ios)
    selected: dict[tf.Operation, None] = {}
    for op in util.make_list_of_op(list(ops) if isinstance(ops, (set, frozenset)) else ops):
        selected.update(dict.fromkeys(t.op for t in op.inputs))
        selected.update(dict.fromkeys(user for t in op.outputs for user in t.consumers()))
        if control_outputs is not None:
            selected.update(dict.fromkeys(control_outputs.get(op)))
        if control_inputs:
            selected.update(dict.fromkeys(op.control_inputs))
    return list(selected)


def compute_boundary_ts(ops: Ops) -> tuple[list[Tensor], list[Tensor], list[Tensor]]:
    """(inputs, outputs, inner tensors) of operations taken together.

    A tensor that is used inside and outside is an output and an inner one.
    """
    ops = util.make_list_of_op(ops)
    inputs, outputs = _inputs(ops), _outputs(ops)
    op_set, made = frozenset(ops), frozenset(outputs)
    inside = [t for t in inputs if t in made]
    only_inside = frozenset(t for t in inside if op_set.issuperset(t.consumers()))
    return (
        [t for t in inputs if t not in made],
        [t for t in outputs if t not in only_inside],
        inside,
    )


def get_within_boundary_ops(
    ops: Ops,
    seed_ops: Ops,
    boundary_ops: Ops = (),
    inclusive: bool = True,
    control_inputs: bool | util.ControlOutputs | None = False,
    control_outputs: util.ControlOutputs | None = None,
    control_ios: util.ControlOutputs | None = None,
) -> list[tf.Operation]:
    """Those of ``ops`` that are reached from the seeds without crossing the boundary.

    Raises ValueError where a seed lies on the boundary.
    """
    control_inputs, control_outputs = check_cios(control_inputs, control_outputs, control_ios)
    boundary = set(util.make_list_of_op(boundary_ops))
    reached = set(util.make_list_of_op(seed_ops, allow_graph=False))
    if boundary & reached:
        raise ValueError("Boundary is intersecting with the seeds.")
    wave = set(reached)
    while wave:
        near = set(get_ops_ios(wave, control_inputs, control_outputs)) - reached
        reached |= near if inclusive else near - boundary
        wave = near - boundary
    return [op for op in util.make_list_of_op(ops) if op in reached]


def get_forward_walk_ops(
    seed_ops: Ops,
    inclusive: bool = True,
    within_ops: Ops = None,
    within_ops_fn: Callable[[tf.Operation], bool] | None = None,
    stop_at_ts: TensorLike = (),
    control_outputs: util.ControlOutputs | None = None,
) -> list[tf.Operation]:
    """What depends on the seeds (operations, or tensors, whose users are meant)."""
    _, control_outputs = check_cios(False, control_outputs)
    if not util.is_iterable(seed_ops):
        seed_ops = [seed_ops]
    if not seed_ops:
        return []
    if isinstance(next(iter(seed_ops)), tf.Tensor):
        seeds = util.get_consuming_ops(util.make_list_of_t(seed_ops, allow_graph=False))
    else:
        seeds = util.make_list_of_op(seed_ops, allow_graph=False)
    stops = frozenset(util.make_list_of_t(stop_at_ts))
    within = None
    if within_ops:
        within = frozenset(util.make_list_of_op(within_ops, allow_graph=False))
        seeds = [op for op in seeds if op in within]
    selected = dict.fromkeys(seeds)
    wave = list(selected)
    while wave:
        op = wave.pop(0)
        users = [user for t in op.outputs if t not in stops for user in t.consumers()]
        if control_outputs is not None:
            users += control_outputs.get(op)
        for user in users:
            inside = within is None or user in within
            if user not in selected and inside and (within_ops_fn is None or within_ops_fn(user)):
                selected[user] = None
                wave.append(user)
    return [op for op in selected if inclusive or op not in frozenset(seeds)]


def get_backward_walk_ops(
    seed_ops: Ops,
    inclusive: bool = True,
    within_ops: Ops = None,
    within_ops_fn: Callable[[tf.Operation], bool] | None = None,
    stop_at_ts: TensorLike = (),
    control_inputs: bool | util.ControlOutputs | None = False,
) -> list[tf.Operation]:
    """What the seeds (operations, or tensors, whose makers are meant) depend on."""
    selected: list[tf.Operation] = op_selector.get_backward_walk_ops(
        seed_ops, inclusive, within_ops, within_ops_fn, stop_at_ts, control_inputs
    )
    return selected


def _both_walks(
    ahead: tuple[Ops, bool],
    back: tuple[Ops, bool],
    within: tuple[Ops, Callable[[tf.Operation], Any] | None],
    controls: tuple[Any, Any],
) -> tuple[list[tf.Operation], list[tf.Operation]]:
    """The walk forward from some seeds, and the walk back from others."""
    control_inputs, control_outputs = controls
    return (
        get_forward_walk_ops(*ahead, *within, control_outputs=control_outputs),
        get_backward_walk_ops(*back, *within, control_inputs=control_inputs),
    )


def get_walks_intersection_ops(
    forward_seed_ops: Ops,
    backward_seed_ops: Ops,
    forward_inclusive: bool = True,
    backward_inclusive: bool = True,
    within_ops: Ops = None,
    within_ops_fn: Callable[[tf.Operation], bool] | None = None,
    control_inputs: bool | util.ControlOutputs | None = False,
    control_outputs: util.ControlOutputs | None = None,
    control_ios: util.ControlOutputs | None = None,
) -> list[tf.Operation]:
    """What lies between: depends on the first seeds, and the second depend on it."""
    forward, backward = _both_walks(
        (forward_seed_ops, forward_inclusive),
        (backward_seed_ops, backward_inclusive),
        (within_ops, within_ops_fn),
        check_cios(control_inputs, control_outputs, control_ios),
    )
    behind = frozenset(backward)
    return [op for op in forward if op in behind]


def get_walks_union_ops(
    forward_seed_ops: Ops,
    backward_seed_ops: Ops,
    forward_inclusive: bool = True,
    backward_inclusive: bool = True,
    within_ops: Ops = None,
    within_ops_fn: Callable[[tf.Operation], bool] | None = None,
    control_inputs: bool | util.ControlOutputs | None = False,
    control_outputs: util.ControlOutputs | None = None,
    control_ios: util.ControlOutputs | None = None,
) -> list[tf.Operation]:
    """What depends on the first seeds, and what the second depend on."""
    forward, backward = _both_walks(
        (forward_seed_ops, forward_inclusive),
        (backward_seed_ops, backward_inclusive),
        (within_ops, within_ops_fn),
        check_cios(control_inputs, control_outputs, control_ios),
    )
    return list(dict.fromkeys(forward + backward))


def _select(
    arguments: Collection[object],
    mark: str,
    other_mark: str,
    by_name: Callable[[Any, Any], list[Any]],
    listed: Callable[[Any], list[Any]],
    graph: tf.Graph | None,
    positive_filter: Callable[[Any], Any] | None,
    restrict: bool,
) -> list[Tensor]:
    """Selects by expressions over names (a prefix selects operations or tensors) and by lists."""
    if graph is not None and not isinstance(graph, tf.Graph):
        raise TypeError(f"Expected a tf.Graph, got: {type(graph)}")
    selected: dict[Any, None] = {}
    for argument in arguments:
        if can_be_regex(argument):
            if graph is None:
                raise ValueError("Use the keyword argument 'graph' to use regex.")
            pattern = make_regex(argument)
            if pattern.pattern.startswith(other_mark):
                continue
            if restrict and not pattern.pattern.startswith(mark):
                continue
            more = by_name(graph, pattern)
        else:
            more = listed(argument)
        selected.update(
            dict.fromkeys(one for one in more if positive_filter is None or positive_filter(one))
        )
    return list(selected)


def select_ops(
    *args: TensorLike,
    graph: tf.Graph | None = None,
    positive_filter: Callable[[Any], Any] | None = None,
    restrict_ops_regex: bool = False,
    restrict_ts_regex: bool = False,
) -> list[tf.Operation]:
    """Operations by expressions (which need ``graph``) and lists; tensors are passed over."""
    return _select(
        args,
        "(?#ops)",
        "(?#ts)",
        filter_ops_from_regex,
        lambda argument: util.make_list_of_op(argument, ignore_ts=True),
        graph,
        positive_filter,
        restrict_ops_regex,
    )


def select_ts(
    *args: TensorLike,
    graph: tf.Graph | None = None,
    positive_filter: Callable[[Any], Any] | None = None,
    restrict_ts_regex: bool = False,
    restrict_ops_regex: bool = False,
) -> list[Tensor]:
    """Tensors by expressions (which need ``graph``) and lists; operations are passed over."""
    return _select(
        args,
        "(?#ts)",
        "(?#ops)",
        filter_ts_from_regex,
        lambda argument: util.make_list_of_t(argument, ignore_ops=True),
        graph,
        positive_filter,
        restrict_ts_regex,
    )


def select_ops_and_ts(*args: TensorLike, **kwargs: Any) -> tuple[list[tf.Operation], list[Tensor]]:
    """Both; an expression means tensors only where it begins with ``(?#ts)``."""
    return (
        select_ops(*args, restrict_ops_regex=False, **kwargs),
        select_ts(*args, restrict_ts_regex=True, **kwargs),
    )
