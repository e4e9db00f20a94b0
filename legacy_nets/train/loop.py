"""The training loop of every net of the registry. Knows nothing of what is pictured."""

from __future__ import annotations

import contextlib
import dataclasses
import json
import math
import pathlib
import signal
import time
from collections.abc import Iterator
from typing import Any

import numpy as np
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from legacy_nets import tf1 as tf
from legacy_nets.checkpoints.formats.bundle import (
    explain_incomplete_checkpoints,
    list_complete_checkpoints,
    read_bundle,
)
from legacy_nets.checkpoints.restore import match
from legacy_nets.checkpoints.save import save_checkpoint
from legacy_nets.data.dataset import ImageData, prefetch, training_batches
from legacy_nets.errors import BadInputError, CheckpointError, TrainingError, join_lines
from legacy_nets.files import replace_on_success
from legacy_nets.train import report
from legacy_nets.train.graph import TrainingGraph, averaged_weights, build_training
from legacy_nets.train.settings import (
    BEST_FILE,
    CHECKPOINT,
    Settings,
    load_settings,
    read_best,
    refuse_file,
)
from legacy_nets.train.warm_start import WarmStart, start_from

LOG_EVERY = 10


@dataclasses.dataclass(frozen=True)
class Result:
    """How a run ended."""

    step: int
    checkpoint: str
    test_accuracy: float | None  # of the last evaluation, None where there was none
    best_step: int | None
    best_accuracy: float
    stopped_by: str | None  # "SIGINT" or "SIGTERM" where the run was asked to stop


def train(
    settings: Settings,
    data: ImageData,
    folder: pathlib.Path,
    *,
    resume: bool = False,
    warm_start: WarmStart | None = None,
    console: Console | None = None,
) -> Result:
    """Trains a net and leaves checkpoints, log, events, curve and settings in ``folder``.

    A SIGINT or SIGTERM ends the run after the step under way, with a checkpoint. A resumed run
    sees the batches that an uninterrupted one would have seen; dropout draws anew.

    Raises BadInputError for a folder that holds a run already (unless ``resume``) or that cannot
    be written, CheckpointError for a save or warm start that fails, TrainingError for a loss
    that is not finite or a log that cannot be written.
    """
    console = console or Console(stderr=True, soft_wrap=True)
    complete = prepare_folder(settings, folder, resume, console)
    with tf.Graph().as_default() as graph:
        tf.set_random_seed(settings.seed)
        net = build_training(settings)
        saver = tf.train.Saver(max_to_keep=None)
        initialize = tf.global_variables_initializer()
        with tf.Session() as session, stop_requests() as stop:
            session.run(initialize)
            resumed = restore_newest(session, saver, complete, console)
            if resumed is None and warm_start is not None:
                start_from(warm_start, settings, net, session, console)
            settings.save(folder)
            graph.finalize()  # anything that grows the graph in the loop is an error
            run = _Run(settings, data, folder, net, session, saver, console, stop)
            try:
                return run.until_done(resumed)
            except (OSError, IndexError, tf.errors.OpError) as error:
                # A full disk among them; TensorFlow's event writer reports it as IndexError.
                raise TrainingError(
                    f"the run in {folder} stopped: {join_lines(error)[:300]}; its "
                    "checkpoints stand: make room where the disk is full, then go on with --resume"
                ) from error


