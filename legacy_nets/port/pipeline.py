"""One port: from a checkpoint to a verified file in its place."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import TYPE_CHECKING, Any

import legacy_nets
from legacy_nets import registry
from legacy_nets.checkpoints.open import find_weights, open_weights
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

if TYPE_CHECKING:
    from legacy_nets.port.imported.job import ForeignJob

TOLERANCE = 1e-4  # of the largest value


@dataclasses.dataclass(frozen=True)
class Job:
    """What to port and how the net was built that the checkpoint is of."""

    checkpoint: str
    net: str
    target: str
    out: Path
    num_classes: int
    image_size: tuple[int, ...]
    label_offset: int = 0  # logits before the first class
    pixels: str = ""  # preprocessing; "" is the registry's
    class_names: tuple[str, ...] = ()
    options: dict[str, Any] = dataclasses.field(default_factory=dict)  # of the net's function
    ema: bool | None = None  # averaged weights; None: where there are any
    tolerance: float = TOLERANCE

    def metadata(self, averaged: bool) -> dict[str, Any]:
        """What the target is told about itself."""
        return {
            "writer": f"legacy_nets {legacy_nets.__version__}",
            "net": self.net,
            "checkpoint": Path(self.checkpoint).name,
            "weights": "averaged" if averaged else "raw",
            "num_classes": self.num_classes,
            "label_offset": self.label_offset,
            "image_size": list(self.image_size),
            "pixels": self.pixels or registry.get_net(self.net).pixels,
            "options": self.options,
            **({"class_names": list(self.class_names)} if self.class_names else {}),
        }


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
    notes = tuple(getattr(source, "notes", ()))
    if target.weights:  # else the graph is built, and says it
        check_scope(source, job.net, job.options.get("scope"))
        notes += class_notes(source, job.label_offset + job.num_classes)
    averaged = use_averages(source, job.ema)
    metadata = job.metadata(averaged)
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
    job: Job | ForeignJob,
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
