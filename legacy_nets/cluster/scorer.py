"""Scores checkpoints in a graph and session of this process alone, and follows those of a run."""

from __future__ import annotations

import contextlib
import pathlib
import time
from collections.abc import Callable

from rich.console import Console

from legacy_nets import tf1 as tf
from legacy_nets.checkpoints.formats.bundle import list_complete_checkpoints, read_bundle
from legacy_nets.checkpoints.optimizer_slots import has_averages
from legacy_nets.checkpoints.restore import match
from legacy_nets.data.dataset import ImageData
from legacy_nets.data.splits import Split
from legacy_nets.errors import BadInputError, CheckpointError
from legacy_nets.progress import print_line
from legacy_nets.train import report
from legacy_nets.train.graph import build_net
from legacy_nets.train.loop import collect_stop_signals
from legacy_nets.train.meter import compute_loss_and_accuracy
from legacy_nets.train.settings import Settings, load_settings, read_best, write_best
from legacy_nets.types import Array

FOLDER = "evaluator"  # in the model folder: the evaluator's log and events
_POLL = 1.0  # seconds


class Scorer:
    """The net of a run, without what only training needs."""

    def __init__(self, settings: Settings) -> None:
        """Builds the net. Raises as ``build_net``."""
        self.graph = tf.Graph()
        with self.graph.as_default():
            self._net = build_net(settings, inference=True)
            self._session = tf.Session()

    def score(
        self, prefix: str, test: Split, report: Callable[[int], object] = lambda count: None
    ) -> Array:
        """Computes probabilities [N, classes] by a checkpoint's averages, or raw weights.

        Raises CheckpointError where it cannot be read.
        """
        with self.graph.as_default():
            source = read_bundle(prefix)
            plan = match(self._net.variables, source, ema=has_averages(source.tensors))
            plan.feed(self._session)
            return self._net.score(self._session, test, report=report)


def follow_checkpoints(
    data: ImageData, folder: pathlib.Path, seconds: float, console: Console
) -> str | None:
    """Evaluates each new checkpoint of a run, until that of its last step.

    Writes log and events to the sub-folder "evaluator", and best.json. Returns the name of a
    signal that ended it, or None. Raises BadInputError where no run begins in time.
    """
    with collect_stop_signals() as stop_signals:
        settings = _wait_for_run(folder, seconds, stop_signals)
        if settings is None:
            return stop_signals[0]
        scorer = Scorer(settings)
        (folder / FOLDER).mkdir(exist_ok=True)
        done = [int(row["step"]) for row in report.read_log(folder / FOLDER / "log.csv")]
        last = max(done, default=-1)
        with (
            scorer.graph.as_default(),
            contextlib.closing(report.Log(folder / FOLDER, scorer.graph, last)) as log,
        ):
            while last < settings.steps and not stop_signals:
                settings = load_settings(folder) or settings  # a resumed run may have more steps
                step = _evaluate_newest(scorer, data, folder, last, log, console)
                last = last if step is None else step
                time.sleep(_POLL if step is None else 0)
        return stop_signals[0] if stop_signals else None


def _wait_for_run(folder: pathlib.Path, seconds: float, stop_signals: list[str]) -> Settings | None:
    """Waits for the chief's settings; None after a signal."""
    started = time.monotonic()
    while (settings := load_settings(folder)) is None:
        if stop_signals:
            return None
        if time.monotonic() - started > seconds:
            raise BadInputError(
                f"no run has begun in {folder}: waited {seconds:.0f} seconds; start the chief with "
                "the same --model-dir"
            )
        time.sleep(_POLL)
    return settings


def _evaluate_newest(
    scorer: Scorer,
    data: ImageData,
    folder: pathlib.Path,
    last: int,
    log: report.Log,
    console: Console,
) -> int | None:
    """Evaluates the newest checkpoint; returns its step, or None where none is new."""
    complete = list_complete_checkpoints(folder)
    if not complete or complete[-1][0] <= last:
        return None
    step, prefix = complete[-1]
    try:
        probabilities = scorer.score(prefix, data.test)
    except (CheckpointError, OSError):
        if pathlib.Path(f"{prefix}.index").exists():
            raise
        return None  # the chief has deleted it meanwhile: a newer one is there
    loss, accuracy = compute_loss_and_accuracy(probabilities, data.test.labels)
    log.write(step, test_loss=loss, test_accuracy=accuracy)
    best = read_best(folder)
    if best is None or accuracy > best[1]:
        write_best(folder, step, accuracy)
    print_line(console, f"step {step}  test {accuracy:.3f}  loss {loss:.4f}")
    return step
