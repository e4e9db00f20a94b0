"""A part of a graph, with its inputs and outputs in an order that can be changed."""

from __future__ import annotations

import copy
from collections.abc import Iterable
from typing import Any

import tensorflow.compat.v1 as tf

from legacy_nets.tf1.contrib.graph_editor import select, util
from legacy_nets.types import Tensor, TensorLike

__all__ = ["SubGraphView", "make_view", "make_view_from_scope"]


class SubGraphView:
    """Operations, and what goes into them and comes out.

    A tensor of ``passthrough_ts`` that none of the operations knows is an input and an output.
    ``ops``, ``inputs``, ``outputs`` and ``passthroughs`` are lists, ``graph`` is None where there
    is nothing. Raises TypeError for what is no operation or tensor.
    """

    def __init__(self, inside_ops: TensorLike = (), passthrough_ts: Tensor = ()) -> None:
        self.ops = list(util.make_list_of_op(inside_ops))
        through = util.make_list_of_t(passthrough_ts)
        everything = [*self.ops, *through]
        self.graph: Any = util.get_unique_graph(everything) if everything else None
        inputs, outputs, inside = select.compute_boundary_ts(self.ops)
        known = frozenset([*inputs, *outputs, *inside])
        self.passthroughs = [t for t in through if t not in known]
        self.inputs = inputs + self.passthroughs
        self.outputs = outputs + self.passthroughs

    def __copy__(self) -> SubGraphView:
        view = SubGraphView()
        view._assign_from(self)
        return view

    def copy(self) -> SubGraphView:
        """Another view of the same operations."""
        return copy.copy(self)

    def _assign_from(self, other: SubGraphView) -> None:
        self.graph = other.graph
        self.ops, self.passthroughs = list(other.ops), list(other.passthroughs)
        self.inputs, self.outputs = list(other.inputs), list(other.outputs)

    def remap(
        self,
        new_input_indices: Iterable[int] | None = None,
        new_output_indices: Iterable[int] | None = None,
    ) -> SubGraphView:
        """A view with chosen inputs (each once) and outputs, by index or tensor.

        Raises ValueError for an index out of range, and for an input that is named twice.
        """
        view = self.copy()
        if new_input_indices is not None:
            chosen = _indices(new_input_indices, self.inputs)
            if len(set(chosen)) != len(chosen):
                raise ValueError(f"Found repetition in mapping: {chosen}")
            view.inputs = [self.inputs[index] for index in chosen]
        if new_output_indices is not None:
            chosen = _indices(new_output_indices, self.outputs)
            view.outputs = [self.outputs[index] for index in chosen]
        return view

    def remap_inputs(self, new_input_indices: Iterable[int] | None) -> SubGraphView:
        """``remap`` of inputs."""
        return self.remap(new_input_indices=new_input_indices)

    def remap_outputs(self, new_output_indices: Iterable[int] | None) -> SubGraphView:
        """``remap`` of outputs."""
        return self.remap(new_output_indices=new_output_indices)

    def remap_default(
        self, remove_input_map: bool = True, remove_output_map: bool = True
    ) -> SubGraphView:
        """A view with all inputs, all outputs, or both, in their first order."""
        view = self.copy()
        inputs, outputs, _ = select.compute_boundary_ts(self.ops)
        if remove_input_map:
            view.inputs = inputs + self.passthroughs
        if remove_output_map:
            view.outputs = outputs + self.passthroughs
        return view

    def remap_outputs_make_unique(self) -> SubGraphView:
        """A view with each output once."""
        view = self.copy()
        view.outputs = list(dict.fromkeys(self.outputs))
        return view

    def remap_outputs_to_consumers(self) -> SubGraphView:
        """A view with each output as often as it is used."""
        view = self.remap_outputs_make_unique()
        view.outputs = [t for t in view.outputs for _ in t.consumers()]
        return view

    def remove_unused_ops(self, control_inputs: bool = True) -> SubGraphView:
        """A view without operations that hang on no input and no output."""
        view = self.copy()
        used = frozenset(
            select.get_walks_union_ops(
                self.connected_inputs,
                self.connected_outputs,
                within_ops=self.ops,
                control_inputs=control_inputs,
            )
        )
        view.ops = [op for op in self.ops if op in used]
        return view

    @property
    def connected_inputs(self) -> list[Tensor]:
        """The inputs that an operation of the view takes."""
        return [t for t in self.inputs if t not in frozenset(self.passthroughs)]

    @property
    def connected_outputs(self) -> list[Tensor]:
        """The outputs that an operation of the view makes."""
        return [t for t in self.outputs if t not in frozenset(self.passthroughs)]

    def __bool__(self) -> bool:
        return self.graph is not None

    def __str__(self) -> str:
        if not self:
            return "SubGraphView: empty"
        parts = ((title, getattr(self, title)) for title in ("ops", "inputs", "outputs"))
        lines = [f"SubGraphView (graphid={id(self.graph)}):"]
        for title, members in parts:
            lines.append(f"** {title}[{len(members)}]:" if members else f"** {title}: empty")
            lines += [f"  {m.name}{' *' * self.is_passthrough(m)}" for m in members]
        return "\n".join(lines) + "\n"

    def __enter__(self) -> SubGraphView:
        return self

    def __exit__(self, *_error: object) -> None:
        pass

    def op(self, op_id: int) -> tf.Operation:
        """The operation of that index."""
        return self.ops[op_id]

    def find_op_by_name(self, op_name: str) -> tf.Operation:
        """The operation of that name. Raises ValueError where there is none."""
        for op in self.ops:
            if op.name == op_name:
                return op
        raise ValueError(f"{op_name} not in subgraph.")

    def is_passthrough(self, t: TensorLike) -> bool:
        """Whether a tensor goes by all operations."""
        return any(t is one for one in self.passthroughs)

    def input_index(self, t: TensorLike) -> int:
        """The place of an input. Raises ValueError for another tensor."""
        return _index(t, self.inputs, "inputs")

    def output_index(self, t: TensorLike) -> int:
        """The place of an output. Raises ValueError for another tensor."""
        return _index(t, self.outputs, "outputs")

    def consumers(self) -> list[tf.Operation]:
        """The operations outside that take an output."""
        users = dict.fromkeys(user for t in self.outputs for user in t.consumers())
        inside = frozenset(self.ops)
        return [user for user in users if user not in inside]


def _index(t: TensorLike, tensors: list[TensorLike], role: str) -> int:
    for index, one in enumerate(tensors):
        if one is t:
            return index
    raise ValueError(f"Can't find {t.name} in {role} of the subgraph.")


def _indices(chosen: Iterable[TensorLike], tensors: list[TensorLike]) -> list[int]:
    indices = [one if isinstance(one, int) else _index(one, tensors, "tensors") for one in chosen]
    for index in indices:
        if not 0 <= index < len(tensors):
            raise ValueError(f"Out of [0, {len(tensors)}[ range: {index}")
    return indices


def make_view(*args: TensorLike, **kwargs: object) -> SubGraphView:
    """The view of what ``select_ops_and_ts`` finds; a view is itself.

    Raises ValueError where it is of another graph than the argument ``graph``.
    """
    if len(args) == 1 and isinstance(args[0], SubGraphView):
        view = args[0]
    else:
        view = SubGraphView(*select.select_ops_and_ts(*args, **kwargs))
    if view and kwargs.get("graph") not in (None, view.graph):
        raise ValueError("Graph mismatch.")
    return view


def make_view_from_scope(scope: str, graph: tf.Graph) -> SubGraphView:
    """The view of a scope."""
    return SubGraphView(select.get_name_scope_ops(graph, scope))
