"""Starts a cluster on this machine: one process a task, with TF_CONFIG or with flags."""

from __future__ import annotations

import contextlib
import dataclasses
import json
import os
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Sequence

from legacy_nets.cluster.lifeline import Lifeline, open_lifeline
from legacy_nets.cluster.network import find_free_ports
from legacy_nets.cluster.task import CHIEFS, VARIABLE, Task
from legacy_nets.errors import BadInputError
from legacy_nets.language import VARIABLE as LANGUAGE
from legacy_nets.language import get_language
from legacy_nets.sigterm import clean_up

END_SECONDS = 3.0  # from SIGTERM to SIGKILL
GRACE = 45.0  # seconds from the end of the chief: a session that waits for it looks every 30
_POLL = 0.1  # seconds
FLAGS = ("job_name", "task_index", "task_id", "ps_hosts", "worker_hosts")

Report = Callable[[str], object]


@dataclasses.dataclass(frozen=True)
class Plan:
    """What a cluster consists of, and what its tasks run."""

    workers: int
    parameter_servers: int
    has_chief: bool
    has_evaluator: bool
    chief_job: str = CHIEFS[0]  # its other name is what tf.contrib.learn asks for

    def check(self) -> None:
        """Raises BadInputError for a cluster that cannot train."""
        trainers = self.workers + int(self.has_chief)
        if not trainers:
            raise BadInputError("--workers 0 without --chief trains nothing: add one of them")
        if trainers > 1 and not self.parameter_servers:
            raise BadInputError(f"{trainers} tasks that train need a ps: give --ps 1")

    def count_tasks(self) -> dict[str, int]:
        """Counts the tasks of each job, the ps first."""
        counts = {
            "ps": self.parameter_servers,
            self.chief_job: int(self.has_chief),
            "worker": self.workers,
            "evaluator": int(self.has_evaluator),
        }
        return {job: count for job, count in counts.items() if count}


def assign_tasks(plan: Plan) -> list[Task]:
    """Gives each task a free port on 127.0.0.1."""
    counts = plan.count_tasks()
    ports = find_free_ports(sum(counts.values()))
    cluster = {
        job: tuple(f"127.0.0.1:{ports.pop()}" for _ in range(count))
        for job, count in counts.items()
    }
    return [
        Task(job, index, cluster, plan.has_evaluator)
        for job, count in counts.items()
        for index in range(count)
    ]


def make_environment(task: Task) -> dict[str, str]:
    """Makes TF_CONFIG for a task. tf.contrib.learn starts no servers outside of a "cloud"."""
    config = {
        "cluster": task.cluster,
        "task": {"type": task.job, "index": task.index},
        "environment": "cloud",
    }
    return {VARIABLE: json.dumps(config)}


def make_flags(task: Task) -> dict[str, str]:
    """Makes the flags that scripts of TensorFlow 1 take, by name of FLAGS.

    A chief is their worker 0.
    """
    workers = [address for job in (*CHIEFS, "worker") for address in task.cluster.get(job, ())]
    is_ps = task.job == "ps"
    index = task.index if is_ps else workers.index(task.address)
    values = (
        "ps" if is_ps else "worker",
        str(index),
        str(index),
        ",".join(task.parameter_servers),
        ",".join(workers),
    )
    return dict(zip(FLAGS, values, strict=True))


