"""Prepares, writes and verifies a target that holds the graph of a registered net."""

from __future__ import annotations

from pathlib import Path

from legacy_nets.checkpoints.open import list_weight_files
from legacy_nets.port.jobs import FLOAT32, OUTPUTS, Job
from legacy_nets.port.load import load_weights
from legacy_nets.port.memory import return_large_blocks
from legacy_nets.port.report import Outcome
from legacy_nets.port.second_run import convert_up_to_twice, turn_off_optimiser
from legacy_nets.port.targets import GraphTarget, find_target
from legacy_nets.port.verify import compare_runs
from legacy_nets.progress import update_status
from legacy_nets.sandbox import estimate_memory, run_sandboxed

_SECONDS = 3600.0  # limit of the second run's process
_GIB = 16.0  # limit of its address space, without the files


def convert_net(job: Job, path: Path) -> Outcome:
    """Restores a registered net, writes its graph, runs it and compares the outputs.

    Where they differ in float32, does it again in a process without TensorFlow's own optimisations.
    """
    if job.precision != FLOAT32:  # rounding makes the difference
        return _convert(job, path)
    gib = estimate_memory(*list_weight_files(job.checkpoint), least=_GIB)
    return convert_up_to_twice(
        lambda: _convert(job, path),
        lambda: run_sandboxed(
            _convert_without_optimiser, job, path, label=job.checkpoint, seconds=_SECONDS, gib=gib
        ),
        path,
        job.tolerance,
    )


def _convert_without_optimiser(job: Job, path: Path) -> Outcome:
    """In the process: ``_convert`` without TensorFlow's graph optimiser and oneDNN."""
    turn_off_optimiser()
    return _convert(job, path)


def _convert(job: Job, path: Path) -> Outcome:
    from legacy_nets.port.restored_net import restore_net

    return_large_blocks()
    target = find_target(job.target)
    assert isinstance(target, GraphTarget)
    graph_format = target.load()
    source, averaged, metadata, notes = load_weights(job)
    name = job.net.name
    update_status(f"building {name} and restoring {job.checkpoint}")
    keeps = (target.keeps_variables, target.keeps_end_points)
    with restore_net(job, source, averaged, *keeps) as net:
        examples = f", with ranges of {len(net.examples)} examples" if len(net.examples) else ""
        update_status(f"converting {name} to {job.target}{examples}")
        notes += graph_format.write(path, net, metadata)
        update_status(f"verifying: running {name} as {job.target}")
        runs = graph_format.run(path, net)
        comparisons = tuple(compare_runs(net.reference, runs, OUTPUTS, net.tensors.end_points))
    return Outcome(comparisons, notes, averaged, metadata)
