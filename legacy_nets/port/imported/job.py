"""Ports a stranger's model: a .meta with its checkpoint, or a frozen .pb.

TensorFlow sees such files in a child process alone (``sandbox``); it restores the graph as it was
saved, runs it on seeded inputs, writes the target and runs that. Only the place of what was
verified is a matter of this process.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from legacy_nets.checkpoints.open import open_weights
from legacy_nets.errors import BadInputError, LegacyNetsError, join_lines
from legacy_nets.port.jobs import (
    GRAPH_ENDINGS,
    IMPORTED_TARGETS,
    SAVED_MODEL,
    ImportedJob,
    check_graph_exists,
)
from legacy_nets.port.pipeline import settled
from legacy_nets.port.report import Comparison, Report
from legacy_nets.port.staging import check_room, workshop
from legacy_nets.port.targets import TARGETS, load_target
from legacy_nets.port.weights import tensors_of, use_averages
from legacy_nets.sandbox import estimate_memory, run_sandboxed

_SECONDS = 1800.0  # that a child may take
_GIB = 8.0  # of address space, the size of the files aside


def port_foreign(job: ImportedJob) -> Report:
    """Writes, verifies, and moves into place; a report that failed leaves no file behind.

    Raises BadInputError and CheckpointError for what cannot be read, found, run or written.
    """
    if job.target not in IMPORTED_TARGETS:
        raise BadInputError(
            f"--to {job.target} needs --net: a graph of your own goes to "
            f"{', '.join(IMPORTED_TARGETS)}"
        )
    check_graph_exists(job.graph_path)
    if job.checkpoint.endswith(GRAPH_ENDINGS):
        raise BadInputError(
            f"--meta {job.graph_path}: its weights are a checkpoint, and {job.checkpoint} is a "
            "graph that has its own: name the checkpoint, or leave out --meta to port "
            f"{job.checkpoint}"
        )
    check_room(
        job.out, job.target == "saved_model", [job.graph_path, job.checkpoint or job.graph_path]
    )
    if job.graph_path.name == SAVED_MODEL:  # what it serves is the reference
        job = dataclasses.replace(job, ema=bool(job.ema))
    with workshop(job.out) as folder:
        made = folder / job.out.name
        weights = TARGETS[job.target].weights
        averaged = False
        if weights or job.checkpoint:
            source = open_weights(job.checkpoint or job.graph_path)
            averaged = use_averages(source, job.ema)
        elif job.ema:
            raise BadInputError("--ema: a frozen graph has one set of weights: leave it out")
        if weights:
            notes = source.notes
            write = load_target(job.target).write
            comparisons = tuple(
                write(made, tensors_of(source, averaged), job.build_metadata(averaged))
            )
        else:
            asked = job if job.ema else dataclasses.replace(job, ema=None if averaged else False)
            comparisons, notes, averaged = run_sandboxed(
                work, asked, made, label=str(job.graph_path), seconds=_SECONDS, gib=_memory(job)
            )
        metadata = job.build_metadata(averaged)
        name, origin = job.graph_path.name, job.checkpoint or str(job.graph_path)
        return settled(job, folder, name, origin, averaged, metadata, comparisons, notes)


def _memory(job: ImportedJob) -> float:
    """GiB of address space that a child may take, by the size of the files."""
    prefix = Path(job.checkpoint or job.graph_path)
    return estimate_memory(job.graph_path, *prefix.parent.glob(f"{prefix.name}*"), least=_GIB)


def work(job: ImportedJob, made: Path) -> tuple[tuple[Comparison, ...], tuple[str, ...], bool]:
    """In the child: from the files to a target that has been run.

    Returns its comparisons, notes, and whether moving averages stand in the variables' place.
    """
    try:
        return _work(job, made)
    except (LegacyNetsError, MemoryError):
        raise
    except Exception as error:  # what TensorFlow and tf2onnx raise is past foreseeing
        said = f"{type(error).__name__}: {join_lines(error)[:300]}"
        raise BadInputError(
            f"{job.graph_path} could not be ported ({said}): try other --outputs or --to"
        ) from error


def _work(job: ImportedJob, made: Path) -> tuple[tuple[Comparison, ...], tuple[str, ...], bool]:
    from legacy_nets.quiet import quiet_tensorflow

    quiet_tensorflow()
    load_target(job.target)
    from legacy_nets.port.imported import targets
    from legacy_nets.port.imported.freeze import frozen_model

    model, notes, averaged = frozen_model(job)
    notes += targets.write(job.target, made, model, job.build_metadata(averaged))
    runs = targets.runs(job.target, made, model)
    return tuple(_compared(model.reference, runs)), notes, averaged


def _compared(
    reference: Mapping[str, Any], runs: Iterator[tuple[str, Mapping[str, Any]]]
) -> Iterator[Comparison]:
    for side, found in runs:
        for name, want in reference.items():
            yield Comparison.of(name, want, np.asarray(found[name]), side)