class _Member:
    """A task and its process."""

    def __init__(self, task: Task, command: Sequence[str]) -> None:
        self.task, self.command = task, command
        self.restarts = 0
        self.process: subprocess.Popen[bytes] | None = None
        self._reader: threading.Thread | None = None

    def start(self, lifeline: Lifeline, write: Report) -> None:
        """Starts the process in a group of its own, with texts in the chosen language."""
        language = {LANGUAGE: get_language()}
        self.process = subprocess.Popen(
            self.command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            env={**os.environ, **language, **make_environment(self.task), **lifeline.environment},
            pass_fds=lifeline.pass_fds,
            start_new_session=True,
        )
        self._reader = threading.Thread(target=self._copy, args=(self.process, write), daemon=True)
        self._reader.start()

    def _copy(self, process: subprocess.Popen[bytes], write: Report) -> None:
        """Copies what the process prints, each line under the task's name."""
        if process.stdout is not None:
            with process.stdout as lines:
                for line in lines:
                    write(f"[{self.task.name}] {line.decode('utf-8', 'replace').rstrip()}")

    def poll(self) -> int | None:
        """Returns the exit code, negative for a signal; None while it runs."""
        return None if self.process is None else self.process.poll()

    def send(self, number: signal.Signals) -> None:
        """Sends a signal to the process and what it has started."""
        if self.process is not None:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(self.process.pid, number)

    def finish(self) -> None:
        """Waits for the end of the process, and for what it has printed."""
        if self.process is not None and self._reader is not None:
            self.process.wait()
            self._reader.join(timeout=1)  # a process that it has started may hold the pipe


class Launcher:
    """The processes of a cluster, from their start to their end."""

    def __init__(self, restarts: int, report: Report, write: Report) -> None:
        """``report`` gets what happens to tasks, ``write`` each line that a task prints."""
        self._restarts, self._report, self._write = restarts, report, write
        self._members: list[_Member] = []

    def run(self, commands: Sequence[tuple[Task, Sequence[str]]]) -> int:
        """Runs the command of each task to the end of all.

        Ends all when one fails for good: by an exit code, or by a signal after the last restart.
        The ps are ended when the others have ended well. Returns the exit code of the task that
        failed, else 0. Leaves no process, however it ends.
        """
        self._members = [_Member(task, command) for task, command in commands]
        with open_lifeline() as lifeline, clean_up(self._kill_all):
            try:
                for member in self._members:
                    member.start(lifeline, self._write)
                return self._supervise(lifeline)
            finally:
                self._end(self._members)

    def _supervise(self, lifeline: Lifeline) -> int:
        """Restarts what is killed, until all have ended well or one has failed for good.

        Workers that stay after the chief are ended; the evaluator may take its time.
        """
        chief_ended: float | None = None
        members = list(self._members)
        waits_for = [member for member in members if member.task.job != "ps"]
        while waits_for:
            time.sleep(_POLL)
            for member in members:
                code = member.poll()
                if code and not self._restart(member, code, lifeline):
                    return code if code > 0 else 128 - code
                if code == 0 and member in waits_for:
                    waits_for.remove(member)
                    if member.task.job != "evaluator" and member.task.is_chief:
                        chief_ended = time.monotonic()
            late = [member for member in waits_for if member.task.job != "evaluator"]
            if late and chief_ended and time.monotonic() > chief_ended + GRACE:
                names = ", ".join(member.task.name for member in late)
                self._report(f"the chief has ended, {names} not: ended after {GRACE:.0f} s")
                self._end(late)
                members = [member for member in members if member not in late]
                waits_for = [member for member in waits_for if member not in late]
        return 0

    def _restart(self, member: _Member, code: int, lifeline: Lifeline) -> bool:
        """Restarts a task that a signal killed; whether it may be. Reports what happened."""
        name = member.task.name
        if code > 0:
            self._report(f"{name} failed with exit code {code}: all tasks are ended")
            return False
        killer = signal.Signals(-code).name
        if member.restarts >= self._restarts:
            self._report(
                f"{name} was killed by {killer} after {member.restarts} restarts: all tasks are "
                "ended (more restarts: --restarts)"
            )
            return False
        member.restarts += 1
        self._report(
            f"{name} was killed by {killer}: restart {member.restarts} of {self._restarts}"
        )
        member.finish()
        member.start(lifeline, self._write)
        return True

    def _kill_all(self) -> None:
        for member in self._members:
            member.send(signal.SIGKILL)

    def _end(self, members: Sequence[_Member]) -> None:
        """Ends processes: with SIGTERM, and with SIGKILL those that stay."""
        for member in members:
            member.send(signal.SIGTERM)
        deadline = time.monotonic() + END_SECONDS
        while any(member.poll() is None for member in members) and time.monotonic() < deadline:
            time.sleep(_POLL)
        for member in members:
            member.send(signal.SIGKILL)
            member.finish()