class _Run:
    """The loop and what it carries from step to step."""

    def __init__(
        self,
        settings: Settings,
        data: ImageData,
        folder: pathlib.Path,
        net: TrainingGraph,
        session: Any,
        saver: Any,
        console: Console,
        stop: list[str],
    ) -> None:
        self.settings, self.data, self.folder = settings, data, folder
        self.net, self.session, self.saver = net, session, saver
        self.console, self.stop = console, stop
        self.saved: dict[int, str] = {}
        self.best_step: int | None = None
        self.best_accuracy = -1.0
        self.test_accuracy: float | None = None

    def until_done(self, resumed: tuple[int, str] | None) -> Result:
        settings = self.settings
        first_step = 0
        if resumed is not None:
            first_step = resumed[0]
            if first_step >= settings.steps:
                self.console.print(f"already at step {first_step} of {settings.steps}")
            self.saved = {first_step: resumed[1]}
            best = read_best(self.folder)
            if best and best[0] in [step for step, _ in list_complete_checkpoints(self.folder)]:
                self.best_step, self.best_accuracy = best
        self.log = report.Log(self.folder, self.session.graph, first_step)
        batches = prefetch(
            training_batches(
                self.data.train,
                settings.batch_size,
                settings.seed,
                settings.augment,
                self.data.mirror_classes,
                first_step,
            )
        )
        step = first_step
        with contextlib.closing(batches), contextlib.closing(self.log), self._progress() as bar:
            task = bar.add_task("", total=settings.steps, completed=step, numbers="")
            losses, accuracies, images, seconds = [], [], 0, 0.0
            while step < settings.steps and not self.stop:
                started = time.perf_counter()
                batch = next(batches)
                feed = self.net.feed(batch.pictures)
                feed |= {self.net.labels: batch.labels, self.net.is_training: True}
                loss, accuracy, _ = self.session.run(
                    [self.net.loss, self.net.accuracy, self.net.train_step], feed
                )
                seconds += time.perf_counter() - started
                step += 1
                if not math.isfinite(loss):
                    self._refuse_loss(step, loss)
                losses.append(loss)
                accuracies.append(accuracy)
                images += len(batch.labels)
                last = step == settings.steps
                evaluate = step % settings.evaluate_every == 0 or last
                if step % LOG_EVERY == 0 or evaluate:
                    row = {
                        "loss": float(np.mean(losses)),
                        "train_accuracy": float(np.mean(accuracies)),
                        "images_per_second": images / seconds,
                    }
                    if evaluate:
                        row["test_loss"], row["test_accuracy"] = self._evaluate(step)
                    self.log.write(step, **row)
                    self._say(bar, task, step, row)
                    losses, accuracies, images, seconds = [], [], 0, 0.0
                bar.update(task, completed=step)
                if step % settings.save_every == 0 or last or self.stop:
                    self._save(step)
        if step not in self.saved:  # nothing was left to do, or a signal came before a step
            self._save(step)
        rows = report.read_log(self.log.csv_path)
        report.draw_curve(rows, f"{settings.net} on {self.data.name}", self.folder / "curve.png")
        return Result(
            step,
            self.saved[step],
            self.test_accuracy,
            self.best_step,
            self.best_accuracy,
            self.stop[0] if self.stop else None,
        )

    def _evaluate(self, step: int) -> tuple[float, float]:
        """Held-out loss (cross entropy) and accuracy, with the averaged weights where there are
        any; keeps the best."""
        test = self.data.test
        with averaged_weights(self.session, self.net.averages):
            probabilities = self.net.score(self.session, test)
        predicted = probabilities.argmax(1)
        wrong = np.flatnonzero(predicted != test.labels)
        self.test_accuracy = float((predicted == test.labels).mean())
        if len(wrong):
            chosen = wrong[:16]
            captions = [
                report.caption(
                    int(test.labels[i]),
                    int(predicted[i]),
                    float(probabilities[i].max()),
                    self.data.class_names,
                )
                for i in chosen
            ]
            [shown] = test.read([chosen])
            self.log.picture(step, "mistakes", report.draw_grid(shown.pictures, captions))
        if self.test_accuracy > self.best_accuracy:
            self._save(step)  # the best so far stays until the new one is written down
            with replace_on_success(self.folder / BEST_FILE) as unfinished:
                unfinished.write_text(
                    json.dumps({"step": step, "test_accuracy": self.test_accuracy}) + "\n"
                )
            self.best_step, self.best_accuracy = step, self.test_accuracy
        right = probabilities[np.arange(len(predicted)), test.labels]
        return float(-np.log(np.maximum(right, 1e-12)).mean()), self.test_accuracy

    def _save(self, step: int) -> None:
        if step not in self.saved:
            if not self.session.run(self.net.finite):
                self._refuse_loss(step, "finite, but weights are not")
            protect = {self.best_step} if self.best_step is not None else set()
            self.saved[step] = save_checkpoint(
                self.session,
                self.saver,
                self.folder,
                step,
                CHECKPOINT,
                protect=protect,
            )

    def _refuse_loss(self, step: int, what: object) -> None:
        """A loss at a step condemns the weights of the step before it, saved or not."""
        good = [saved for saved in list_complete_checkpoints(self.folder) if saved[0] < step - 1]
        last = f"the last good checkpoint is {good[-1][1]}" if good else "none was saved"
        spoilt = self.saved.get(step - 1)
        if spoilt is not None:
            last += f", {spoilt} leads here: delete it before you resume"
        raise TrainingError(
            f"the loss is {what} at step {step}; {last}: try a lower --learning-rate, and go on "
            "with --resume or start anew in another folder"
        )

    def _progress(self) -> Progress:
        return Progress(
            BarColumn(),
            MofNCompleteColumn(),
            TimeRemainingColumn(),
            TextColumn("{task.fields[numbers]}"),
            console=self.console,
            disable=not self.console.is_terminal,
        )

    def _say(self, bar: Progress, task: Any, step: int, row: dict[str, float]) -> None:
        numbers = (
            f"loss {row['loss']:.4f}  train {row['train_accuracy']:.3f}"
            + (f"  test {self.test_accuracy:.3f}" if self.test_accuracy is not None else "")
            + f"  {row['images_per_second']:.0f} {'clips' if self.data.frames else 'images'}/s"
        )
        bar.update(task, numbers=numbers)
        if "test_accuracy" in row:  # stays on the screen, and in a log without a terminal
            bar.console.print(f"step {step}/{self.settings.steps}  {numbers}", highlight=False)


