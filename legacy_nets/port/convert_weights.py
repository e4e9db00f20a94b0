"""Prepares, writes and verifies a target that holds weights alone."""

from __future__ import annotations

from pathlib import Path

from legacy_nets.errors import CheckpointError
from legacy_nets.port.jobs import ImportedJob, Job
from legacy_nets.port.load import load_weights
from legacy_nets.port.report import Outcome
from legacy_nets.port.targets import WeightsFormat
from legacy_nets.port.weights import NOT_BUILT, check_net, list_weights


def convert_weights(job: Job | ImportedJob, target: WeightsFormat, path: Path) -> Outcome:
    """Writes the weights alone and compares every tensor; runs them where the format can."""
    source, averaged, metadata, notes = load_weights(job)
    if isinstance(job, Job):
        notes += check_net(source, job)
    weights = list_weights(source, averaged)
    comparisons = tuple(target.write(path, weights, metadata))
    if len(comparisons) < len(weights):  # a format that proves less than it wrote
        raise CheckpointError(
            f"{path.name}: {len(comparisons)} of {len(weights)} tensors were compared; the format "
            f"{job.target} has to compare every one"
        )
    if isinstance(job, Job):
        if target.run is None:
            notes += (NOT_BUILT.format(net=job.net.name),)
        else:
            verification = target.run(job, source, averaged, path)
            comparisons += verification.comparisons
            notes += verification.notes
    return Outcome(comparisons, notes, averaged, metadata)
