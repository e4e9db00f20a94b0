"""One model of a folder: the unit of work. ``port_model`` is a plain function of picklable values.

It runs in a process of its own (``run_unit``): a crash, or memory that is not enough, costs one
model. Whatever distributes the units calls one of the two.
"""

from __future__ import annotations

import dataclasses
import math
import time
from pathlib import Path
from typing import Literal, NamedTuple

from legacy_nets.errors import CheckpointError, LegacyNetsError, join_lines
from legacy_nets.files import Stamp
from legacy_nets.language import mark
from legacy_nets.port.data_sets import find_data_set
from legacy_nets.port.folder.models import Model
from legacy_nets.port.jobs import (
    FLOAT32,
    SAVED_MODEL,
    TOLERANCE,
    WEIGHTS_TARGETS,
    ImportedJob,
    Precision,
    Rename,
    WeightsJob,
    find_graph,
    find_graph_checkpoint,
)
from legacy_nets.port.pipeline import port
from legacy_nets.port.targets import TARGETS
from legacy_nets.sandbox import estimate_memory, run_sandboxed

_SECONDS = 4200.0  # a graph's own process may take 1800, and is run twice where the sides differ
_GIB = 8.0  # limit of address space, without the files

# "differs": above the tolerance; "failed": its process crashed, or had no memory or disk;
# "no model": a data set or an array without a name.
Status = Literal["verified", "differs", "refused", "failed", "no model"]


@dataclasses.dataclass(frozen=True)
class PortSettings:
    """What holds for every model of a folder."""

    target: str
    ema: bool | None = None  # moving averages; None: where there are any
    tolerance: float = TOLERANCE
    trust: bool = False
    renames: tuple[Rename, ...] = ()  # for targets of weights alone
    precision: Precision = FLOAT32


@dataclasses.dataclass(frozen=True)
class Unit:
    """A model to port, and its destination."""

    model: Model
    out: Path
    settings: PortSettings
    stamps: tuple[Stamp, ...]  # of the model's files, before they are read


class Result(NamedTuple):
    """What became of a model."""

    name: str  # of the model
    status: Status
    text: str  # the verdict, or the reason
    notes: tuple[str, ...] = ()
    difference: float | None = None  # the largest, as a share of the largest value
    seconds: float = 0.0


def run_unit(unit: Unit) -> Result:
    """Calls ``port_model`` in a process of its own, with limits of time and memory."""
    start = time.monotonic()
    gib = estimate_memory(*unit.model.files, least=_GIB)
    try:
        return run_sandboxed(port_model, unit, label=unit.model.name, seconds=_SECONDS, gib=gib)
    except (CheckpointError, OSError) as error:
        text, seconds = join_lines(error), time.monotonic() - start
        return Result(unit.model.name, mark("failed"), text, seconds=seconds)


def port_model(unit: Unit) -> Result:
    """Ports one model to ``unit.out``, whose folder must exist. Raises nothing that is expected."""
    start = time.monotonic()
    name, text = unit.model.name, ""
    notes: tuple[str, ...] = ()
    difference: float | None = None
    status: Status
    try:
        job = _build_job(unit)
        if isinstance(job, WeightsJob):
            text = find_data_set(job.checkpoint)
        if text:
            return Result(name, mark("no model"), text, seconds=time.monotonic() - start)
        is_copy = isinstance(job, WeightsJob) and job.target in WEIGHTS_TARGETS
        if is_copy and TARGETS[job.target].uses_tensorflow:
            from legacy_nets.quiet import quiet_tensorflow

            quiet_tensorflow(uses_onednn=True)
        report = port(job)
        status = mark("verified")
        text, notes = report.verdict, report.notes
        if report.comparisons and math.isfinite(report.worst.relative):
            difference = report.worst.relative
        if not report.passed:
            status = mark("differs")
            text += f"; above the tolerance of {report.tolerance:g}, nothing is written"
    except LegacyNetsError as error:
        status = mark("refused")
        text = join_lines(error).removeprefix(f"{unit.model.location}: ")
    except MemoryError:
        status = mark("failed")
        text = "out of memory: port it alone, or with fewer --jobs"
    except OSError as error:
        status = mark("failed")
        text = f"{join_lines(error)}: check permissions and the free disk space"
    return Result(name, status, text, notes, difference, time.monotonic() - start)


def _build_job(unit: Unit) -> ImportedJob | WeightsJob:
    """Builds the job of a model as ``port MODEL`` does.

    Raises BadInputError and CheckpointError for what cannot be ported.
    """
    settings = unit.settings
    graph, checkpoint = find_graph(unit.model.location, settings.target)
    if graph is None:
        assert checkpoint is not None  # find_graph found one of the two
        return WeightsJob(
            checkpoint,
            settings.target,
            unit.out,
            settings.renames,
            settings.ema,
            settings.tolerance,
        )
    if graph.is_dir():
        graph /= SAVED_MODEL
    return ImportedJob(
        graph,
        checkpoint or find_graph_checkpoint(graph),
        settings.target,
        unit.out,
        ema=settings.ema,
        trust=settings.trust,
        renames=settings.renames,
        tolerance=settings.tolerance,
        precision=settings.precision,
    )
