"""The net that scores, as a function of decoded pictures, and what is asked of it."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import TYPE_CHECKING

from legacy_nets.data.preprocessing import scale_pixels
from legacy_nets.engines.fast import PLAIN, Choice, load_fast
from legacy_nets.engines.fast_net import Agreement, FastNet
from legacy_nets.engines.table import AUTO
from legacy_nets.registry import get_net
from legacy_nets.types import Array

if TYPE_CHECKING:
    from legacy_nets.train.settings import Settings


@dataclasses.dataclass(frozen=True)
class ScoreJob:
    """What holds for every shard. It can be pickled."""

    settings: Settings  # of the net
    checkpoint: str  # weight file or prefix
    ema: bool | None  # moving averages; None: where there are any
    choice: Choice | None  # of --fast
    batch_size: int | None  # None: the net's own, see ``Network``
    top: int  # classes of each picture
    format: str  # one of ``rows.FORMATS``
    out: Path

    def get_output(self, shard: str) -> Path:
        """Returns the path of a shard's output by the shard's name."""
        return self.out / f"{shard}.{self.format}"

    def fix_engine(self, engine: str) -> ScoreJob:
        """Returns the job with the engine that ``auto`` has chosen."""
        if self.choice is None or self.choice.engine != AUTO:
            return self
        return dataclasses.replace(self, choice=dataclasses.replace(self.choice, engine=engine))


@dataclasses.dataclass(frozen=True)
class Network:
    """A loaded net."""

    settings: Settings
    preprocessing: str
    channels: int
    batch_size: int
    fast: FastNet

    def run(self, pictures: Array) -> Array:
        """Computes the probabilities [N, classes] of pictures with values from 0 to 255."""
        return self.fast(scale_pixels(pictures, self.preprocessing))

    def compare(self, pictures: Array) -> Agreement:
        """Compares the probabilities of pictures with those in float32."""
        return self.fast.compare(scale_pixels(pictures, self.preprocessing))

    def count_top(self, job: ScoreJob) -> int:
        """Counts the classes that a row has."""
        return min(job.top, len(self.settings.class_names))


def load_network(job: ScoreJob) -> Network:
    """Loads the net of a job. Raises CheckpointError for weights that do not match."""
    from legacy_nets.train.graph import choose_batch_size

    record = get_net(job.settings.net)
    fast = load_fast(job.settings, job.checkpoint, job.ema, job.choice or PLAIN)
    size = job.settings.image_size
    return Network(
        job.settings,
        fast.preprocessing,
        record.channels,
        job.batch_size or choose_batch_size(size),
        fast,
    )
