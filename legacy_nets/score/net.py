"""The net that scores, as a function of decoded pictures, and what is asked of it."""

from __future__ import annotations

import contextlib
import dataclasses
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

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

    fast: FastNet
    channels: int
    batch_size: int

    @property
    def settings(self) -> Settings:
        """Size and classes."""
        return self.fast.settings

    def run(self, pictures: Array) -> Array:
        """Computes the probabilities [N, classes] of pictures with values from 0 to 255."""
        return self.fast(self.fast.scale(pictures))

    def compare(self, pictures: Array) -> Agreement:
        """Compares the probabilities of pictures with those in float32."""
        return self.fast.compare(self.fast.scale(pictures))


@contextlib.contextmanager
def open_network(job: ScoreJob) -> Iterator[Network]:
    """Loads the net of a job, for use in the block.

    Raises CheckpointError for weights that do not match.
    """
    from legacy_nets.port.formats.frozen import MAX_BYTES
    from legacy_nets.train.graph import choose_batch_size

    record = get_net(job.settings.net)
    batch_size = job.batch_size or choose_batch_size(job.settings.image_size)
    if job.choice is None and 4 * record.parameters > MAX_BYTES:  # too large for a frozen graph
        with _open_plain(job) as net:
            yield Network(net, record.channels, batch_size)
    else:
        fast = load_fast(job.settings, job.checkpoint, job.ema, job.choice or PLAIN)
        yield Network(fast, record.channels, batch_size)


@contextlib.contextmanager
def _open_plain(job: ScoreJob) -> Iterator[FastNet]:
    """Restores the net into a session."""
    from legacy_nets.tf1.callables import make_callable
    from legacy_nets.train.evaluate import restore_net

    with restore_net(job.settings, job.checkpoint, job.ema, inference=True) as (
        net,
        session,
        averaged,
    ):
        run = make_callable(session, net.images.name, net.probabilities.name)
        yield FastNet(job.settings, net.preprocessing, averaged, "tensorflow", "fp32", 0, run, run)
