"""Chooses the engine that runs a net fastest on this machine, and remembers the choice."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import statistics
import time
from collections.abc import Mapping, Sequence

import numpy as np

from legacy_nets.cache.folder import read_entries, write_entries
from legacy_nets.engines.prepare import FrozenNet, Run
from legacy_nets.engines.table import ENGINES
from legacy_nets.errors import BadInputError, LegacyNetsError, join_lines
from legacy_nets.language.lines import say
from legacy_nets.packages import find_package
from legacy_nets.processor import examine_processor
from legacy_nets.types import Array
from legacy_nets.version import __version__

SECONDS = 1.0  # that each candidate is measured, at least
_TURNS = 4  # in which it is measured
_CLOSE = 1.15  # times the least time: engines within it are measured again
MAX_DIFFERENCE = {"fp32": 1e-4, "bf16": 0.05, "int8": 0.1}  # of the largest probability
_CHOICES = "engines.json"  # a file of the cache folder
_LIBRARIES = ("tensorflow", "onnxruntime", "openvino", "nncf")


@dataclasses.dataclass(frozen=True)
class Candidate:
    """An engine, and how many operations it may run at the same time (0: it decides)."""

    engine: str
    threads: int


@dataclasses.dataclass(frozen=True)
class Loaded:
    """A loaded candidate, and how far its outputs on the net's inputs are from the reference."""

    candidate: Candidate
    run: Run
    difference: float  # as a share of the largest probability


def list_candidates(engines: Sequence[str]) -> list[Candidate]:
    """Lists the candidates of some engines."""
    return [Candidate(name, count) for name in engines for count in ENGINES[name].threads]


def choose(
    net: FrozenNet,
    precision: str,
    candidates: Sequence[Candidate],
    reference: Array,
    loaded: Mapping[Candidate, Run],
) -> tuple[Candidate, Run]:
    """Measures the candidates and returns the fastest whose outputs agree with the reference.

    A single candidate is not measured. A choice that was made before is taken from the cache.

    Args:
      net: what the candidates run, on batches of its size.
      precision: what they compute with.
      candidates: at least one.
      reference: float32 probabilities [N, classes] of the net's inputs.
      loaded: candidates that hold the net in this precision already.

    A candidate that cannot take the net is passed over, with a note. Raises BadInputError where no
    candidate agrees, and what the first one raised where none can take it.
    """

    def get(candidate: Candidate) -> Run:
        return loaded.get(candidate) or load(net, precision, candidate)

    if len(candidates) == 1:
        return candidates[0], get(candidates[0])
    key = _make_key(net, precision, candidates)
    known = read_entries(_CHOICES).get(key)
    for candidate in candidates:
        if dataclasses.asdict(candidate) == known:
            run = get(candidate)
            if _compare(run(net.inputs), reference) <= MAX_DIFFERENCE[precision]:
                return candidate, run
    images = np.resize(net.inputs, (net.batch, *net.inputs.shape[1:]))
    ready: list[Loaded] = []
    failures: list[LegacyNetsError] = []
    for candidate in candidates:
        try:
            run = get(candidate)
        except LegacyNetsError as error:
            failures.append(error)
            say(f"note: {candidate.engine} is not measured: {error}", err=True)
        else:
            ready.append(Loaded(candidate, run, _compare(run(net.inputs), reference)))
    if not ready:
        raise failures[0]
    agreeing = [row for row in ready if row.difference <= MAX_DIFFERENCE[precision]]
    if not agreeing:
        nearest = min(ready, key=lambda row: row.difference)
        raise BadInputError(
            f"{net.name} in {precision}: no engine agrees with float32 (the nearest, "
            f"{nearest.candidate.engine}, differs by {nearest.difference:.2g}): use fp32, or name "
            "the engine"
        )
    best = agreeing[0] if len(agreeing) == 1 else _find_fastest(agreeing, images)
    write_entries(_CHOICES, read_entries(_CHOICES) | {key: dataclasses.asdict(best.candidate)})
    return best.candidate, best.run


def load(net: FrozenNet, precision: str, candidate: Candidate) -> Run:
    """Loads a net into a candidate. Raises BadInputError where its library cannot take it."""
    try:
        return ENGINES[candidate.engine].load(net, precision, candidate.threads)
    except (LegacyNetsError, MemoryError):
        raise
    except Exception as error:  # each library raises its own
        raise BadInputError(
            f"{candidate.engine} cannot take {net.name} ({type(error).__name__}: "
            f"{join_lines(error)[:200]}): choose another --engine"
        ) from error


def _find_fastest(rows: Sequence[Loaded], images: Array) -> Loaded:
    """Finds the engine that takes the least time for a batch.

    Those that are close to the fastest are measured again without the others: the threads of an
    engine get in the way of the one that runs after it.
    """
    for row in rows:
        row.run(images)  # sets it up
    seconds = _time_by_turns([row.run for row in rows], images)
    fastest = min(seconds)
    close = [row for row, taken in zip(rows, seconds, strict=True) if taken <= _CLOSE * fastest]
    if len(close) in (1, len(rows)):
        return rows[seconds.index(fastest)]
    seconds = _time_by_turns([row.run for row in close], images)
    return close[seconds.index(min(seconds))]


def _time_by_turns(runs: Sequence[Run], images: Array) -> list[float]:
    """Runs each engine, set up, on a batch for a second in all; returns their median seconds.

    They run by turns: what else the machine does in the meantime slows all of them alike. The first
    run of a turn counts only where it is the turn's only one, since threads of the engine before
    may be busy still. A run that takes longer than the second is measured once.
    """
    seconds: list[list[float]] = [[] for _ in runs]
    for _ in range(_TURNS):
        for run, times in zip(runs, seconds, strict=True):
            if times and sum(times) >= SECONDS:
                continue
            turn: list[float] = []
            while sum(turn) < SECONDS / _TURNS or not turn:
                start = time.perf_counter()
                run(images)
                turn.append(time.perf_counter() - start)
            times += turn[1:] or turn
    return [statistics.median(times) for times in seconds]


def _compare(got: Array, reference: Array) -> float:
    """Returns the largest difference as a share of the largest value; inf for NaN."""
    difference = float(np.abs(got - reference).max() / np.abs(reference).max())
    return difference if np.isfinite(difference) else np.inf


def _make_key(net: FrozenNet, precision: str, candidates: Sequence[Candidate]) -> str:
    """Makes the cache's key: the graph without its weights, the versions, the processor."""
    shape = [(node.op, list(node.input)) for node in net.graph.node if node.op != "Const"]
    text = json.dumps(
        [
            __version__,
            shape,
            list(net.inputs.shape[1:]),
            precision,
            net.batch,
            [dataclasses.asdict(candidate) for candidate in candidates],
            [find_package(name).installed for name in _LIBRARIES],
            dataclasses.asdict(examine_processor()),
        ]
    )
    return f"{net.name} {precision} {hashlib.sha256(text.encode()).hexdigest()[:16]}"
