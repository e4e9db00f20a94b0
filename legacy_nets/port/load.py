"""Loads the weights that a port carries: opens them, and chooses raw weights or moving averages."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from legacy_nets.checkpoints.formats.bundle import Bundle
from legacy_nets.checkpoints.open import has_two_formats, open_weights
from legacy_nets.checkpoints.optimizer_slots import has_averages, is_slot
from legacy_nets.checkpoints.source import Source
from legacy_nets.errors import BadInputError, CheckpointError
from legacy_nets.nets.weights.translate_for_net import translate_for_net
from legacy_nets.port.jobs import ImportedJob, Job, Metadata, WeightsJob


class Loaded(NamedTuple):
    """An open weight file, and what the target stores about it."""

    source: Source
    averaged: bool  # whether moving averages are ported
    metadata: Metadata
    notes: tuple[str, ...]  # of the reader


def load_weights(job: Job | ImportedJob | WeightsJob) -> Loaded:
    """Opens the weights of a job, those of a registered net under its variable names.

    Raises CheckpointError for weights that cannot be read, or without the averages that are asked
    for.
    """
    source = _open(job)
    averaged = has_averages(source.tensors)
    if job.averages and not averaged:
        raise CheckpointError(f"{source.prefix} has no moving averages: use --raw")
    averaged = averaged if job.averages is None else job.averages
    return Loaded(source, averaged, job.build_metadata(averaged), source.notes)


def choose_averages(job: ImportedJob) -> bool | None:
    """Tells whether a graph is ported with averages, before TensorFlow reads it.

    None: where there are any. The checkpoint has averages then, but perhaps of variables that the
    outputs do not need.

    Raises BadInputError and CheckpointError where averages are asked for and missing.
    """
    if job.checkpoint:
        is_available = load_weights(job).averaged
        return job.averages or (None if is_available else False)
    if job.averages:
        raise BadInputError("--ema: a frozen graph has one set of weights: leave it out")
    return False


def describe_format(job: Job | ImportedJob | WeightsJob) -> tuple[str, ...]:
    """Describes which checkpoint is ported where a V1 and a V2 one have the same prefix."""
    if not has_two_formats(job.weights_path):
        return ()
    prefers_v1 = isinstance(job, ImportedJob) and job.prefers_v1
    version, op_types = ("V1", "Restore, RestoreSlice") if prefers_v1 else ("V2", "RestoreV2")
    name = Path(job.weights_path).name
    return (
        f"{name} is a V1 and a V2 checkpoint: {version} is ported, as TensorFlow restores it here "
        f"({op_types})",
    )


def _open(job: Job | ImportedJob | WeightsJob) -> Source:
    """Opens the weights, those of a registered net under its variable names.

    TensorFlow is not imported where the names show that they are the net's. Then all of them are
    in the net's scope; or, for a net without a scope, a Saver wrote several scopes (slim's nets
    have one).
    """
    prefers_v1 = isinstance(job, ImportedJob) and job.prefers_v1
    source = open_weights(job.weights_path, prefers_v1=prefers_v1)
    if not isinstance(job, Job):
        return source
    names = [name for name in source.tensors if not is_slot(name, source.tensors)]
    scopes = {name.split("/")[0] for name in names}
    is_saved = not job.net.scope and isinstance(source, Bundle) and len(scopes) > 1
    if (is_saved or scopes == {job.net.scope}) and not source.unsupported:
        return source
    return translate_for_net(source, job.net)
