"""The board after a loss, and a watch that is stopped while it waits: without a cluster."""

import threading
import types

import pytest

from legacy_nets import tf1 as tf
from legacy_nets.cluster import board as boards
from legacy_nets.cluster import watch as watches
from legacy_nets.cluster.board import Board
from legacy_nets.cluster.task import Task

TASK = Task("worker", 0, {"ps": ("a:1",), "chief": ("b:1",), "worker": ("c:1",)})


class Sessions:
    """Sessions that fail as told; records which are closed, and what runs at the same time."""

    def __init__(self, failures):
        self.failures, self.opened, self.closed, self.running = failures, 0, [], 0
        self.most = 0

    def __call__(self, *_, **__):
        self.opened += 1
        return types.SimpleNamespace(run=self.run, close=self.close, number=self.opened)

    def run(self, *_):
        self.running += 1
        self.most = max(self.most, self.running)
        try:
            threading.Event().wait(0.01)
            if self.failures:
                raise self.failures.pop()(None, None, "lost")
        finally:
            self.running -= 1

    def close(self):
        self.closed.append(self.opened)
        raise tf.errors.UnavailableError(None, None, "the ps is lost")


@pytest.mark.parametrize("loss", [tf.errors.AbortedError, tf.errors.UnavailableError])
def test_a_lost_session_is_closed_and_another_opened(monkeypatch, loss):
    sessions = Sessions([loss])
    board = Board(TASK, "", None)
    monkeypatch.setattr(boards.tf, "Session", sessions)
    with pytest.raises(loss):
        board.beat()
    assert (sessions.opened, sessions.closed) == (1, [1])
    board.beat()
    assert (sessions.opened, sessions.closed) == (2, [1])


def test_two_threads_share_one_session(monkeypatch):
    sessions = Sessions([])
    board = Board(TASK, "", None)
    monkeypatch.setattr(boards.tf, "Session", sessions)
    threads = [threading.Thread(target=board.beat) for _ in range(5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (sessions.opened, sessions.most, sessions.closed) == (1, 1, [])


class SlowBoard:
    """A board whose answers come when they are released."""

    def __init__(self):
        self.asked, self.released = threading.Event(), threading.Event()

    def ask(self, ps):
        pass

    def beat(self):
        pass

    def read_beats(self):
        return [1, 1]

    def read_terms(self):
        self.asked.set()
        assert self.released.wait(60)
        return types.SimpleNamespace(chief=7)


@pytest.mark.parametrize("is_stopped", [False, True])
def test_a_stopped_watch_tells_nothing(monkeypatch, is_stopped):
    """The answer that it waits for may be about the training before."""
    monkeypatch.setattr(watches, "PERIOD", 0.01)
    monkeypatch.setattr(watches, "answers", lambda address: True)
    board, chiefs, noticed = SlowBoard(), [], threading.Event()

    def notice(chief):
        chiefs.append(chief)
        noticed.set()

    watch = watches.Watch(TASK, board, lambda: False, chiefs.append, notice)
    with watch:
        assert board.asked.wait(60)
        if not is_stopped:
            board.released.set()
            assert noticed.wait(60)
    board.released.set()
    for thread in watch._threads:
        thread.join(60)
        assert not thread.is_alive()
    assert set(chiefs) == (set() if is_stopped else {7})


class HangingBoard(SlowBoard):
    """A board whose ps 1 hangs until it is released, after trainers gave a sign of life."""

    def __init__(self):
        super().__init__()
        self.looks = 0

    def ask(self, ps):
        self.looks += ps
        if ps == 1 and self.looks == 2:
            assert self.released.wait(60)

    def read_terms(self):
        if self.looks == 5:
            self.asked.set()


def test_a_ps_that_hangs_is_reported_once(monkeypatch):
    """Trainers, which could give no sign of life meanwhile, are not reported."""
    monkeypatch.setattr(watches, "PERIOD", 0.01)
    monkeypatch.setattr(watches, "SILENCE", 0.4)
    monkeypatch.setattr(watches, "answers", lambda address: True)
    task = Task("chief", 0, {"ps": ("a:1", "a:2"), "chief": ("b:1",), "worker": ("c:1",)})
    board, lines = HangingBoard(), []

    def report(line):
        lines.append(line)
        board.released.set()

    with watches.Watch(task, board, lambda: False, report, lambda chief: None):
        assert board.asked.wait(60)
    assert lines == ["ps 1 at a:2 has given no answer for 0 s", "ps 1 is back"]
