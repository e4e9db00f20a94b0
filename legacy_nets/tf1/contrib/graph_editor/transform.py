"""Copies parts of a graph, with other inputs where they are asked for."""

from __future__ import annotations

import copy as _copy
from collections.abc import Callable, Mapping
from typing import Any

import tensorflow.compat.v1 as tf

from legacy_nets.tf1.contrib.graph_editor import select, subgraph, util
from legacy_nets.types import Operation, Structure, Tensor, TensorLike

__all__ = [
    "Transformer",
    "TransformerInfo",
    "assign_renamed_collections_handler",
    "copy",
    "copy_op_handler",
    "copy_with_input_replacements",
    "graph_replace",
    "keep_t_if_possible_handler",
    "replace_t_with_placeholder_handler",
    "transform_op_if_inside_handler",
]
View = subgraph.SubGraphView
_KNOWN_COLLECTIONS = frozenset(
    value for key, value in vars(tf.GraphKeys).items() if key.isupper() and isinstance(value, str)
)


class _Job:
    """What the handlers see of a copy under way. A name with ``_`` behind it is the copy's."""

    def __init__(self, sgv: View, dst_graph: tf.Graph, dst_scope: str, src_scope: str) -> None:
        self.sgv, self.graph = sgv, sgv.graph
        self.graph_, self.scope_, self.scope = dst_graph, dst_scope, src_scope
        self.ops, self.sgv_inputs_set = frozenset(sgv.ops), frozenset(sgv.inputs)
        self.transformed_ops: dict[tf.Operation, tf.Operation] = {}
        self.transformed_ts: dict[Any, Any] = {}
        keys = self.graph.get_all_collection_keys()
        self.collections = {key: self.graph.get_collection(key) for key in keys}
        self.cycles: list[tuple[Any, Any, tf.Operation]] = []  # tensor, placeholder, consumer

    def new_name(self, name: str) -> str:
        """The copy's name. Raises ValueError for a name outside of the source scope."""
        if not name.startswith(self.scope):
            raise ValueError(f"{name} does not belong to source scope: {self.scope}.")
        return self.scope_ + name[len(self.scope) :]


def replace_t_with_placeholder_handler(info: Any, t: TensorLike) -> Tensor:
    """A placeholder in the place of a tensor."""
    with info.graph_.as_default():
        return util.make_placeholder_from_tensor(t, scope=info.scope_)


def keep_t_if_possible_handler(info: Any, t: TensorLike) -> Tensor:
    """The tensor itself, or a placeholder where the copy is in another graph."""
    return t if info.graph is info.graph_ else replace_t_with_placeholder_handler(info, t)


def assign_renamed_collections_handler(info: Any, elem: Structure, elem_: Structure) -> None:
    """Puts the copy into the collections of the original, under TensorFlow's or a new name."""
    for name, members in info.collections.items():
        if any(elem is member for member in members):
            known = name in _KNOWN_COLLECTIONS
            info.graph_.add_to_collection(name if known else info.new_name(name), elem_)


def transform_op_if_inside_handler(
    info: Any, op: Operation, keep_if_possible: bool = True
) -> Operation | None:
    """The copy of an operation, else itself in the same graph, else None."""
    if op in info.ops:
        return info.transformed_ops[op]
    return op if keep_if_possible and info.graph is info.graph_ else None


def copy_op_handler(
    info: Any,
    op: tf.Operation,
    new_inputs: list[TensorLike],
    copy_shape: bool = False,
    nodedef_fn: Callable[[TensorLike], TensorLike] | None = None,
) -> tuple[tf.Operation, list[Tensor]]:
    """(an operation's copy, its outputs); ``nodedef_fn`` may change its definition."""
    node = _copy.deepcopy(op.node_def)
    node.name = info.graph_.unique_name(info.new_name(op.name))
    if nodedef_fn is not None:
        node = nodedef_fn(node)
    with info.graph_._lock:
        op_ = tf.Operation.from_node_def(
            node, info.graph_, list(new_inputs), None, [], op._input_types, None, op.op_def
        )
    if copy_shape:
        for t, t_ in zip(op.outputs, op_.outputs, strict=True):
            t_.set_shape(t.shape)
    return op_, op_.outputs


