"""The loops of chief and worker: the training loop, on variables that others change, too."""

from __future__ import annotations

import contextlib
import pathlib
import time
from collections.abc import Generator

from rich.console import Console

from legacy_nets.cluster.board import Board
from legacy_nets.cluster.replica import Replica
from legacy_nets.cluster.scorer import Scorer
from legacy_nets.cluster.task import Task
from legacy_nets.data.dataset import ImageData
from legacy_nets.data.splits import Images
from legacy_nets.language.lines import translate_line
from legacy_nets.progress import print_line
from legacy_nets.train.batches import Share
from legacy_nets.train.loop import Loop, Result
from legacy_nets.train.meter import Meter
from legacy_nets.train.settings import Settings, read_best
from legacy_nets.types import Array, Session

STUCK = 10.0  # seconds in which a batch must be read
_REPORT_EVERY = 10.0  # seconds
_POLL = 0.5  # seconds


class ClusterLoop(Loop):
    """The loop of a trainer whose session is on a cluster."""

    def __init__(
        self,
        task: Task,
        settings: Settings,
        data: ImageData,
        folder: pathlib.Path,
        replica: Replica,
        session: Session,
        console: Console,
        stop_signals: list[str],
        board: Board,
    ) -> None:
        trainers = len(task.trainers)
        share = Share(
            task.trainer_index, trainers, steps=1 if replica.net.sync is not None else trainers
        )
        net, saver = replica.net, replica.saver
        super().__init__(settings, data, folder, net, session, saver, console, stop_signals, share)
        self.task, self.board = task, board
        self._reading_since: float | None = None

    def is_stuck(self) -> bool:
        """Whether the next batch is not read in time."""
        since = self._reading_since
        return since is not None and time.monotonic() - since > STUCK

    def read_batches(self) -> Generator[Images, None, None]:
        """See ``Loop``."""
        with contextlib.closing(super().read_batches()) as batches:
            while True:
                self._reading_since = time.monotonic()
                batch = next(batches)
                self._reading_since = None
                yield batch


class ChiefLoop(ClusterLoop):
    """The loop of a chief: scores checkpoints in this process, unless there is an evaluator."""

    _scorer: Scorer | None = None

    @property
    def evaluates(self) -> bool:
        """See ``Loop``."""
        return not self.task.has_evaluator

    def score_test(self) -> Array:
        """See ``Loop``. Other trainers change the weights on the ps: a checkpoint is scored."""
        self.save()
        self._scorer = self._scorer or Scorer(self.settings)
        prefix = self.saved[self.step]
        return self._scorer.score(prefix, self.data.test, self.stop_on_signal)

    def list_protected(self) -> set[int]:
        """See ``Loop``. Where there is an evaluator, it records the best."""
        best = None if self.evaluates else read_best(self.folder)
        return super().list_protected() if best is None else {best[0]}


class WorkerLoop(ClusterLoop):
    """The loop of a worker, which writes nothing: it trains until the chief has finished."""

    def run(self, resumed: tuple[int, str] | None) -> Result:
        """See ``Loop``."""
        self.step = self._read_step()
        reported = time.monotonic()
        with contextlib.closing(self.read_batches()) as batches:
            while not self.stop_signals:
                if self.step < self.settings.steps:
                    self.train_step(batches)
                    if time.monotonic() - reported > _REPORT_EVERY:
                        reported = time.monotonic()
                        self._report()
                elif self.board.has_chief_left():
                    break
                else:  # the chief may go back to an earlier checkpoint
                    time.sleep(_POLL)
                    self.step = self._read_step()
        stopped_by = self.stop_signals[0] if self.stop_signals else None
        return Result(self.step, "", None, None, -1.0, stopped_by)

    def _read_step(self) -> int:
        return min(int(self.session.run(self.net.global_step)), self.settings.steps)

    def _report(self) -> None:
        row = self.meter.make_row()
        self.meter = Meter()
        speed = f"{row['images_per_second']:.0f} {translate_line(self.data.unit)}/s"
        print_line(
            self.console,
            f"{self.task.name}: step {self.step}/{self.settings.steps}  "
            f"loss {row['loss']:.4f}  {speed}",
        )
