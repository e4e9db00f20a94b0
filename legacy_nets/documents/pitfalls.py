"""The traps of TensorFlow 1 that users still ask about: each shown and cured on a live graph.

``data/traps.csv``: id, title, happens, cure, harm and cured (what the function ``measure`` of
measure_traps.py gives or raises without the cure, and gives with it), issue (where users ask).
"""

from __future__ import annotations

import csv
import dataclasses
import functools
import importlib
import inspect
import re
from collections.abc import Callable
from typing import Any

from legacy_nets.documents import judge
from legacy_nets.documents.catalogue import DATA
from legacy_nets.errors import BadInputError, find_nearest, join_lines


@dataclasses.dataclass(frozen=True)
class Trap:
    """One row."""

    id: str
    title: str
    happens: str
    cure: str
    harm: str  # what is measured in the trap: a number, or an error with its message
    cured: str  # what is measured with the cure
    measure: str  # the function of measure_traps.py
    issue: str


@functools.cache
def _all() -> tuple[Trap, ...]:
    with open(DATA / "traps.csv", newline="", encoding="utf-8") as file:
        return tuple(Trap(**row) for row in csv.DictReader(file, strict=True))


def traps(selector: str | None = None) -> list[Trap]:
    """The traps: all, one ("T03"), or those that have a word in title, happens or cure.

    Raises: BadInputError that offers the nearest ids.
    """
    if selector is None:
        return list(_all())
    found = [trap for trap in _all() if trap.id == selector.upper()]
    word = selector.lower()
    found = found or [
        trap for trap in _all() if word in f"{trap.title} {trap.happens} {trap.cure}".lower()
    ]
    if not found:
        ids = [trap.id for trap in _all()]
        near = find_nearest(selector.upper(), ids)
        raise BadInputError(
            f"no trap is called {selector!r}, and none speaks of it; nearest: {', '.join(near)} "
            "(all: legacy-nets traps)"
        )
    return found


def measure(trap: Trap, mended: bool) -> str:
    """Runs the few lines of a trap, without or with its cure: the value, or the error in a line."""
    import legacy_nets.tf1 as tf

    try:
        value = _function(trap)(mended)
    except (ValueError, KeyError, tf.errors.OpError) as error:
        return f"{type(error).__name__}: {_cause(error)}"
    return judge.text(value, trap.cured if mended else trap.harm)


def _cause(error: Exception) -> str:
    """The sentence of a message that matters, without traces, lists and temporary folders."""
    words = re.sub(r"/\S*/(?=model\.ckpt)", "", join_lines(error))
    return words.partition(" used by {{")[0].split(". ")[0]


def code(trap: Trap) -> str:
    """The few lines themselves."""
    return inspect.getsource(_function(trap))


def _function(trap: Trap) -> Callable[[bool], Any]:
    module = importlib.import_module("legacy_nets.documents.checks.pitfalls")
    return getattr(module, trap.measure)
