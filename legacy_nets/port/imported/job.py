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

import legacy_nets
from legacy_nets.checkpoints.open import find_weights, open_weights
from legacy_nets.errors import BadInputError, CheckpointError, LegacyNetsError, one_line
from legacy_nets.files import not_there
from legacy_nets.port.pipeline import TOLERANCE, settled
from legacy_nets.port.report import Comparison, Report
from legacy_nets.port.staging import check_room, workshop
from legacy_nets.port.targets import TARGETS, load_target
from legacy_nets.port.weights import tensors_of, use_averages
from legacy_nets.sandbox import memory_for, run_limited

FORMATS = ("frozen", "saved_model", "onnx", "npz", "safetensors")
GRAPHS = (".meta", ".pb", ".pbtxt")
SAVED_MODEL = "saved_model.pb"  # of which the variables lie in a folder beside it
_SECONDS = 1800.0  # that a child may take
_GIB = 8.0  # of address space, the size of the files aside


@dataclasses.dataclass(frozen=True)
class ForeignJob:
    """What to port; what is not said is found."""

    model: Path  # .meta, .pb, .pbtxt or saved_model.pb
    checkpoint: str  # "": a frozen graph
    target: str
    out: Path
    inputs: tuple[str, ...] = ()
    outputs: tuple[str, ...] = ()
    shapes: Mapping[str, str] = dataclasses.field(default_factory=dict)  # "1,224,224,3"
    settings: Mapping[str, str] = dataclasses.field(default_factory=dict)  # placeholder -> value
    ema: bool | None = None  # moving averages; None: where there are any
    trust: bool = False
    tolerance: float = TOLERANCE

    def metadata(self, averaged: bool) -> dict[str, Any]:
        """What the target is told about itself."""
        return {
            "writer": f"legacy_nets {legacy_nets.__version__}",
            "model": self.model.name,
            "checkpoint": Path(self.checkpoint).name,
            "weights": "averaged" if averaged else "raw",
        }


def checkpoint_of(model: Path) -> str:
    """The checkpoint that a graph lies beside; "" for one that has its weights in it.

    Raises CheckpointError where there is none.
    """
    _check_there(model)
    variables = model.parent / "variables" / "variables"
    if model.name == SAVED_MODEL and Path(f"{variables}.index").is_file():
        return str(variables)
    if model.suffix != ".meta":
        return ""
    prefix = str(model).removesuffix(".meta")
    try:
        return find_weights(prefix)
    except CheckpointError:
        raise CheckpointError(
            f"{model}: no checkpoint {prefix} lies beside it: name it before --meta"
        ) from None


def _check_there(model: Path) -> None:
    """Raises CheckpointError where there is no such file."""
    if model.is_file():
        return
    raise CheckpointError(
        f"{model}: no such file (a checkpoint's .meta, or a frozen .pb){not_there(model)}"
    )


def port_foreign(job: ForeignJob) -> Report:
    """Writes, verifies, and moves into place; a report that failed leaves no file behind.

    Raises BadInputError and CheckpointError for what cannot be read, found, run or written.
    """
    if job.target not in FORMATS:
        raise BadInputError(
            f"--to {job.target} needs --net: a graph of your own goes to {', '.join(FORMATS)}"
        )
    _check_there(job.model)
    if job.checkpoint.endswith(GRAPHS):
        raise BadInputError(
            f"--meta {job.model}: its weights are a checkpoint, and {job.checkpoint} is a graph "
            f"that has its own: name the checkpoint, or leave out --meta to port {job.checkpoint}"
        )
    check_room(job.out, job.target == "saved_model", [job.model, job.checkpoint or job.model])
    if job.model.name == SAVED_MODEL:  # what it serves is the reference
        job = dataclasses.replace(job, ema=bool(job.ema))
    with workshop(job.out) as folder:
        made = folder / job.out.name
        weights = TARGETS[job.target].weights
        averaged = False
        if weights or job.checkpoint:
            source = open_weights(job.checkpoint or job.model)
            averaged = use_averages(source, job.ema)
        elif job.ema:
            raise BadInputError("--ema: a frozen graph has one set of weights: leave it out")
        if weights:
            notes = tuple(getattr(source, "notes", ()))
            write = load_target(job.target).write
            comparisons = tuple(write(made, tensors_of(source, averaged), job.metadata(averaged)))
        else:
            asked = job if job.ema else dataclasses.replace(job, ema=None if averaged else False)
            comparisons, notes, averaged = run_limited(
                work, asked, made, what=str(job.model), seconds=_SECONDS, gib=_memory(job)
            )
        metadata = job.metadata(averaged)
        name, origin = job.model.name, job.checkpoint or str(job.model)
        return settled(job, folder, name, origin, averaged, metadata, comparisons, notes)


def _memory(job: ForeignJob) -> float:
    """GiB of address space that a child may take, by the size of the files."""
    prefix = Path(job.checkpoint or job.model)
    return memory_for(job.model, *prefix.parent.glob(f"{prefix.name}*"), least=_GIB)


def work(job: ForeignJob, made: Path) -> tuple[tuple[Comparison, ...], tuple[str, ...], bool]:
    """In the child: from the files to a target that has been run.

    Returns its comparisons, notes, and whether moving averages stand in the variables' place.
    """
    try:
        return _work(job, made)
    except (LegacyNetsError, MemoryError):
        raise
    except Exception as error:  # what TensorFlow and tf2onnx raise is past foreseeing
        said = f"{type(error).__name__}: {one_line(error)[:300]}"
        raise BadInputError(
            f"{job.model} could not be ported ({said}): try other --outputs or --to"
        ) from error


def _work(job: ForeignJob, made: Path) -> tuple[tuple[Comparison, ...], tuple[str, ...], bool]:
    from legacy_nets.quiet import quiet_tensorflow

    quiet_tensorflow()
    load_target(job.target)
    from legacy_nets.port.imported import targets
    from legacy_nets.port.imported.freeze import frozen_model

    model, notes, averaged = frozen_model(job)
    notes += targets.write(job.target, made, model, job.metadata(averaged))
    runs = targets.runs(job.target, made, model)
    return tuple(_compared(model.reference, runs)), notes, averaged


def _compared(
    reference: Mapping[str, Any], runs: Iterator[tuple[str, Mapping[str, Any]]]
) -> Iterator[Comparison]:
    for side, found in runs:
        for name, want in reference.items():
            yield Comparison.of(name, want, np.asarray(found[name]), side)
