"""Describes a port of an imported graph in notes for the user."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np

from legacy_nets.graphdef.node_names import get_node_name
from legacy_nets.graphdef.traverse import index_nodes
from legacy_nets.port.imported.graph import ImportedGraph
from legacy_nets.port.imported.infer_io import GraphIo
from legacy_nets.port.imported.reference_run import ReferenceRun
from legacy_nets.port.imported.subgraph import InputSpec, OutputSpec, WithoutUpdates
from legacy_nets.tf1.functions import is_known
from legacy_nets.types import GraphDef, TensorShape


def describe_inputs(definition: GraphDef, inputs: Iterable[InputSpec]) -> list[str]:
    """Describes each input, and the operation that it replaces if that is no placeholder."""
    nodes = index_nodes(definition)
    notes = []
    for spec in inputs:
        op_type = nodes[get_node_name(spec.tensor)].op
        replaced = "" if op_type == "Placeholder" else f", in place of {op_type}"
        shape = _format_shape(spec.shape)
        notes.append(f"input {_format_names(spec)} {shape} {spec.dtype.name}{replaced}")
    return notes


def describe_outputs(original: ImportedGraph, io: GraphIo, run: ReferenceRun) -> list[str]:
    """Describes each output and how it was chosen."""
    notes = []
    for spec in io.outputs:
        shape = original.get_tensor(spec.tensor).shape
        if shape.rank is None:
            text = f"{list(np.shape(run.outputs[spec.tensor]))} on the test inputs"
        else:
            text = _format_shape(shape)
        notes.append(f"output {_format_names(spec)} {text} ({io.output_origin})")
    return notes


def describe_averages(count: int, variables: int, *, is_requested: bool) -> list[str]:
    """Describes how many variables moving averages replace, if any."""
    if not count:
        return []
    choice = "as asked" if is_requested else "--raw takes the variables themselves"
    return [f"moving averages replace {count} of {variables} variables ({choice})"]


def describe_unknown_ops(imported: ImportedGraph) -> list[str]:
    """Describes the operations that TensorFlow does not have and no output needs, if any."""
    nodes = index_nodes(imported.definition)
    unknown = {nodes[name].op for name in imported.unknown if not is_known(nodes[name].op)}
    if not unknown:
        return []
    op_types = ", ".join(sorted(unknown))
    return [f"left out, since no output needs them: {op_types} (unknown to this TensorFlow)"]


def describe_updates(graph: WithoutUpdates) -> list[str]:
    """Describes what a port leaves out of the updates of variables, if anything."""
    notes = []
    if graph.removed_edges:
        notes.append(f"{graph.removed_edges} control edges to updates and checks left out")
    if graph.stopped_updates:
        notes.append(
            f"the outputs read updates of {len(graph.stopped_updates)} variables (first "
            f"{graph.stopped_updates[0]}), as a training graph does: their saved values are used"
        )
    return notes


def describe_batch_norms(training: Sequence[str]) -> list[str]:
    """Describes the batch norms that were built for training, if any; by their nodes' names."""
    if not training:
        return []
    return [
        f"{len(training)} batch norms use the statistics of their batch, not the moving averages "
        f"(first {training[0]}): each row of the outputs depends on the other rows. The graph was "
        "built for training and is left so: --inference takes the moving averages instead"
    ]


def _format_names(spec: InputSpec | OutputSpec) -> str:
    """Formats the name in the port, with the name in the original if that differs."""
    return spec.tensor if spec.name == spec.tensor else f"{spec.name} ({spec.tensor})"


def _format_shape(shape: TensorShape) -> str:
    """Formats a shape: [?, 10], where the first size is open."""
    return f"[{', '.join('?' if size is None else str(size) for size in shape.as_list())}]"
