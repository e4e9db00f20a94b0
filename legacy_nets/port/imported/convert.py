"""Converts an imported graph into a target, and runs both, in a sandboxed process.

TensorFlow reads untrusted files only there. The process restores the graph as it was saved, runs
it on seeded inputs, writes the target and runs that.
"""

from __future__ import annotations

import dataclasses
import functools
from pathlib import Path

from legacy_nets.checkpoints.open import has_two_formats, list_weight_files
from legacy_nets.errors import BadInputError, LegacyNetsError, join_lines
from legacy_nets.port.jobs import FLOAT32, ImportedJob
from legacy_nets.port.report import Outcome
from legacy_nets.port.second_run import convert_up_to_twice, turn_off_optimiser
from legacy_nets.port.verify import compare_runs
from legacy_nets.progress import update_status
from legacy_nets.sandbox import estimate_memory, run_sandboxed

_SECONDS = 1800.0  # limit of a process
_GIB = 8.0  # limit of its address space, without the files


def convert_graph(job: ImportedJob, path: Path) -> Outcome:
    """Writes an imported graph as its target to ``path`` and compares the outputs of both.

    Where they differ in float32, does it again without TensorFlow's own optimisations: these may
    be what is wrong, and a note says so.

    Raises BadInputError and CheckpointError for what cannot be read, inferred, run or written.
    """
    files = {job.graph_path, *list_weight_files(job.weights_path)}
    gib = estimate_memory(*files, least=_GIB)
    update_status(f"restoring {job.title}, converting it to {job.target} and running both")
    convert = functools.partial(run_sandboxed, label=str(job.graph_path), seconds=_SECONDS, gib=gib)
    if job.precision != FLOAT32:  # rounding makes the difference
        outcome: Outcome = convert(_convert, job, path)
        return outcome
    return convert_up_to_twice(
        lambda: convert(_convert, job, path),
        lambda: convert(_convert_without_optimiser, job, path),
        path,
        job.tolerance,
    )


def choose_checkpoint_format(job: ImportedJob) -> ImportedJob:
    """Returns the job with ``prefers_v1`` as the graph's own saver restores.

    Raises BadInputError and CheckpointError for a graph that cannot be read.
    """
    if not has_two_formats(job.checkpoint):
        return job
    gib = estimate_memory(job.graph_path, least=_GIB)
    prefers_v1: bool = run_sandboxed(
        _prefers_v1, job, label=str(job.graph_path), seconds=_SECONDS, gib=gib
    )
    return dataclasses.replace(job, prefers_v1=prefers_v1)


def _prefers_v1(job: ImportedJob) -> bool:
    """In the process: tells whether the graph's saver restores V1 checkpoints alone."""
    from legacy_nets.quiet import quiet_tensorflow

    quiet_tensorflow()
    from legacy_nets.port.imported.graph import read_imported_graph
    from legacy_nets.port.imported.state.operations import restores_v1

    return restores_v1(read_imported_graph(job.graph_path, job.trust))


def _convert(job: ImportedJob, path: Path) -> Outcome:
    """In the process: calls ``_write_and_run``, with one line for whatever it raises."""
    try:
        return _write_and_run(job, path)
    except (LegacyNetsError, MemoryError):
        raise
    except Exception as error:  # a user's graph makes TensorFlow and the converters raise anything
        cause = f"{type(error).__name__}: {join_lines(error)[:300]}"
        raise BadInputError(
            f"{job.graph_path} could not be ported ({cause}): try other --outputs or --to"
        ) from error


def _convert_without_optimiser(job: ImportedJob, path: Path) -> Outcome:
    """In the process: ``_convert`` without TensorFlow's graph optimiser and oneDNN."""
    turn_off_optimiser()
    return _convert(job, path)


def _write_and_run(job: ImportedJob, path: Path) -> Outcome:
    from legacy_nets.quiet import quiet_tensorflow

    quiet_tensorflow()
    from legacy_nets.port.imported.freeze import freeze_graph
    from legacy_nets.port.imported.targets import IMPORTED_FORMATS
    from legacy_nets.port.memory import return_large_blocks

    return_large_blocks()
    if job.is_keras_model:
        from legacy_nets.port.keras_model import freeze_keras_model

        graph = freeze_keras_model(job, path.parent)
    else:
        graph = freeze_graph(job)
    metadata = job.build_metadata(graph.has_averages)
    target = IMPORTED_FORMATS[job.target]
    notes = graph.notes + target.write(path, graph, metadata, job.precision)
    comparisons = tuple(compare_runs(graph.reference, target.run(path, graph)))
    return Outcome(comparisons, notes, graph.has_averages, metadata)