class TransformerInfo:
    """Which operation or tensor became which."""

    def __init__(self, info: _Job) -> None:
        self._maps = (info.transformed_ops, info.transformed_ts)

    def transformed(
        self, original: TensorLike, missing_fn: Callable[[object], object] | None = None
    ) -> Structure:
        """The copy of an operation or tensor, or of each in nested lists.

        Where there is none: the result of ``missing_fn``, else None.
        """
        return self._look_up([dict(found) for found in self._maps], original, missing_fn)

    def original(
        self, transformed: TensorLike, missing_fn: Callable[[object], object] | None = None
    ) -> Structure:
        """The original of an operation or tensor, or of each in nested lists."""
        back = [{copied: one for one, copied in found.items()} for found in self._maps]
        return self._look_up(back, transformed, missing_fn)

    def _look_up(
        self,
        maps: list[dict[Any, Any]],
        tree: Structure,
        missing_fn: Callable[[object], object] | None,
    ) -> Structure:
        def look_up(one: Any) -> Tensor:
            if not isinstance(one, (tf.Operation, tf.Tensor)):
                raise TypeError(f"Expected a tf.Tensor or a tf.Operation, got a {type(one)}")
            found = maps[isinstance(one, tf.Tensor)]
            if one in found:
                return found[one]
            return None if missing_fn is None else missing_fn(one)

        return util.transform_tree(tree, look_up)

    def __str__(self) -> str:
        lines = [f"  {op.name} => {op_.name}" for op, op_ in self._maps[0].items()]
        return "\n".join(["Transform result info:", "Operations mapping:", *lines]) + "\n"


class Transformer:
    """Copies a view: each step is a handler, which can be replaced."""

    def __init__(self) -> None:
        self.transform_op_handler: Callable[..., Any] = copy_op_handler
        self.transform_control_input_handler: Callable[..., Any] = transform_op_if_inside_handler
        self.assign_collections_handler: Callable[..., Any] = assign_renamed_collections_handler
        self.transform_external_input_handler: Callable[..., Any] = (
            replace_t_with_placeholder_handler
        )
        self.transform_external_hidden_input_handler: Callable[..., Any] = (
            keep_t_if_possible_handler
        )

    def __call__(
        self,
        sgv: Any,
        dst_graph: tf.Graph,
        dst_scope: str,
        src_scope: str = "",
        reuse_dst_scope: bool = False,
    ) -> tuple[View, TransformerInfo]:
        """(the view of the copy, what became what); the scope gets a new name unless reused.

        Raises TypeError where ``dst_graph`` is no graph, ValueError for names out of src_scope.
        """
        view = subgraph.make_view(sgv)
        if not isinstance(dst_graph, tf.Graph):
            raise TypeError(f"Expected a tf.Graph, got: {type(dst_graph)}")
        scope = util.scope_finalize(dst_scope)
        if scope and not reuse_dst_scope:
            scope = util.scope_finalize(dst_graph.unique_name(scope[:-1]))
        job = _Job(view, dst_graph, scope, util.scope_finalize(src_scope))
        for op in sorted(view.ops, key=lambda one: one._id):
            self._copy_op(job, op)
        for t, placeholder, op in job.cycles:
            taker = job.transformed_ops[op]
            index = [taken is placeholder for taken in taker.inputs].index(True)
            taker._update_input(index, job.transformed_ts[t])
        for op in view.ops:
            waits = [self.transform_control_input_handler(job, one) for one in op.control_inputs]
            job.transformed_ops[op]._add_control_inputs([one for one in waits if one is not None])
        return _view_of_copy(job), TransformerInfo(job)

    def _copy_op(self, job: _Job, op: tf.Operation) -> None:
        inputs = [self._transform_t(job, t, op) for t in op.inputs]
        op_, outputs_ = self.transform_op_handler(job, op, inputs)
        if op is op_:
            raise ValueError("In-place transformation not allowed.")
        job.transformed_ops[op] = op_
        self.assign_collections_handler(job, op, op_)
        for t, t_ in zip(op.outputs, outputs_, strict=False):
            job.transformed_ts[t] = t_
            self.assign_collections_handler(job, t, t_)

    def _transform_t(self, job: _Job, t: TensorLike, taker: tf.Operation) -> Tensor:
        if t in job.transformed_ts:
            return job.transformed_ts[t]
        if t in job.sgv_inputs_set:
            return self.transform_external_input_handler(job, t)
        if t.op not in job.ops:
            return self.transform_external_hidden_input_handler(job, t)
        # Of a loop, and not copied yet: something takes its place for now.
        if taker.type == "Merge":
            placeholder = self._transform_t(job, taker.inputs[0], taker)
        elif t.op.type == "Enter":
            placeholder = self._transform_t(job, t.op.inputs[0], taker)
        else:
            with job.graph_.as_default():
                placeholder = util.make_placeholder_from_tensor(t, job.scope_, "geph_tmp")
        job.cycles.append((t, placeholder, taker))
        return placeholder


