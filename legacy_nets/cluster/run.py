"""Trains in one task of a cluster, through losses of other tasks."""

from __future__ import annotations

import dataclasses
import pathlib
import time

from rich.console import Console

from legacy_nets import tf1 as tf
from legacy_nets.checkpoints.formats.bundle import list_complete_checkpoints
from legacy_nets.cluster.board import LOST, Board, Terms, check_terms
from legacy_nets.cluster.loops import ChiefLoop, ClusterLoop, WorkerLoop
from legacy_nets.cluster.network import wait_for
from legacy_nets.cluster.replica import Replica, build_replica, open_session
from legacy_nets.cluster.server import make_config, start_server
from legacy_nets.cluster.task import Task
from legacy_nets.cluster.watch import Watch
from legacy_nets.data.dataset import ImageData
from legacy_nets.errors import BadInputError, TrainingError, join_lines
from legacy_nets.progress import print_line, show_status
from legacy_nets.train.loop import Result, collect_stop_signals
from legacy_nets.train.run_folder import lock_folder, prepare_folder, restore_newest
from legacy_nets.train.settings import Settings, build_heads
from legacy_nets.train.warm_start import apply_warm_start
from legacy_nets.types import Session

MAX_LOSSES = 10  # of tasks, without a step between them
_POLL = 0.5  # seconds


@dataclasses.dataclass(frozen=True)
class ClusterOptions:
    """How the tasks of a cluster work together."""

    sync: bool = False  # take each step together, on the mean of all gradients
    wait: float = 300.0  # seconds to wait for another task


def train_in_cluster(
    task: Task,
    settings: Settings,
    data: ImageData,
    folder: pathlib.Path,
    options: ClusterOptions,
    console: Console,
) -> Result:
    """Trains as the chief or a worker of a cluster.

    The chief writes to ``folder`` what ``train`` does. It continues a run that the folder holds:
    a task that was killed is started with the command that it had. A worker writes nothing, and
    takes steps and rates from the chief.

    Raises as ``train``, and BadInputError where a task does not answer in time or has other terms.
    """
    trainer = _Trainer(task, build_heads(settings), data, folder, options, console)
    if not task.is_chief:
        return trainer.run()
    with lock_folder(folder, console):
        prepare_folder(settings, folder, resume=True, console=console)
        return trainer.run()


class _Trainer:
    """A trainer of a cluster, and what it keeps when another task is lost."""

    def __init__(
        self,
        task: Task,
        settings: Settings,
        data: ImageData,
        folder: pathlib.Path,
        options: ClusterOptions,
        console: Console,
    ) -> None:
        self.task, self.settings, self.data, self.folder = task, settings, data, folder
        self.options, self.console = options, console
        self.chief = 0  # the number of its start that this worker has joined
        self.has_new_chief = False  # the chief was started again meanwhile
        self.resumed: tuple[int, str] | None = None  # step and prefix

    def run(self) -> Result:
        """Trains to the last step, or until a signal asks to stop."""
        self.target = start_server(self.task).target
        self.board = Board(self.task, self.target, make_config(self.task))
        replica: Replica | None = None
        losses, best_step = 0, -1
        with tf.Graph().as_default():
            tf.set_random_seed(self.settings.seed + self.task.trainer_index)
            while True:
                self.step = -1
                try:
                    self._meet()
                    replica = replica or self._build()
                    return self._train(replica)
                except LOST as error:
                    losses = 1 if self.step > best_step else losses + 1
                    best_step = max(self.step, best_step)
                    self._report_loss(error, losses)
                except (OSError, IndexError, tf.errors.OpError) as error:
                    raise TrainingError(
                        f"{self.task.name} stopped: {join_lines(error)[:300]}; older checkpoints "
                        f"in {self.folder} are unchanged: start it again with the same command"
                    ) from error

    def _meet(self) -> None:
        """Waits for the ps, then agrees on the terms: those of the chief."""
        task, wait = self.task, self.options.wait
        wait_for(task.parameter_servers, "ps", wait, self._report)
        own = Terms(self.settings, self.options.sync)
        if task.is_chief:
            self.board.publish(own)
            return
        started = time.monotonic()
        while (terms := self.board.read_terms()) is None:
            if time.monotonic() - started > wait:
                raise BadInputError(
                    f"no sign of {task.trainers[0]}, the chief: waited {wait:.0f} seconds; start it"
                )
            time.sleep(_POLL)
        check_terms(terms, own, task)
        self.chief, self.has_new_chief = terms.chief, False
        self.settings = dataclasses.replace(  # steps and rates are the chief's
            terms.settings, data_path=own.settings.data_path, strict=own.settings.strict
        )

    def _build(self) -> Replica:
        with show_status(f"building {self.settings.net} to be trained", self.console):
            return build_replica(self.settings, self.task, self.options.sync)

    def _train(self, replica: Replica) -> Result:
        """Trains in one session, and leaves the cluster after the last step."""

        def prepare(session: Session) -> None:
            self._prepare(replica, session)

        with (
            collect_stop_signals() as stop_signals,
            open_session(replica, self.task, self.target, prepare, self.options.wait) as session,
        ):
            make_loop = ChiefLoop if self.task.is_chief else WorkerLoop
            loop: ClusterLoop = make_loop(
                self.task,
                self.settings,
                self.data,
                self.folder,
                replica,
                session,
                self.console,
                stop_signals,
                self.board,
            )

            def join_again(chief: int) -> None:
                if self.options.sync and not self.task.is_chief and chief != self.chief:
                    self.has_new_chief = True
                    session.close()  # it may wait for a token of the chief before

            try:
                with Watch(self.task, self.board, loop.is_stuck, self._report, join_again):
                    result = loop.run(self.resumed)
            except RuntimeError as error:
                if not self.has_new_chief:
                    raise
                raise tf.errors.CancelledError(None, None, "the chief was started again") from error
            finally:
                self.step = loop.step
            if not result.stopped_by:
                self.board.leave()
            return result

    def _prepare(self, replica: Replica, session: Session) -> None:
        """Gives the variables their values: the newest checkpoint, a warm start, initial ones.

        The global step comes last: the workers wait for it.
        """
        net, complete = replica.net, list_complete_checkpoints(self.folder)
        with show_status("initializing the weights", self.console):
            self.resumed = restore_newest(session, replica.saver, complete, self.console)
            if self.resumed is None:
                session.run(replica.initialize)
                if self.settings.warm_start is not None:
                    warm_start = self.settings.warm_start
                    apply_warm_start(warm_start, self.settings, net, session, self.console)
                session.run(net.global_step.initializer)
        self.settings.save(self.folder)

    def _report(self, line: str) -> None:
        print_line(self.console, line)

    def _report_loss(self, error: tf.errors.OpError, losses: int) -> None:
        """Reports that a task was lost. Raises TrainingError where that comes again and again."""
        reason = join_lines(error)[:200]
        if losses > MAX_LOSSES:
            raise TrainingError(
                f"{self.task.name} lost the cluster {losses} times without a step: {reason}; see "
                "the logs of the ps"
            ) from error
        what = "going on from the newest checkpoint" if self.task.is_chief else "joining again"
        self._report(f"{self.task.name} lost a task at step {self.step} ({reason}): {what}")
        time.sleep(_POLL)
