"""Finds the operations of a graph that depend on its input."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Container, Iterable, Mapping

from legacy_nets.errors import BadInputError
from legacy_nets.graphdef.node_names import is_tf_gradient
from legacy_nets.graphdef.op_types import DATA_SOURCES, ENTERS, EXITS, SHAPE_READERS
from legacy_nets.graphdef.traverse import walk
from legacy_nets.types import Graph, Operation, Tensor


@dataclasses.dataclass(frozen=True)
class LiveGraph:
    """The part of a graph that depends on its input."""

    operations: tuple[Operation, ...]  # in the order of construction
    sources: frozenset[str]  # operations that the data come out of
    frames: Mapping[str, str]  # operation -> the tf.while_loop of TensorFlow 1 that holds it

    @functools.cached_property
    def names(self) -> set[str]:
        """Names of the operations."""
        return {operation.name for operation in self.operations}


def find_live_graph(
    graph: Graph,
    inputs: Iterable[Tensor] | None = None,
    outputs: Iterable[Tensor] | None = None,
) -> LiveGraph:
    """Cuts a graph down to what lies between inputs and outputs; gradients are left out.

    Args:
      graph: it is not changed.
      inputs: if None, the placeholders, or the operations that read data.
      outputs: if None, everything that depends on the inputs.

    Raises: BadInputError where nothing depends on the inputs.
    """
    operations = [op for op in graph.get_operations() if not is_tf_gradient(op.name)]
    if inputs is None:
        sources = _find_sources(operations)
    else:
        sources = frozenset(tensor.op.name for tensor in inputs)
    frames = _find_frames(operations)
    live = _find_dependents(operations, sources, frames)
    if outputs is not None:
        live = _keep_ancestors(outputs, live)
    if not live:
        raise BadInputError(
            "the graph has no input to start from (a placeholder, or an iterator over data): "
            "name the input tensors"
        )
    live_sources = frozenset(name for name in sources if name in live)
    return LiveGraph(tuple(live.values()), live_sources, frames)


def _find_sources(operations: list[Operation]) -> frozenset[str]:
    """Finds the operations that give data; scalars (is_training, keep_prob) are none."""
    sources = [op for op in operations if op.type in DATA_SOURCES]
    shaped = [op for op in sources if op.outputs and op.outputs[0].shape.rank not in (0, None)]
    of_any_shape = [op for op in sources if op.outputs and op.outputs[0].shape.rank is None]
    return frozenset(op.name for op in shaped or of_any_shape)


def _find_dependents(
    operations: list[Operation], sources: frozenset[str], frames: Mapping[str, str]
) -> dict[str, Operation]:
    """Finds what depends on the sources: name -> operation, in the order of construction.

    If one operation of a loop depends on the data, all do. Operations that come before that one
    are found in a second round.
    """
    live: dict[str, Operation] = {}
    live_frames: set[str] = set()
    for _ in range(2 if frames else 1):
        live = {}
        for op in operations:
            if op.name in sources:
                live[op.name] = op
            elif op.type not in SHAPE_READERS and op.outputs:
                if frames.get(op.name) in live_frames or _reads_any(op, live):
                    live[op.name] = op
                    if op.name in frames:
                        live_frames.add(frames[op.name])
            elif op.type.startswith(("Assign", "ResourceScatter")) and _reads_any(op, live):
                live[op.name] = op  # updates of moving averages
    return live


def _reads_any(op: Operation, names: Container[str]) -> bool:
    return any(tensor.op.name in names for tensor in op.inputs)


def _keep_ancestors(
    outputs: Iterable[Tensor], live: Mapping[str, Operation]
) -> dict[str, Operation]:
    """Keeps the operations that outputs are computed from, in their order."""

    def list_operands(op: Operation) -> list[Operation]:
        return [tensor.op for tensor in op.inputs if tensor.op.name in live]

    starts = [tensor.op for tensor in outputs if tensor.op.name in live]
    needed = {op.name for op in walk(starts, list_operands)}
    return {name: op for name, op in live.items() if name in needed}


def _find_frames(operations: list[Operation]) -> dict[str, str]:
    """Maps operations to the outermost loop of TensorFlow 1 that holds them, Exit included."""
    frames: dict[str, str] = {}
    if not any(op.type in ENTERS for op in operations):
        return frames
    for op in operations:
        outer_frames = (
            frames[tensor.op.name]
            for tensor in op.inputs
            if tensor.op.name in frames and tensor.op.type not in EXITS
        )
        frame = next(outer_frames, None)
        if frame is None and op.type in ENTERS:
            frame = op.get_attr("frame_name").decode()
        if frame is not None:
            frames[op.name] = frame
    return frames
