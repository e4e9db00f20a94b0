"""One port: load, prepare, write, verify, publish. Only what was verified is published."""

from __future__ import annotations

import dataclasses

from legacy_nets.checkpoints.open import open_weights
from legacy_nets.checkpoints.source import Source
from legacy_nets.errors import BadInputError
from legacy_nets.port.convert_net import convert_net
from legacy_nets.port.convert_weights import convert_weights
from legacy_nets.port.data_sets import find_data_set
from legacy_nets.port.imported.convert import choose_checkpoint_format, convert_graph
from legacy_nets.port.jobs import (
    FLOAT32,
    WEIGHTS_TARGETS,
    ImportedJob,
    Job,
    WeightsJob,
    check_imported_job,
    check_precision,
)
from legacy_nets.port.load import choose_averages, describe_format
from legacy_nets.port.report import Report
from legacy_nets.port.staging import (
    check_companion,
    check_destination,
    check_second_file,
    open_staging,
    publish,
)
from legacy_nets.port.targets import GraphTarget, WeightsTarget, find_target


def port(job: Job | ImportedJob | WeightsJob) -> Report:
    """Ports a checkpoint, a graph or weights alone, and publishes the target if it was verified.

    A failed verification leaves the destination as it was.

    Raises BadInputError and CheckpointError for what cannot be read, built, run or written.
    """
    if isinstance(job, ImportedJob):
        check_imported_job(job)
        job = choose_checkpoint_format(job)
    if not isinstance(job, WeightsJob):
        check_precision(job.target, job.precision)
    target = find_target(job.target)
    check_destination(job.out, job.target == "saved_model", job.sources)
    if isinstance(target, GraphTarget) and target.companion:
        check_companion(job.out, target.ending, target.companion)
    if isinstance(target, GraphTarget) and target.large_companion:
        check_second_file(job.out, job.out.with_suffix(target.large_companion))
    if isinstance(job, Job) and isinstance(target, WeightsTarget):
        target.load().check_destination(job.net, job.out)
    with open_staging(job.out) as folder:
        path = folder / job.out.name
        if isinstance(target, WeightsTarget):
            outcome = convert_weights(job, target.load(), path)
        elif isinstance(job, WeightsJob):
            raise _refuse_weights(job, open_weights(job.checkpoint))
        elif isinstance(job, Job):
            outcome = convert_net(job, path)
        else:
            outcome = convert_graph(dataclasses.replace(job, ema=choose_averages(job)), path)
        report = Report(
            net=job.title,
            checkpoint=job.weights_path,
            target=job.target,
            out=str(job.out),
            tolerance=job.tolerance,
            averaged=outcome.averaged,
            metadata=outcome.metadata,
            comparisons=outcome.comparisons,
            notes=describe_format(job) + outcome.notes,
            was_run=isinstance(target, GraphTarget)
            or any(item.top1 is not None for item in outcome.comparisons),
            needs_same_classes=isinstance(job, WeightsJob) or job.precision == FLOAT32,
        )
        if report.passed:
            publish(folder, job.out)
        return report


def _refuse_weights(job: WeightsJob, source: Source) -> BadInputError:
    """Makes the error for a target that needs a graph, where only weights were read."""
    targets = ", ".join(WEIGHTS_TARGETS)
    if source.graph is not None:
        return BadInputError(
            f"--to {job.target} needs the graph, and of {job.checkpoint} only the weights are read "
            f"({source.graph.format}): port them to {targets}, or port what it was made from"
        )
    if data_set := find_data_set(job.checkpoint):
        return BadInputError(f"{job.checkpoint}: {data_set}, no model: name the file of a model")
    return BadInputError(
        f"--to {job.target} needs the net, {job.checkpoint} holds its weights alone: add "
        f"--net NAME or --meta FILE; weights alone go to {targets}"
    )
