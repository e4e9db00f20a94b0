"""Trains any net of the registry."""

from __future__ import annotations

import contextlib
import dataclasses
import math
import pathlib
import signal
import time
from collections.abc import Generator, Iterator

import numpy as np
from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TaskID,
    TextColumn,
    TimeRemainingColumn,
)

from legacy_nets import tf1 as tf
from legacy_nets.checkpoints.formats.bundle import list_complete_checkpoints
from legacy_nets.checkpoints.save import save_checkpoint
from legacy_nets.data.dataset import ImageData
from legacy_nets.data.splits import Images
from legacy_nets.drawing import label_classes, label_title, use_fonts
from legacy_nets.errors import TrainingError, join_lines
from legacy_nets.language import translate as _
from legacy_nets.language.lines import translate_line
from legacy_nets.progress import print_line, show_status
from legacy_nets.registry import get_net
from legacy_nets.train import report
from legacy_nets.train.batches import WHOLE, Share, prefetch, read_training_batches
from legacy_nets.train.graph import TrainingGraph, build_training, use_averages
from legacy_nets.train.meter import Meter, compute_loss_and_accuracy
from legacy_nets.train.precision import make_config
from legacy_nets.train.run_folder import lock_folder, prepare_folder, restore_newest
from legacy_nets.train.settings import (
    CHECKPOINT,
    Settings,
    build_heads,
    read_best,
    write_best,
)
from legacy_nets.train.warm_start import apply_warm_start
from legacy_nets.types import Array, Saver, Session

LOG_EVERY = 10  # steps
MAX_MISTAKES = 16  # pictures in the events of an evaluation


@dataclasses.dataclass(frozen=True)
class Result:
    """How a run ended."""

    step: int
    checkpoint: str
    test_accuracy: float | None  # of the last evaluation, None if there was none
    best_step: int | None
    best_accuracy: float
    stopped_by: str | None  # "SIGINT" or "SIGTERM" if a signal stopped the run


def train(
    settings: Settings,
    data: ImageData,
    folder: pathlib.Path,
    *,
    resume: bool = False,
    console: Console | None = None,
) -> Result:
    """Trains a net and leaves checkpoints, log, events, curve and settings in ``folder``.

    Auxiliary heads are trained too, unless an option of the settings leaves them out.
    A SIGINT or SIGTERM ends the run after the current step, with a checkpoint. A resumed run
    sees the batches of an uninterrupted run; dropout draws other random numbers.

    Raises BadInputError for a folder that holds a run already (unless ``resume``), that cannot
    be written or in which another process trains, CheckpointError for a save or warm start that
    fails, TrainingError for a loss that is not finite or a log that cannot be written.
    """
    console = console or Console(stderr=True, soft_wrap=True)
    given, settings = settings, build_heads(settings)
    if settings != given:
        option = get_net(settings.net).aux_option
        print_line(
            console,
            f"{settings.net} is trained with its auxiliary heads, {option}=true (without them: "
            f"--option {option}=false)",
        )
    with lock_folder(folder, console):
        complete = prepare_folder(settings, folder, resume, console)
        return _train(settings, data, folder, complete, console)


def _train(
    settings: Settings,
    data: ImageData,
    folder: pathlib.Path,
    complete: list[tuple[int, str]],
    console: Console,
) -> Result:
    """Trains from the newest of the complete checkpoints (step, prefix), in a prepared folder."""
    with tf.Graph().as_default() as graph:
        tf.set_random_seed(settings.seed)
        with show_status(f"building {settings.net} to be trained", console):
            net = build_training(settings)
            saver = tf.train.Saver(max_to_keep=None)
            initialize = tf.global_variables_initializer()
        config = make_config(settings.bf16)
        with tf.Session(config=config) as session, collect_stop_signals() as stop_signals:
            with show_status("initializing the weights", console):
                session.run(initialize)
                resumed = restore_newest(session, saver, complete, console)
                if resumed is None and settings.warm_start is not None:
                    apply_warm_start(settings.warm_start, settings, net, session, console)
            settings.save(folder)
            graph.finalize()  # anything that grows the graph in the loop is an error
            loop = Loop(settings, data, folder, net, session, saver, console, stop_signals)
            try:
                return loop.run(resumed)
            except (OSError, IndexError, tf.errors.OpError) as error:
                # Also a full disk; TensorFlow's event writer reports it as IndexError.
                raise TrainingError(
                    f"the run in {folder} stopped: {join_lines(error)[:300]}; older checkpoints "
                    "are unchanged: make room if the disk is full, then continue with --resume"
                ) from error


class _Stopped(Exception):
    """A signal asks to stop."""


