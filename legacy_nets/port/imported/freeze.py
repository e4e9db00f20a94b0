"""Makes a frozen graph for inference out of a user's files, and runs the original."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from legacy_nets import tf1 as tf
from legacy_nets.checkpoints.open import open_weights
from legacy_nets.errors import BadInputError, CheckpointError, join_lines
from legacy_nets.graphdef.op_types import VARIABLES
from legacy_nets.port.calibration import Example, join_examples, load_arrays
from legacy_nets.port.imported.batch_norms.find import find_training_batch_norms
from legacy_nets.port.imported.batch_norms.moving_averages import use_moving_averages
from legacy_nets.port.imported.graph import ImportedGraph, read_imported_graph
from legacy_nets.port.imported.infer_io import GraphIo, choose_io
from legacy_nets.port.imported.inference_mode import switch_to_inference
from legacy_nets.port.imported.notes import (
    describe_averages,
    describe_batch_norms,
    describe_inputs,
    describe_outputs,
    describe_unknown_ops,
    describe_updates,
)
from legacy_nets.port.imported.reference_run import ReferenceRun, run_reference
from legacy_nets.port.imported.safety import check_safe, find_side_effect_ops
from legacy_nets.port.imported.state.operations import find_state_ops
from legacy_nets.port.imported.state.restore import (
    assign_averages,
    check_restored,
    restore_variables,
)
from legacy_nets.port.imported.state.tables import fill_tables, freeze_tables, list_words
from legacy_nets.port.imported.subgraph import extract_subgraph, remove_updates
from legacy_nets.port.imported.targets import FrozenGraph
from legacy_nets.port.imported.translations.cudnn_rnn import translate_cudnn_layers
from legacy_nets.port.jobs import ImportedJob
from legacy_nets.types import GraphDef, Session

_RANDOM_OP = re.compile(
    r"Random(Uniform(Int)?|StandardNormal|Gamma|Poisson(V2)?|Shuffle|Crop)"
    r"|(Parameterized)?TruncatedNormal|Multinomial|.*CandidateSampler"
)


def freeze_graph(job: ImportedJob) -> FrozenGraph:
    """Reads a graph, switches it to inference, restores it, runs the original and freezes it.

    Raises BadInputError and CheckpointError.
    """
    imported = translate_cudnn_layers(read_imported_graph(job.graph_path, job.trust, job.tags))
    inference = switch_to_inference(imported, job.settings)
    io = choose_io(job, imported, inference.definition)
    if job.inference:
        imported, inference = use_moving_averages(imported, inference, io)
    subgraph = extract_subgraph(imported, inference.definition, io.inputs, io.outputs)
    outputs = [output.tensor for output in io.outputs]
    needed = [node.name for node in subgraph.node if node.op != "Placeholder"]
    state_ops = find_state_ops(imported, needed)
    check_safe(imported, needed, state_ops)
    _check_deterministic(imported, subgraph)
    _check_has_weights(job, subgraph)
    side_effects = find_side_effect_ops(imported, needed, state_ops)
    without_updates = remove_updates(imported, outputs, inference.forced_ones, side_effects)
    original = without_updates.imported
    variables = [node.name for node in subgraph.node if node.op in VARIABLES]
    with original.graph.as_default(), tf.Session(graph=original.graph) as session:
        averages = _restore_weights(job, original, session, variables, state_ops.restoring, outputs)
        fill_tables(original, session, state_ops.initializers)
        shapes = {spec.tensor: spec.shape for spec in io.inputs}
        words = list_words(original, session, subgraph)
        examples = _load_examples(job, io)
        joined = join_examples(examples) if examples else {}
        given = {spec.tensor: joined[spec.name] for spec in io.inputs if examples}
        run = run_reference(original, inference, session, shapes, outputs, words, given)
        empty_outputs = _find_empty_outputs(job, io, run)
        definition = _freeze_variables(job, session, subgraph, io, has_variables=bool(variables))
        initializer = freeze_tables(original, session, subgraph, definition)
    notes = (
        *imported.notes,
        *describe_inputs(inference.definition, io.inputs),
        *describe_outputs(original, io, run),
        *inference.notes,
        *describe_averages(averages, len(variables), is_requested=bool(job.ema)),
        *describe_unknown_ops(original),
        *describe_updates(without_updates),
        *(f"{name} is empty on the test inputs: not verified" for name in empty_outputs),
        *describe_batch_norms(find_training_batch_norms(imported, definition)),
    )
    return FrozenGraph(
        definition=definition,
        name=str(job.graph_path),
        inputs={spec.name: run.inputs[spec.tensor] for spec in io.inputs},
        reference={spec.name: run.outputs[spec.tensor] for spec in io.outputs},
        examples=examples,
        table_initializer=initializer,
        has_averages=averages > 0,
        notes=notes,
    )


def _load_examples(job: ImportedJob, io: GraphIo) -> list[Example]:
    """Loads the inputs of the calibration folder; [] without one. Raises BadInputError."""
    if job.precision.calibration is None:
        return []
    for spec in io.inputs:
        if spec.shape.rank is None:
            raise BadInputError(
                f"{job.graph_path}: {spec.name} is of unknown rank, so that its examples cannot be "
                f"checked: add --input-shape {spec.name}=SHAPE"
            )
    shapes = {spec.name: spec.shape.as_list() for spec in io.inputs}
    return load_arrays(job.precision.calibration, shapes)


def _check_deterministic(imported: ImportedGraph, subgraph: GraphDef) -> None:
    """Raises BadInputError where the outputs depend on random numbers."""
    for node in subgraph.node:
        if _RANDOM_OP.fullmatch(node.op):
            raise BadInputError(
                f"{imported.path}: the outputs are random, by {node.name} ({node.op}): choose "
                f"--outputs before it, or make it an input: --inputs ...,{node.name}"
            )


def _check_has_weights(job: ImportedJob, subgraph: GraphDef) -> None:
    """Raises BadInputError where the outputs need variables and there is no checkpoint."""
    for node in subgraph.node:
        if node.op in VARIABLES and not job.checkpoint:
            raise BadInputError(
                f"{job.graph_path} is not frozen ({node.name} is a variable): legacy-nets port "
                f"CHECKPOINT --meta {job.graph_path}"
            )


def _restore_weights(
    job: ImportedJob,
    original: ImportedGraph,
    session: Session,
    variables: Sequence[str],
    restoring: Sequence[str],
    outputs: Iterable[str],
) -> int:
    """Restores variables and tables. Returns how many of them moving averages have replaced.

    Raises CheckpointError where the checkpoint does not fit, or lacks averages that were asked for.
    """
    averages = 0
    if job.checkpoint:
        source = open_weights(job.checkpoint, prefers_v1=job.prefers_v1)
        restore_variables(original, session, source, restoring)
        check_restored(original, session, source, variables)
        averages = assign_averages(
            original, session, source, variables, use_averages=job.ema is not False
        )
    if job.ema and not averages:
        raise CheckpointError(
            f"{job.checkpoint} has moving averages, but of none of the {len(variables)} "
            f"variables that {', '.join(outputs)} depend on: use --raw"
        )
    return averages


def _find_empty_outputs(job: ImportedJob, io: GraphIo, run: ReferenceRun) -> list[str]:
    """Finds the outputs without elements. Raises BadInputError if no other output is left."""
    empty = [output.name for output in io.outputs if not run.outputs[output.tensor].size]
    if len(empty) == len(io.outputs):
        raise BadInputError(
            f"{job.graph_path}: {', '.join(empty)} are empty on the test inputs (noise), which "
            "proves nothing: use other --outputs or --input-shape, or --set a detector's threshold "
            "below 0"
        )
    return empty


def _freeze_variables(
    job: ImportedJob, session: Session, subgraph: GraphDef, io: GraphIo, *, has_variables: bool
) -> GraphDef:
    """Turns variables into constants, and removes Identity nodes."""
    outputs = [output.name for output in io.outputs]
    constant = subgraph
    if has_variables:
        try:
            constant = tf.graph_util.convert_variables_to_constants(session, subgraph, outputs)
        except (tf.errors.OpError, ValueError, KeyError, RuntimeError) as error:
            cause = join_lines(error)[:300]
            raise BadInputError(f"{job.graph_path} cannot be frozen: {cause}") from error
    inputs = [node.name for node in constant.node if node.op == "Placeholder"]
    frozen = tf.graph_util.remove_training_nodes(constant, [*outputs, *inputs])
    frozen.versions.CopyFrom(subgraph.versions)  # both functions of TensorFlow drop these two
    frozen.library.CopyFrom(constant.library)
    return frozen
