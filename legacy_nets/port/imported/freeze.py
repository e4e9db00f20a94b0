"""From a stranger's files to a frozen graph, and what the original says to seeded inputs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from legacy_nets import tf1 as tf
from legacy_nets.errors import BadInputError, CheckpointError, join_lines
from legacy_nets.graphdef.node_names import complete_tensor_name, find_free_name, get_node_name
from legacy_nets.graphdef.op_types import VARIABLES
from legacy_nets.graphdef.traverse import find_nodes_between, index_nodes
from legacy_nets.port.imported import infer_io as ends
from legacy_nets.port.imported.averages import choose_weights
from legacy_nets.port.imported.graph import Model, cut, read_model, without_updates
from legacy_nets.port.imported.inference_mode import fold
from legacy_nets.port.imported.reference_run import reference, shapes_of
from legacy_nets.port.imported.restore import check_filled, restore
from legacy_nets.port.imported.safety import armed, check_safe
from legacy_nets.port.imported.targets import Frozen

if TYPE_CHECKING:
    from legacy_nets.port.jobs import ImportedJob

_RANDOM = ("RandomUniform", "RandomStandardNormal", "TruncatedNormal", "Multinomial", "RandomGamma")


def frozen_model(job: ImportedJob) -> tuple[Frozen, tuple[str, ...], bool]:
    """Reads, finds the ends, folds, restores, runs and freezes.

    Returns what was taken, as notes, and whether moving averages stand in the variables' place.
    Raises BadInputError and CheckpointError.
    """
    model = read_model(job.graph_path, job.trust)
    folded = fold(model, job.settings)
    definition = folded.definition
    nodes = index_nodes(definition)
    given = ends.named(model, job.inputs, "--inputs")
    outputs, how = _outputs(job, model, definition, given)
    inputs = given or ends.find_inputs(model, definition, outputs)
    ends.check_inputs(model, definition, inputs, outputs)
    shapes = shapes_of(model, definition, inputs, outputs, job.shapes)
    names = _names(nodes, inputs, outputs)
    kinds = {
        name: model.graph.get_tensor_by_name(complete_tensor_name(name)).dtype for name in inputs
    }
    clean = cut(
        model,
        definition,
        {name: (names[name], kinds[name], shapes[name]) for name in inputs},
        {names[name]: name for name in outputs},
    )
    ends_named = [names[name] for name in outputs]
    used = [node.name for node in clean.node if node.op != "Placeholder"]
    check_safe(model, used)
    _check_settled(model, clean, job)
    model, updates = without_updates(model, outputs, folded.ones, armed(model, used))
    variables = [node.name for node in clean.node if node.op in VARIABLES]
    averages = 0
    with model.graph.as_default(), tf.Session(graph=model.graph) as session:
        if job.checkpoint:
            restore(model, session, job.checkpoint)
            check_filled(model, session, job.checkpoint, variables)
            averages = choose_weights(
                model, session, job.checkpoint, variables, job.ema is not False
            )
        if job.ema and not averages:
            raise CheckpointError(
                f"{job.checkpoint} has moving averages, but of none of the {len(variables)} "
                f"variables that {', '.join(outputs)} hang on: use --raw"
            )
        values, said = reference(model, folded, session, shapes, outputs)
        empty = [names[name] for name in outputs if not np.size(said[name])]
        if len(empty) == len(outputs):
            raise BadInputError(
                f"{job.graph_path}: {', '.join(empty)} are empty on the test inputs (noise), which "
                "proves nothing: say other --outputs or --input-shape, or --set a detector's "
                "threshold below 0"
            )
        constant = clean
        if variables:
            constant = _constant(job, session, clean, ends_named)
        graph = _without_copies(constant, clean.versions, ends_named)
    notes = (
        *(
            f"input {_called(names, n)} {_sides(shapes[n])} {kinds[n].name}{_was(nodes, n)}"
            for n in inputs
        ),
        *(f"output {_called(names, n)} {_shape(model, n, said[n])} ({how})" for n in outputs),
        *folded.notes,
        *_averages(averages, len(variables), job.ema),
        *_left_out(model),
        *([f"{updates} control edges to updates and checks left out"] if updates else []),
        *(f"{name} is empty on the test inputs: not proven" for name in empty),
        *_batch_norms(graph),
    )
    return (
        Frozen(
            graph,
            str(job.graph_path),
            {names[name]: value for name, value in values.items()},
            {names[name]: np.asarray(value) for name, value in said.items()},
        ),
        notes,
        averages > 0,
    )


def _outputs(
    job: ImportedJob, model: Model, definition: Any, inputs: list[str]
) -> tuple[list[str], str]:
    if job.outputs:
        return ends.asked(model, definition, job.outputs, inputs), "as asked"
    if model.signature:
        return list(dict.fromkeys(model.signature[1].values())), "of the file's signature"
    return ends.find_outputs(model, definition, inputs), "found: nothing but training reads it"


def _names(nodes: dict[str, Any], inputs: list[str], outputs: list[str]) -> dict[str, str]:
    """Tensor -> the node it is to be: its own, or a new one that no other bears the name of."""
    kept = set(find_nodes_between(nodes, inputs, outputs))
    taken = set(nodes)
    found = {}
    for tensor in dict.fromkeys((*inputs, *outputs)):
        found[tensor] = tensor
        if ":" in tensor or (tensor in inputs and tensor in kept):
            found[tensor] = find_free_name(tensor.replace(":", "_"), taken)
            taken.add(found[tensor])
    return found


def _shape(model: Model, tensor: str, value: Any) -> str:
    """A shape as the graph says it; where it does not, as it was on the test inputs."""
    shape = model.graph.get_tensor_by_name(complete_tensor_name(tensor)).shape
    if shape.rank is None:
        return f"{list(np.shape(value))} on the test inputs"
    return _sides(shape)


def _sides(shape: Any) -> str:
    """[?, 10] of a shape whose first side is open."""
    return f"[{', '.join('?' if side is None else str(side) for side in shape.as_list())}]"


def _averages(count: int, variables: int, asked: bool | None) -> list[str]:
    """Says which weights were taken, where there was a choice."""
    if not count:
        return []
    how = "as asked" if asked else "--raw takes the variables themselves"
    return [f"moving averages stand in the place of {count} of {variables} variables ({how})"]


def _left_out(model: Model) -> list[str]:
    """Says what TensorFlow does not have and the outputs do not need."""
    if not model.unknown:
        return []
    kinds = sorted({node.op for node in model.definition.node if node.name in model.unknown})
    return [f"left out, since no output needs it: {', '.join(kinds)}, which TensorFlow has not"]


def _called(names: dict[str, str], tensor: str) -> str:
    """A new name, and what the graph itself calls it where that is another."""
    return tensor if names[tensor] == tensor else f"{names[tensor]} ({tensor})"


def _was(nodes: dict[str, Any], tensor: str) -> str:
    """Of an input that was no placeholder: what stood there."""
    kind = nodes[get_node_name(tensor)].op
    return "" if kind == "Placeholder" else f", in place of {kind}"


def _check_settled(model: Any, clean: Any, job: ImportedJob) -> None:
    """Raises BadInputError where the outputs are drawn by chance, or weights have no file."""
    for node in clean.node:
        if node.op in _RANDOM:
            raise BadInputError(
                f"{model.path}: the outputs are drawn by chance at {node.name} ({node.op}): name "
                f"--outputs before it, or take it as an input: --inputs ...,{node.name}"
            )
        if node.op in VARIABLES and not job.checkpoint:
            raise BadInputError(
                f"{model.path} is not frozen ({node.name} is a variable): legacy-nets port "
                f"CHECKPOINT --meta {model.path}"
            )


def _constant(job: ImportedJob, session: Any, clean: Any, outputs: list[str]) -> Any:
    """Variables become constants."""
    try:
        found = tf.graph_util.convert_variables_to_constants(session, clean, outputs)
    except (tf.errors.OpError, ValueError, KeyError, RuntimeError) as error:
        raise BadInputError(
            f"{job.graph_path} cannot be frozen: {join_lines(error)[:300]}"
        ) from error
    return found


def _without_copies(graph: Any, versions: Any, outputs: list[str]) -> Any:
    """Takes out each Identity; versions and functions, which freezing drops, come back."""
    placeholders = [node.name for node in graph.node if node.op == "Placeholder"]
    found = tf.graph_util.remove_training_nodes(graph, [*outputs, *placeholders])
    found.versions.CopyFrom(versions)
    found.library.CopyFrom(graph.library)
    return found


def _batch_norms(graph: Any) -> list[str]:
    """Says what is not proven: batch norms that were built to train."""
    training = [
        node.name
        for node in graph.node
        if node.op.startswith("FusedBatchNorm")
        and (node.attr["is_training"].b or "is_training" not in node.attr)
    ]
    if not training:
        return []
    return [
        f"{len(training)} batch norms use the statistics of their batch, not the moving ones "
        f"(first {training[0]}): the graph was built to train, and is left so; port the .meta or "
        "the export of a graph that infers for the others"
    ]
