"""Prepares, writes and verifies a target that holds weights alone."""

from __future__ import annotations

from pathlib import Path

from legacy_nets.checkpoints.source import Source
from legacy_nets.errors import CheckpointError
from legacy_nets.port.jobs import ImportedJob, Job, WeightsJob
from legacy_nets.port.load import load_weights
from legacy_nets.port.report import Outcome
from legacy_nets.port.targets import WeightsFormat
from legacy_nets.port.weights import (
    NOT_BUILT,
    check_net,
    describe_quantized,
    describe_texts,
    list_texts,
    list_weights,
    rename_weights,
)
from legacy_nets.progress import update_status


def convert_weights(
    job: Job | ImportedJob | WeightsJob, target: WeightsFormat, path: Path
) -> Outcome:
    """Writes the weights alone and compares every tensor; runs them where the format can."""
    source, averaged, metadata, notes = load_weights(job)
    if isinstance(job, Job):
        notes += check_net(source, job)
        if job.checks_fit:
            from legacy_nets.port.restored_net import check_fit

            check_fit(job, source, averaged)
    weights = list_weights(source, averaged)
    notes += describe_quantized(source, weights) + describe_texts(source)
    if not isinstance(job, Job):
        weights, changed = rename_weights(weights, job.renames)
        notes += _describe_names(source, len(weights), changed)
    update_status(f"writing and comparing {len(weights)} tensors")
    comparisons = tuple(target.write(path, weights, metadata))
    if len(comparisons) < len(weights):  # a format that proves less than it wrote
        raise CheckpointError(
            f"{path.name}: {len(comparisons)} of {len(weights)} tensors were compared; the format "
            f"{job.target} has to compare every one"
        )
    if isinstance(job, Job):
        not_built = NOT_BUILT.format(net=job.net.name)
        if target.run is None:
            notes += (not_built,)
        else:
            update_status(f"verifying: running {job.net.name} as {job.target}")
            verification = target.run(job, source, averaged, path)
            comparisons += verification.comparisons
            notes += verification.notes
        if job.checks_fit:
            notes = tuple(note for note in notes if note != not_built)
    return Outcome(comparisons, notes, averaged, metadata)


def _describe_names(source: Source, count: int, changed: int) -> tuple[str, ...]:
    """Describes what became of the names, and how many tensors are not ported."""
    names = f"{changed} of {count} names changed" if changed else "names and axes as they are"
    left_out = len(source.tensors) + len(source.other_tensors) - count - len(list_texts(source))
    reason = "tensors that only training needs"
    if source.others_are_constants:
        reason = "constants (shapes, axes, bounds)"
    left_out_text = f"; left out {left_out} {reason}" if left_out else ""
    return (f"weights alone, {names}{left_out_text}",)
