"""Runs the rows of the benchmark: children side by side, rounds by turns, a time limit a row.

A third of the limit is for the setting up of one child.

A child is a runner script in its peer's own environment. It prints one line of JSON when it is
ready, then one for each measure that it reads the name of (``runners/protocol.py``).
"""

from __future__ import annotations

import contextlib
import dataclasses
import json
import os
import queue
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import IO

RUNNERS = Path(__file__).parent / "runners"


@dataclasses.dataclass(frozen=True)
class Task:
    """One child process: a runner script, its arguments, the environment that it runs in."""

    peer: str  # what reasons call it
    python: str  # path of the interpreter; one that is missing is a reason
    script: str  # of the folder ``runners``
    arguments: Mapping[str, object]
    columns: tuple[str, ...]  # that it measures, where it is ready


@dataclasses.dataclass(frozen=True)
class Row:
    """Rows of the table that are measured together."""

    name: str
    group: str
    unit: str
    tasks: tuple[Task, ...]
    limit: float = 600.0  # seconds
    prepare: tuple[str, ...] = ()  # an interpreter, a script of this folder, arguments
    most_rounds: int = 1000  # of a row whose measures take minutes

    def __post_init__(self) -> None:
        columns = [column for task in self.tasks for column in task.columns]
        if len(set(columns)) < len(columns):
            raise ValueError(f"{self.name}: two tasks have the same column")


@dataclasses.dataclass
class Measured:
    """What was measured of one case and column: a value a round, or the reason for none."""

    row: str
    group: str
    unit: str
    case: str
    column: str
    values: list[float] = dataclasses.field(default_factory=list)
    reason: str = ""
    details: dict[str, float | str] = dataclasses.field(default_factory=dict)


class PeerError(Exception):
    """A child that is not there, died, or took too long."""


