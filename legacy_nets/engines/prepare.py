"""Prepares a net of the registry for an engine: restored, frozen, batch norms folded."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from pathlib import Path

from legacy_nets.port.formats.frozen import freeze
from legacy_nets.port.jobs import Job, Metadata, Precision
from legacy_nets.port.load import load_weights
from legacy_nets.port.restored_net import restore_net
from legacy_nets.registry import get_net
from legacy_nets.train.settings import Settings
from legacy_nets.types import Array, GraphDef

Run = Callable[[Array], Array]  # images [N, ...] -> probabilities [N, classes]


@dataclasses.dataclass(frozen=True)
class FrozenNet:
    """A frozen net with the inputs ``images`` and the output ``probabilities``."""

    graph: GraphDef
    metadata: Metadata
    name: str  # what errors call it
    examples: Array  # to measure ranges of integers on: float32 [N, ...], N may be 0
    inputs: Array  # that engines are compared on: float32 [N, ...]
    has_attention: bool  # a transformer


def prepare(
    settings: Settings, checkpoint: str, ema: bool | None = None, calibration: Path | None = None
) -> FrozenNet:
    """Restores a net strictly and freezes it.

    Args:
      settings: those that the checkpoint is to be run with.
      checkpoint: weight file or checkpoint prefix.
      ema: use the moving averages; None: where the checkpoint has them.
      calibration: folder of pictures or clips that int8 is calibrated on.

    Raises CheckpointError that lists everything that does not match, and BadInputError.
    """
    record = get_net(settings.net)
    job = Job(
        checkpoint=checkpoint,
        net=record,
        target="frozen",
        out=Path(checkpoint),  # nothing is written
        num_classes=settings.num_classes,
        image_size=settings.image_size,
        preprocessing=settings.preprocessing or record.preprocessing,
        label_offset=settings.label_offset,
        options=settings.options,
        ema=ema,
        precision=Precision("int8" if calibration else "float32", calibration),
    )
    source, averaged, metadata, _ = load_weights(job)
    with restore_net(job, source, averaged) as net:
        graph = freeze(net).graph
    return FrozenNet(
        graph, metadata, record.name, net.examples, net.inputs, record.name.startswith("vit_")
    )
