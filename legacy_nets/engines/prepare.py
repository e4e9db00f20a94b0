"""Prepares a net of the registry for an engine: restored, frozen, batch norms folded."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from pathlib import Path

import numpy as np

from legacy_nets.data.preprocessing import scale_pixels
from legacy_nets.graphdef.traverse import has_attention
from legacy_nets.nets.build import unroll_loops
from legacy_nets.port.calibration import load_pictures
from legacy_nets.port.formats.frozen import freeze_outputs
from legacy_nets.port.jobs import INPUT, OUTPUTS
from legacy_nets.registry import get_net
from legacy_nets.train.evaluate import restore_net
from legacy_nets.train.settings import Settings
from legacy_nets.types import Array, GraphDef

COMPARED = 2  # generated images that engines are compared on
Run = Callable[[Array], Array]  # images [N, ...] -> probabilities [N, classes]


@dataclasses.dataclass(frozen=True)
class FrozenNet:
    """A frozen net with the input ``images`` and the outputs ``logits`` and ``probabilities``."""

    graph: GraphDef
    name: str  # what errors call it
    preprocessing: str
    averaged: bool  # the weights are moving averages
    examples: Array  # to measure ranges of integers on: float32 [N, ...], N may be 0
    inputs: Array  # that engines are compared on: float32 [N, ...]
    batch: int  # images that it is mostly run on at once

    @property
    def has_attention(self) -> bool:
        """Whether it is a transformer."""
        return has_attention(self.graph, [INPUT])


def prepare(
    settings: Settings,
    checkpoint: str,
    ema: bool | None = None,
    calibration: Path | None = None,
    *,
    batch: int,
) -> FrozenNet:
    """Restores a net strictly and freezes it.

    Args:
      settings: those that the checkpoint is to be run with.
      checkpoint: weight file or checkpoint prefix.
      ema: use the moving averages; None: where the checkpoint has them.
      calibration: folder of pictures or clips that int8 is calibrated on.
      batch: images that it is mostly run on at once.

    Raises CheckpointError that lists everything that does not match, and BadInputError.
    """
    record = get_net(settings.net)
    preprocessing = settings.preprocessing or record.preprocessing
    options = unroll_loops(record, settings.options)  # ONNX has no lists of tensors in loops
    graph, averaged = _freeze(dataclasses.replace(settings, options=options), checkpoint, ema)
    examples = load_pictures(calibration, record, settings.image_size, preprocessing)
    inputs = examples[:COMPARED]
    if calibration is None:
        pictures = np.random.default_rng(0).integers(
            0, 256, (COMPARED, *settings.image_size, record.channels), np.uint8
        )
        inputs = scale_pixels(pictures, preprocessing)
    return FrozenNet(graph, record.name, preprocessing, averaged, examples, inputs, batch)


def _freeze(settings: Settings, checkpoint: str, ema: bool | None) -> tuple[GraphDef, bool]:
    """Freezes a net; tells whether its weights are moving averages."""
    with restore_net(settings, checkpoint, ema, inference=True) as (net, session, averaged):
        outputs = dict(zip(OUTPUTS, (net.logits, net.probabilities), strict=True))
        return freeze_outputs(session.graph, session, outputs).graph, averaged