class Loop:
    """The training loop, and what it carries from step to step.

    ``share``: of a replica that trains together with others. The step is that of all of them.
    """

    @property
    def evaluates(self) -> bool:
        """Whether it evaluates now and then, and at the end."""
        return True

    def __init__(
        self,
        settings: Settings,
        data: ImageData,
        folder: pathlib.Path,
        net: TrainingGraph,
        session: Session,
        saver: Saver,
        console: Console,
        stop_signals: list[str],
        share: Share = WHOLE,
    ) -> None:
        self.settings, self.data, self.folder = settings, data, folder
        self.net, self.session, self.saver = net, session, saver
        self.console, self.stop_signals, self.share = console, stop_signals, share
        self.labels = label_classes(data.class_names)
        self.step = self.step_before = 0
        self.saved: dict[int, str] = {}  # step -> prefix
        self.best_step: int | None = None
        self.best_accuracy = -1.0
        self.test_accuracy: float | None = None
        self.meter = Meter()

    def run(self, resumed: tuple[int, str] | None) -> Result:
        """Trains to the last step, or until a signal asks to stop."""
        settings = self.settings
        if resumed is not None:
            self._continue_from(*resumed)
        self.log = report.Log(self.folder, self.session.graph, self.step)
        batches = self.read_batches()
        with (
            contextlib.closing(batches),
            contextlib.closing(self.log),
            self._make_progress_bar() as bar,
        ):
            task = bar.add_task("", total=settings.steps, completed=self.step, numbers="")
            while self.step < settings.steps and not self.stop_signals:
                self.train_step(batches)
                self._log_step(bar, task)
                if self._is_due(settings.save_every) or self.stop_signals:
                    self.save()
        if self.step not in self.saved:  # no step was left, or a signal came before the first
            self.save()
        rows = report.read_log(self.log.csv_path)
        with use_fonts() as note:
            title = label_title(
                _("{net} on {data}").format(net=settings.net, data=translate_line(self.data.name))
            )
            report.draw_curve(rows, title, self.folder / "curve.png")
        for line in filter(None, (note, *title.notes, *self.labels.notes)):
            print_line(self.console, f"note: {line}")
        return Result(
            self.step,
            self.saved[self.step],
            self.test_accuracy,
            self.best_step,
            self.best_accuracy,
            stopped_by=self.stop_signals[0] if self.stop_signals else None,
        )

    def _continue_from(self, step: int, prefix: str) -> None:
        """Takes over the step and the best checkpoint of a resumed run."""
        self.step = step
        if step >= self.settings.steps:
            print_line(self.console, f"already at step {step} of {self.settings.steps}")
        self.saved = {step: prefix}
        best = read_best(self.folder)
        if best and best[0] in [saved for saved, _ in list_complete_checkpoints(self.folder)]:
            self.best_step, self.best_accuracy = best

    def _is_due(self, every: int) -> bool:
        """Whether the last step is the first at or after a multiple of ``every``, or the end."""
        return self.step // every > self.step_before // every or self.step == self.settings.steps

    def read_batches(self) -> Generator[Images, None, None]:
        """Reads the batches from the current step on, some in advance."""
        settings = self.settings
        return prefetch(
            read_training_batches(
                self.data.train,
                settings.batch_size,
                settings.seed,
                settings.augment,
                self.data.mirror_classes,
                first_step=self.step // self.share.steps,
                share=self.share,
            )
        )

    def train_step(self, batches: Iterator[Images]) -> None:
        """Takes one step on the next batch. Raises TrainingError for a loss that is not finite."""
        started = time.perf_counter()
        batch = next(batches)
        feed = self.net.make_feed(batch.pictures)
        feed |= {self.net.labels: batch.labels, self.net.is_training: True}
        loss, accuracy, step = self.session.run(
            [self.net.loss, self.net.accuracy, self.net.next_step], feed
        )
        seconds = time.perf_counter() - started
        self.step_before, self.step = self.step, min(int(step), self.settings.steps)
        if not math.isfinite(loss):
            problem = f"the loss is {loss} at step {self.step}"  # of the weights before this step
            raise self._make_error(problem, last_good=self.step - 2)
        self.meter.add(loss, accuracy, len(batch.labels), seconds)

    def _log_step(self, bar: Progress, task: TaskID) -> None:
        """Evaluates and writes a row of the log, if it is time for either."""
        evaluate = self.evaluates and self._is_due(self.settings.evaluate_every)
        if self._is_due(LOG_EVERY) or evaluate:
            row = self.meter.make_row()
            if evaluate:
                bar.update(task, numbers=translate_line("evaluating"))
                with contextlib.suppress(_Stopped):
                    row["test_loss"], row["test_accuracy"] = self._evaluate()
            self.log.write(self.step, **row)
            self._show_row(bar, task, row)
            self.meter = Meter()
        bar.update(task, completed=self.step)

    def _evaluate(self) -> tuple[float, float]:
        """Computes the test loss (cross entropy) and accuracy; records the best checkpoint.

        Uses the averaged weights where there are any. Raises _Stopped after a signal.
        """
        probabilities = self.score_test()
        loss, self.test_accuracy = compute_loss_and_accuracy(probabilities, self.data.test.labels)
        self._log_mistakes(probabilities)
        if self.test_accuracy > self.best_accuracy:
            self.save()  # the best so far stays until the new one is recorded
            write_best(self.folder, self.step, self.test_accuracy)
            self.best_step, self.best_accuracy = self.step, self.test_accuracy
        return loss, self.test_accuracy

    def score_test(self) -> Array:
        """Computes the probabilities of the test split [N, classes]. Raises as ``_evaluate``."""
        with use_averages(self.session, self.net):
            return self.net.score(self.session, self.data.test, report=self.stop_on_signal)

    def stop_on_signal(self, _: int) -> None:
        """Raises ``_Stopped`` after a signal."""
        if self.stop_signals:
            raise _Stopped

    def _log_mistakes(self, probabilities: Array) -> None:
        """Adds the first wrongly classified test pictures to the events; [N, classes]."""
        test, predicted = self.data.test, probabilities.argmax(1)
        mistakes = np.flatnonzero(predicted != test.labels)[:MAX_MISTAKES]
        if not len(mistakes):
            return
        [batch] = test.read([mistakes])
        predictions = report.collect_predictions(batch.labels, probabilities[mistakes])
        with use_fonts():
            grid = report.draw_grid(batch.pictures, predictions, self.labels)
        self.log.write_picture(self.step, "mistakes", grid)

    def save(self) -> None:
        """Saves a checkpoint of the current step, if there is none yet."""
        if self.step in self.saved:
            return
        if not self.session.run(self.net.finite):
            problem = f"weights are not finite after step {self.step}"
            raise self._make_error(problem, last_good=self.step - 1)
        self.saved[self.step] = save_checkpoint(
            self.session,
            self.saver,
            self.folder,
            self.step,
            CHECKPOINT,
            protect=self.list_protected(),
        )

    def list_protected(self) -> set[int]:
        """Lists the steps whose checkpoints are kept: the best."""
        return set() if self.best_step is None else {self.best_step}

    def _make_error(self, problem: str, last_good: int) -> TrainingError:
        """Makes the error for numbers that are not finite, which the step after ``last_good`` made.

        A later checkpoint leads to the same error.
        """
        saved = list_complete_checkpoints(self.folder)
        good = [prefix for step, prefix in saved if step <= last_good]
        advice = f"the last good checkpoint is {good[-1]}" if good else "none was saved"
        bad = self.saved.get(last_good + 1)
        if bad is not None:
            advice += f", {bad} leads here: delete it before you resume"
        return TrainingError(
            f"{problem}; {advice}: try a lower --learning-rate, and continue with --resume or "
            "start again in another folder"
        )

    def _make_progress_bar(self) -> Progress:
        return Progress(
            BarColumn(),
            MofNCompleteColumn(),
            TimeRemainingColumn(),
            TextColumn("{task.fields[numbers]}"),
            console=self.console,
            disable=not self.console.is_terminal,
        )

    def _show_row(self, bar: Progress, task: TaskID, row: dict[str, float]) -> None:
        """Shows a row of the log next to the bar; prints it if it is of an evaluation."""
        loss, train, test = row["loss"], row["train_accuracy"], self.test_accuracy
        speed = f"{row['images_per_second']:.0f} {translate_line(self.data.unit)}/s"
        numbers = f"loss {loss:.4f}  train {train:.3f}  {speed}"
        if test is not None:
            numbers = f"loss {loss:.4f}  train {train:.3f}  test {test:.3f}  {speed}"
        bar.update(task, numbers=translate_line(numbers))
        if "test_accuracy" in row:  # stays on the screen, and in a log without a terminal
            print_line(bar.console, f"step {self.step}/{self.settings.steps}  {numbers}")


@contextlib.contextmanager
def collect_stop_signals() -> Iterator[list[str]]:
    """Collects the names of SIGINT and SIGTERM in a list while the block runs."""
    names: list[str] = []

    def collect(number: int, _: object) -> None:
        names.append(signal.Signals(number).name)

    numbers = (signal.SIGINT, signal.SIGTERM)
    try:
        handlers = {number: signal.signal(number, collect) for number in numbers}
    except ValueError:  # not the main thread: signals go elsewhere
        yield names
        return
    try:
        yield names
    finally:
        for number, handler in handlers.items():
            signal.signal(number, handler)
