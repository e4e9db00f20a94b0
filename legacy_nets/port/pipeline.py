"""One port: load, prepare, write, verify, publish. Only what was verified is published."""

from __future__ import annotations

import dataclasses
from pathlib import Path

from legacy_nets.checkpoints.open import open_weights
from legacy_nets.checkpoints.source import Source
from legacy_nets.errors import BadInputError
from legacy_nets.port.imported.convert import convert_graph
from legacy_nets.port.jobs import (
    GRAPH_ENDINGS,
    IMPORTED_TARGETS,
    OUTPUTS,
    SAVED_MODEL,
    ImportedJob,
    Job,
    check_graph_exists,
    get_scope,
)
from legacy_nets.port.report import Outcome, Report
from legacy_nets.port.staging import check_destination, open_staging, publish
from legacy_nets.port.targets import (
    GraphFormat,
    GraphTarget,
    WeightsFormat,
    WeightsTarget,
    find_target,
)
from legacy_nets.port.verify import compare_runs
from legacy_nets.port.weights import (
    NOT_BUILT,
    check_scope,
    choose_averages,
    list_weights,
    note_class_mismatch,
    translate_names,
)


def port(job: Job | ImportedJob) -> Report:
    """Ports a checkpoint or a graph, and publishes the target if it was verified.

    A failed verification leaves the destination as it was.

    Raises BadInputError and CheckpointError for what cannot be read, built, run or written.
    """
    if isinstance(job, ImportedJob):
        job = _check_imported(job)
    target = find_target(job.target)
    _check_destinations(job, target)
    with open_staging(job.out) as folder:
        path = folder / job.out.name
        if isinstance(target, WeightsTarget):
            outcome = _port_weights(job, target.load(), path)
        elif isinstance(job, Job):
            outcome = _port_net(job, target.load(), path)
        else:
            outcome = convert_graph(_choose_graph_averages(job), path)
        report = Report(
            net=job.title,
            checkpoint=job.weights_path,
            target=job.target,
            out=str(job.out),
            tolerance=job.tolerance,
            averaged=outcome.averaged,
            metadata=job.build_metadata(outcome.averaged),
            comparisons=outcome.comparisons,
            notes=outcome.notes,
        )
        if report.passed:
            publish(folder, job.out)
        return report


def _check_imported(job: ImportedJob) -> ImportedJob:
    """Checks the files of an imported graph. A SavedModel's own weights are its reference."""
    if job.target not in IMPORTED_TARGETS:
        raise BadInputError(
            f"--to {job.target} needs --net: a graph of your own can be ported to "
            f"{', '.join(IMPORTED_TARGETS)}"
        )
    check_graph_exists(job.graph_path)
    if job.checkpoint.endswith(GRAPH_ENDINGS):
        raise BadInputError(
            f"--meta {job.graph_path}: its weights are a checkpoint, and {job.checkpoint} is a "
            "graph with weights of its own: name the checkpoint, or leave out --meta to port "
            f"{job.checkpoint}"
        )
    if job.graph_path.name == SAVED_MODEL:
        return dataclasses.replace(job, ema=bool(job.ema))
    return job


def _check_destinations(job: Job | ImportedJob, target: WeightsTarget | GraphTarget) -> None:
    """Raises BadInputError where a file or folder cannot be replaced safely."""
    sources = [job.weights_path]
    if isinstance(job, ImportedJob):
        sources.append(str(job.graph_path))
    check_destination(job.out, job.target == "saved_model", sources)
    if isinstance(job, Job) and isinstance(target, WeightsTarget):
        check_code = target.load().check_destination
        if check_code is not None:
            check_code(job.net, job.out)


def _port_weights(job: Job | ImportedJob, target: WeightsFormat, path: Path) -> Outcome:
    """Writes the weights alone and compares every tensor; runs them where the format can."""
    source, notes = _load(job)
    if isinstance(job, Job):  # no graph is built that could tell
        check_scope(source, job.net, get_scope(job.options))
        notes += note_class_mismatch(source, job.num_logits)
    averaged = choose_averages(source, job.ema)
    weights = list_weights(source, averaged)
    comparisons = tuple(target.write(path, weights, job.build_metadata(averaged)))
    if not isinstance(job, Job):
        return Outcome(comparisons, notes, averaged)
    if target.run is None:
        return Outcome(comparisons, (*notes, NOT_BUILT.format(net=job.net.name)), averaged)
    run = target.run(job, source, averaged, path)
    return Outcome(comparisons + run.comparisons, notes + run.notes, averaged)


def _port_net(job: Job, target: GraphFormat, path: Path) -> Outcome:
    """Restores a registered net, writes its graph and compares the outputs."""
    from legacy_nets.port.restored_net import restore_net

    source, notes = _load(job)
    averaged = choose_averages(source, job.ema)
    with restore_net(job, source, averaged) as net:
        notes += target.write(path, net, job.build_metadata(averaged))
        runs = target.run(path, net)
        comparisons = tuple(compare_runs(net.reference, runs, OUTPUTS, net.tensors.end_points))
    return Outcome(comparisons, notes, averaged)


def _load(job: Job | ImportedJob) -> tuple[Source, tuple[str, ...]]:
    """Opens the weights, for a registered net under its variable names; and the reader's notes."""
    source = open_weights(job.weights_path)
    if isinstance(job, Job):
        source = translate_names(source, job.net)
    return source, source.notes


def _choose_graph_averages(job: ImportedJob) -> ImportedJob:
    """Settles whether averages are tried, before TensorFlow reads the graph.

    ``ema`` stays None where the checkpoint has averages, which may be of other variables.
    """
    if not job.checkpoint:
        if job.ema:
            raise BadInputError("--ema: a frozen graph has one set of weights: leave it out")
        return dataclasses.replace(job, ema=False)
    has_averages = choose_averages(open_weights(job.checkpoint), job.ema)
    return dataclasses.replace(job, ema=job.ema or (None if has_averages else False))
