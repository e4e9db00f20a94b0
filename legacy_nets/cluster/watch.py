"""Threads of each trainer: they give signs of life, and report tasks that give none."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable, Iterator
from types import TracebackType

from legacy_nets import tf1 as tf
from legacy_nets.cluster.board import Board
from legacy_nets.cluster.network import answers
from legacy_nets.cluster.task import Task

PERIOD = 2.0  # seconds between signs of life
SILENCE = 20.0  # seconds without one, or without an answer, after which a task is reported


class Watch:
    """Runs while a trainer trains; use it in a ``with`` statement."""

    def __init__(
        self,
        task: Task,
        board: Board,
        is_stuck: Callable[[], bool],
        report: Callable[[str], None],
        notice_chief: Callable[[int], None],
    ) -> None:
        """``is_stuck``: whether this trainer itself hangs, outside of a step.

        ``notice_chief`` gets the number of the chief's start now and then.
        """
        self._task, self._board = task, board
        self._is_stuck, self._report, self._notice_chief = is_stuck, report, notice_chief
        self._stopped = threading.Event()
        self._lock = threading.Lock()  # held while it reports, and while it is stopped
        self._threads = [
            threading.Thread(target=target, daemon=True) for target in (self._work, self._observe)
        ]
        self._heard = dict.fromkeys(task.trainers, time.monotonic())
        self._beats = dict.fromkeys(task.trainers, -1)
        self._silent: set[str] = set()
        self._waiting: tuple[int, float] | None = None  # the ps that is to answer, and since when

    def __enter__(self) -> Watch:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        with self._lock:  # nothing is reported afterwards
            self._stopped.set()
        for thread in self._threads:
            thread.join(timeout=PERIOD)  # it may wait for a ps that is lost

    def _work(self) -> None:
        while not self._stopped.wait(PERIOD):
            if not self._check_parameter_servers():
                continue
            try:
                with self._wait_for(0):  # it has the board
                    if not self._is_stuck():
                        self._board.beat()
                    beats = self._board.read_beats()
                self._check_trainers(beats)
                if (terms := self._board.read_terms()) is not None:
                    with self._lock:
                        if not self._stopped.is_set():
                            self._notice_chief(terms.chief)
            except (tf.errors.OpError, RuntimeError):  # lost: the training itself reports that
                continue

    def _observe(self) -> None:
        """Reports a ps that hangs, for whose answer the other thread waits."""
        while not self._stopped.wait(PERIOD):
            if (waiting := self._waiting) is None:
                continue
            index, since = waiting
            name, silence = f"ps {index}", time.monotonic() - since
            if silence > SILENCE:
                address = self._task.parameter_servers[index]
                self._note(
                    name, f"{name} at {address} has given no answer for {silence:.0f} s", True
                )

    @contextlib.contextmanager
    def _wait_for(self, index: int) -> Iterator[None]:
        """Tells ``_observe`` which ps is to answer in the block."""
        started = time.monotonic()
        self._waiting = index, started
        try:
            yield
        finally:
            self._waiting = None
            if (now := time.monotonic()) - started > SILENCE:  # nobody could give a sign of life
                self._heard = dict.fromkeys(self._heard, now)

    def _check_parameter_servers(self) -> bool:
        """Whether every ps answers; reports the one that stops to answer, or does so again."""
        reached = True
        for index, address in enumerate(self._task.parameter_servers):
            name = f"ps {index}"
            is_up = answers(address)
            if is_up:
                # lost: the training itself reports that
                with contextlib.suppress(tf.errors.OpError, RuntimeError), self._wait_for(index):
                    self._board.ask(index)
            self._note(name, f"{name} at {address} does not answer", not is_up)
            reached = reached and is_up
        return reached

    def _check_trainers(self, beats: list[int]) -> None:
        """Reports trainers without a sign of life; ``beats``: how many each has given.

        The chief reports every trainer, a worker the chief.
        """
        now = time.monotonic()
        watched = self._task.trainers if self._task.is_chief else self._task.trainers[:1]
        for name, count in zip(watched, beats, strict=False):
            if count != self._beats[name]:
                self._beats[name], self._heard[name] = count, now
            silence = now - self._heard[name]
            self._note(
                name, f"{name} has given no sign of life for {silence:.0f} s", silence > SILENCE
            )

    def _note(self, name: str, problem: str, is_silent: bool) -> None:
        """Reports a problem when it begins, and when it ends."""
        with self._lock:
            if self._stopped.is_set() or is_silent == (name in self._silent):
                return
            if is_silent:
                self._silent.add(name)
            else:
                self._silent.discard(name)
            self._report(problem if is_silent else f"{name} is back")
