"""One port: from a checkpoint to a verified file in its place."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from legacy_nets.checkpoints.open import find_weights, open_weights
from legacy_nets.port.jobs import ImportedJob, Job
from legacy_nets.port.report import Comparison, Report
from legacy_nets.port.staging import check_room, move, workshop
from legacy_nets.port.targets import TARGETS, load_target
from legacy_nets.port.weights import (
    UNBUILT,
    check_scope,
    class_notes,
    named_for,
    tensors_of,
    use_averages,
)


def port(job: Job) -> Report:
    """Writes, verifies, and moves into place; a report that failed leaves no file behind.

    Raises BadInputError and CheckpointError for what cannot be read, built or written.
    """
    module = load_target(job.target)
    target = TARGETS[job.target]
    check_room(job.out, job.target == "saved_model", [job.checkpoint])
    if hasattr(module, "check_room"):
        module.check_room(job.net, job.out)
    source = named_for(open_weights(find_weights(job.checkpoint)), job.net)
    notes = source.notes
    if target.weights:  # else the graph is built, and says it
        check_scope(source, job.net, job.options.get("scope"))
        notes += class_notes(source, job.label_offset + job.num_classes)
    averaged = use_averages(source, job.ema)
    metadata = job.build_metadata(averaged)
    with workshop(job.out) as folder:
        made = folder / job.out.name
        if target.weights:
            comparisons = tuple(module.write(made, tensors_of(source, averaged), metadata))
            if hasattr(module, "outputs"):  # what is written can be run, too
                said = module.outputs(job, source, averaged, made)
            else:
                said = (), (UNBUILT.format(net=job.net),)
            comparisons, notes = comparisons + said[0], notes + said[1]
        else:
            from legacy_nets.port import restored_net

            with restored_net.restored(job, source, averaged) as net:
                notes += tuple(module.write(made, net, metadata))
                comparisons = tuple(restored_net.verify(net, module.runs(made, net)))
        return settled(job, folder, job.net, job.checkpoint, averaged, metadata, comparisons, notes)


def settled(
    job: Job | ImportedJob,
    folder: Path,
    name: str,
    source: str,
    averaged: bool,
    metadata: dict[str, Any],
    comparisons: tuple[Comparison, ...],
    notes: tuple[str, ...],
) -> Report:
    """The report of what was written into a workshop; what passed comes to its place."""
    report = Report(
        name,
        source,
        job.target,
        str(job.out),
        job.tolerance,
        averaged,
        metadata,
        comparisons,
        notes,
    )
    if report.passed:
        move(folder, job.out)
    return report