def _view_of_copy(job: _Job) -> View:
    """The copies, with inputs and outputs in the originals' order."""
    view = View(list(job.transformed_ops.values()))
    inputs, outputs = (
        [job.transformed_ts[t] for t in tensors if t in job.transformed_ts]
        for tensors in (job.sgv.inputs, job.sgv.outputs)
    )
    edges = (frozenset(view.inputs), frozenset(view.outputs))
    return view.remap([t for t in inputs if t in edges[0]], [t for t in outputs if t in edges[1]])


def copy(
    sgv: Any,
    dst_graph: tf.Graph | None = None,
    dst_scope: str = "",
    src_scope: str = "",
    reuse_dst_scope: bool = False,
) -> tuple[View, TransformerInfo]:
    """Copies a view into a graph (its own, if none is given); placeholders feed the copy."""
    view = subgraph.make_view(sgv)
    graph = view.graph if dst_graph is None else dst_graph
    return Transformer()(view, graph, dst_scope, src_scope, reuse_dst_scope)


def copy_with_input_replacements(
    sgv: Any,
    replacement_ts: Mapping[Tensor, Tensor],
    dst_graph: tf.Graph | None = None,
    dst_scope: str = "",
    src_scope: str = "",
    reuse_dst_scope: bool = False,
) -> tuple[View, TransformerInfo]:
    """Copies a view with other tensors in the place of some inputs, and the others kept."""
    view = subgraph.make_view(sgv)
    graph = view.graph if dst_graph is None else dst_graph

    def replace(info: Any, t: TensorLike) -> Tensor:
        if t in replacement_ts:
            return replacement_ts[t]
        return keep_t_if_possible_handler(info, t)

    copier = Transformer()
    copier.transform_external_input_handler = replace
    return copier(view, graph, dst_scope, src_scope, reuse_dst_scope)


def graph_replace(
    target_ts: Tensor,
    replacement_ts: Mapping[Tensor, Tensor],
    dst_scope: str = "",
    src_scope: str = "",
    reuse_dst_scope: bool = False,
) -> Structure:
    """Computes tensors again, with some tensors replaced; nested as ``target_ts``.

    Raises ValueError where no target depends on a replaced tensor.
    """
    targets = util.flatten_tree(target_ts)
    control = util.ControlOutputs(util.get_unique_graph(targets, check_types=tf.Tensor))
    ops = select.get_walks_intersection_ops(list(replacement_ts), targets, control_ios=control)
    if not ops:
        raise ValueError("Targets and replacements are not connected!")
    contexts = {op._get_control_flow_context() for op in ops}
    for loop in contexts:  # half of a loop makes no sense
        if loop is not None and loop.IsWhileContext():
            ops += select.get_walks_intersection_ops(
                [t.op for t in loop.loop_enters],
                [t.op for t in loop.loop_exits],
                control_ios=control,
            )
    _, info = copy_with_input_replacements(
        list(dict.fromkeys(ops)), replacement_ts, None, dst_scope, src_scope, reuse_dst_scope
    )
    return info.transformed(target_ts, lambda kept: kept)