class Child:
    """A runner script at work."""

    def __init__(self, task: Task) -> None:
        self.task = task
        self.columns: dict[str, list[str]] = {}  # case -> columns, known when it is ready
        self.failed: dict[str, str] = {}  # column -> why the child cannot measure it
        self.versions: dict[str, str] = {}
        self._errors = tempfile.TemporaryFile("w+", errors="replace")
        self._lines: queue.Queue[str | None] = queue.Queue()
        if not Path(task.python).exists():
            raise PeerError(f"{task.python} is not installed")
        # TF2_BEHAVIOR: TensorFlow 1.15 would behave as 2.0
        environment = {k: v for k, v in os.environ.items() if k != "TF2_BEHAVIOR"}
        environment |= {"TF_CPP_MIN_LOG_LEVEL": "3", "CUDA_VISIBLE_DEVICES": ""}
        self._process = subprocess.Popen(
            [task.python, "-W", "ignore", str(RUNNERS / task.script), json.dumps(task.arguments)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._errors,
            text=True,
            env=environment,
            start_new_session=True,
        )
        assert self._process.stdout is not None
        threading.Thread(target=self._read, args=(self._process.stdout,), daemon=True).start()

    def _read(self, stdout: IO[str]) -> None:
        for line in stdout:
            self._lines.put(line)
        self._lines.put(None)

    def wait_until_ready(self, deadline: float) -> None:
        """Waits for the first line. Raises PeerError."""
        answer = self._receive(deadline)
        for case, column in answer["ready"]:
            self.columns.setdefault(case, []).append(column)
        self.failed = answer["failed"]
        self.versions = answer["versions"]

    def measure(self, case: str, column: str, deadline: float) -> dict:
        """Asks for one value: {"value": ..., details ...}. Raises PeerError."""
        assert self._process.stdin is not None
        try:
            print(json.dumps([case, column]), file=self._process.stdin, flush=True)
        except OSError:
            raise PeerError(self._explain("it ended")) from None
        return self._receive(deadline)

    def _receive(self, deadline: float) -> dict:
        """Returns the next line that is an answer; libraries print lines of their own."""
        while True:
            try:
                line = self._lines.get(timeout=max(0.0, deadline - time.monotonic()))
            except queue.Empty:
                raise PeerError("the time limit was reached") from None
            if line is None:
                raise PeerError(self._explain("it ended"))
            try:
                answer = json.loads(line)
            except ValueError:
                continue
            if isinstance(answer, dict) and "error" in answer:
                raise PeerError(answer["error"])
            if isinstance(answer, dict) and answer.keys() & {"ready", "value"}:
                return answer

    def _explain(self, problem: str) -> str:
        self._process.wait()
        self._errors.seek(0)
        lines = [line.strip() for line in self._errors if line.strip()]
        return f"{problem}: {lines[-1][:200]}" if lines else problem

    def close(self) -> None:
        """Ends the process with its children; again does nothing."""
        _kill_group(self._process)
        self._errors.close()


def _kill_group(process: subprocess.Popen) -> None:
    """Ends a process and its children, which have a session of their own."""
    if process.returncode is None:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def run_row(
    row: Row, rounds: int, report: Callable[[str], object] = lambda line: None
) -> tuple[list[Measured], dict[str, str]]:
    """Measures a row: every child is set up, then each measures each case once a round.

    Returns what was measured, also of columns without a value, and the children's versions.
    ``report`` receives what is being done. No round begins with less time left than the last one
    took.
    """
    measured: dict[tuple[str, str], Measured] = {}
    versions: dict[str, str] = {}
    missing: dict[str, str] = {}  # column -> why no case has it
    children: list[Child] = []

    def get(case: str, column: str) -> Measured:
        new = Measured(row.name, row.group, row.unit, case, column)
        return measured.setdefault((case, column), new)

    cases: list[str] = []
    try:
        if row.prepare:
            report(f"{row.name}: preparing")
            _prepare(row)
        deadline = time.monotonic() + row.limit
        for task in row.tasks:
            report(f"{row.name}: setting up {task.peer}")
            child = None
            try:
                child = Child(task)
                children.append(child)
                child.wait_until_ready(min(deadline, time.monotonic() + row.limit / 3))
            except PeerError as error:
                missing |= dict.fromkeys(task.columns, f"{task.peer}: {error}")
                if child is not None:
                    child.close()  # it would take the time of the others
                continue
            missing |= child.failed
            versions |= child.versions
        cases = list(dict.fromkeys(case for child in children for case in child.columns))
        round_seconds = 0.0
        for number in range(rounds):
            start = time.monotonic()
            if start + round_seconds > deadline and number > 0:
                report(f"{row.name}: there is no time for another round")
                break
            report(f"{row.name}: round {number + 1} of {rounds}")
            _run_round(children, cases, get, deadline)
            round_seconds = time.monotonic() - start
    finally:
        for child in children:
            child.close()
    for case in cases or ["all"]:
        for column, reason in missing.items():
            get(case, column).reason = reason
    return list(measured.values()), versions


def _prepare(row: Row) -> None:
    """Writes what the children read. What fails here, the children tell."""
    python, script, *arguments = row.prepare
    environment = os.environ | {"TF_CPP_MIN_LOG_LEVEL": "3", "CUDA_VISIBLE_DEVICES": ""}
    with contextlib.suppress(OSError):
        process = subprocess.Popen(
            [python, "-W", "ignore", str(RUNNERS.parent / script), *arguments],
            stderr=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            env=environment,
            start_new_session=True,
        )
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(row.limit)
        _kill_group(process)


def _run_round(
    children: Sequence[Child],
    cases: Sequence[str],
    get: Callable[[str, str], Measured],
    deadline: float,
) -> None:
    """Asks each child for each measure of each case once; passes over what failed before."""
    for case in cases:
        for child in children:
            for column in child.columns.get(case, ()):
                result = get(case, column)
                if result.reason:
                    continue
                try:
                    answer = child.measure(case, column, deadline)
                except PeerError as error:
                    result.reason = str(error)
                    continue
                result.values.append(answer.pop("value"))
                result.details |= answer


def read_results(path: Path) -> dict:
    """Reads the file of an earlier run: {} where there is none."""
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}


def write_results(path: Path, results: Mapping[str, object]) -> None:
    """Writes the results to a staging name, then moves them."""
    path.parent.mkdir(parents=True, exist_ok=True)
    staging = path.with_suffix(".unfinished")
    staging.write_text(json.dumps(results, indent=1) + "\n", encoding="utf-8")
    staging.replace(path)


def run_rows(
    rows: Sequence[Row],
    rounds: int,
    path: Path,
    facts: Callable[[], Mapping[str, object]],
    again: bool = False,
) -> dict:
    """Runs rows and keeps the results after each; rows that the file has are passed over.

    Args:
      rows: what to run.
      rounds: values of each measure.
      path: of the file of results.
      facts: tells the state of the machine, asked before each row.
      again: measure rows again that the file has with as many rounds.
    """
    results = read_results(path) or {"rows": {}, "versions": {}}
    for row in rows:
        known = results["rows"].get(row.name)
        row_rounds = min(rounds, row.most_rounds)
        if known and known["rounds"] >= row_rounds and not again:
            print(f"{row.name}: measured before (make bench AGAIN=1 measures it again)")
            continue
        state = dict(facts())
        start = time.monotonic()
        measured, versions = run_row(row, row_rounds, lambda line: print(line, file=sys.stderr))
        results["versions"] |= versions
        results["rows"][row.name] = {
            "rounds": row_rounds,
            "seconds": round(time.monotonic() - start, 1),
            "machine": state,
            "measured": [dataclasses.asdict(item) for item in measured],
        }
        write_results(path, results)
        print(f"{row.name}: {time.monotonic() - start:.0f} s")
    return results