# What a run and its continuation must have in common: the graph, the data, the order of batches.
FIXED = (
    *("net", "num_classes", "image_size", "pixels"),
    *("label_offset", "options", "ema_decay", "trainable"),
    *("data", "holdout", "seed", "batch_size"),
)


def prepare_folder(
    settings: Settings, folder: pathlib.Path, resume: bool, console: Console
) -> list[tuple[int, str]]:
    """Makes the folder; returns the checkpoints (step, prefix) to resume from, oldest first."""
    refuse_file(folder)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        probe = folder / ".writable"
        probe.touch()
        probe.unlink()
    except OSError as error:
        raise BadInputError(
            f"the model folder {folder} cannot be written ({error.strerror}): choose another"
        ) from None
    complete = list_complete_checkpoints(folder)
    if not resume:
        if complete:
            raise BadInputError(
                f"{folder} holds a run already (step {complete[-1][0]}): go on with --resume, or "
                "choose another --model-dir"
            )
        return []
    for prefix, reason in explain_incomplete_checkpoints(folder).items():
        console.print(f"passed over {prefix}: {reason}")
    before = load_settings(folder)
    other = [name for name in FIXED if before and getattr(before, name) != getattr(settings, name)]
    if other:
        changes = ", ".join(
            f"{name} = {getattr(before, name)!r} (now {getattr(settings, name)!r})"
            for name in other
        )
        raise BadInputError(
            f"{folder} was trained with {changes}: resume it with the same options, or choose "
            "another --model-dir"
        )
    if not complete:
        console.print(f"nothing to resume in {folder}: starting anew")
    return complete


def restore_newest(
    session: Any, saver: Any, complete: list[tuple[int, str]], console: Console
) -> tuple[int, str] | None:
    """Restores the newest checkpoint whose checksums hold; (step, prefix), or None of none.

    Raises CheckpointError where one is whole but of another graph, or none can be read.
    """
    for step, prefix in reversed(complete):
        match(tf.global_variables(), read_bundle(prefix)).check()  # Saver takes any shape
        try:
            saver.restore(session, prefix)
        except tf.errors.OpError as error:
            console.print(f"passed over {prefix}: {join_lines(error)[:200]}")
        else:
            console.print(f"resumed from {prefix}")
            return step, prefix
    if complete:
        raise CheckpointError(
            f"no checkpoint can be read whole, the newest is {complete[-1][1]}: choose another "
            "--model-dir"
        )
    return None


@contextlib.contextmanager
def stop_requests() -> Iterator[list[str]]:
    """Collects SIGINT and SIGTERM while the block runs; the loop looks at the list."""
    stop: list[str] = []

    def remember(number: int, _: Any) -> None:
        stop.append(signal.Signals(number).name)

    try:
        before = {number: signal.signal(number, remember) for number in (2, 15)}
    except ValueError:  # not the main thread: signals go elsewhere
        yield stop
        return
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
