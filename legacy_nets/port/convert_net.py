"""Prepares, writes and verifies a target that holds the graph of a registered net."""

from __future__ import annotations

from pathlib import Path

from legacy_nets.port.jobs import OUTPUTS, Job
from legacy_nets.port.load import load_weights
from legacy_nets.port.report import Outcome
from legacy_nets.port.targets import GraphFormat
from legacy_nets.port.verify import compare_runs


def convert_net(job: Job, target: GraphFormat, path: Path) -> Outcome:
    """Restores a registered net, writes its graph, runs it and compares the outputs."""
    from legacy_nets.port.restored_net import restore_net

    source, averaged, metadata, notes = load_weights(job)
    with restore_net(job, source, averaged) as net:
        notes += target.write(path, net, metadata)
        runs = target.run(path, net)
        comparisons = tuple(compare_runs(net.reference, runs, OUTPUTS, net.tensors.end_points))
    return Outcome(comparisons, notes, averaged, metadata)
