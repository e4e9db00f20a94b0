"""Clusters on this machine that train the tiny net, for tests. Each ends by itself, or is ended."""

import contextlib
import os
import subprocess
import sys
import threading

import tiny

from legacy_nets.cluster.launch import Plan, assign_tasks, make_environment

SECONDS = 180  # after which a task is killed


class Running:
    """A task and what it prints."""

    def __init__(self, task, *arguments, net="tiny"):
        self.task, self._arguments, self._net = task, arguments, net
        self.lines = []
        self.start()

    def start(self):
        """Starts the task, again where it was killed."""
        self.process = subprocess.Popen(
            [sys.executable, "-u", tiny.__file__, "train", self._net, *map(str, self._arguments)],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            stdin=subprocess.DEVNULL,
            text=True,
            env={**os.environ, **make_environment(self.task)},
        )
        self._news = threading.Condition()
        threading.Thread(target=self._read, args=(self.process,), daemon=True).start()

    def _read(self, process):
        with process.stdout as lines:
            for line in lines:
                with self._news:
                    self.lines.append(line.rstrip())
                    self._news.notify_all()

    def wait_for(self, text, seconds=SECONDS):
        """Waits until a line with a text is printed."""
        with self._news:
            is_there = self._news.wait_for(
                lambda: any(text in line for line in self.lines), timeout=seconds
            )
        assert is_there, (text, self.lines)

    def finish(self):
        """Waits for the end; returns the exit code."""
        return self.process.wait(timeout=SECONDS)


@contextlib.contextmanager
def cluster(*arguments, workers=1, ps=1, evaluator=False):
    """Yields the tasks of a cluster by name; kills what is left at the end."""
    running = {}
    try:
        for task in assign_tasks(Plan(workers, ps, has_chief=True, has_evaluator=evaluator)):
            running[task.name] = Running(task, *arguments)
        yield running
    finally:
        for each in running.values():
            each.process.kill()
            each.process.wait()
