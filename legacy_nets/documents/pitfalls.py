"""The pitfalls of TensorFlow 1 that users still ask about, each shown and fixed on a live graph.

``data/pitfalls.csv``: id, title, effect, fix, without_fix and with_fix (what the function
``measure`` of checks/pitfalls.py returns or raises), measure, issue (where users ask).
"""

from __future__ import annotations

import csv
import dataclasses
import functools
import inspect
import re
from collections.abc import Callable

from legacy_nets.documents import judge
from legacy_nets.documents.catalogue import DATA
from legacy_nets.documents.texts import translate_row
from legacy_nets.errors import BadInputError, join_lines, suggest_names


@dataclasses.dataclass(frozen=True)
class Pitfall:
    """One row of the table."""

    id: str
    title: str
    effect: str
    fix: str
    without_fix: str  # measured in the pitfall: a number, or an error with its message
    with_fix: str  # measured with the fix
    measure: str  # name of the function in checks/pitfalls.py
    issue: str


@functools.cache
def _load() -> tuple[Pitfall, ...]:
    with open(DATA / "pitfalls.csv", newline="", encoding="utf-8") as file:
        return tuple(Pitfall(**row) for row in csv.DictReader(file, strict=True))


def list_pitfalls(selector: str | None = None) -> list[Pitfall]:
    """Lists all pitfalls, one ("T03"), or those with a word in title, effect or fix.

    Their sentences are in the chosen language, and so is the word.

    Raises: BadInputError with the nearest ids for an unknown selector.
    """
    pitfalls = [translate_row(pitfall, "pitfalls") for pitfall in _load()]
    if selector is None:
        return pitfalls
    matches = [pitfall for pitfall in pitfalls if pitfall.id == selector.upper()]
    word = selector.lower()
    matches = matches or [
        pitfall
        for pitfall in pitfalls
        if word in f"{pitfall.title} {pitfall.effect} {pitfall.fix}".lower()
    ]
    if not matches:
        near = suggest_names(selector.upper(), [pitfall.id for pitfall in pitfalls])
        raise BadInputError(
            f"no pitfall has the id or word {selector!r}{near} (all: legacy-nets pitfalls)"
        )
    return matches


def measure(pitfall: Pitfall, with_fix: bool) -> str:
    """Runs the code of a pitfall: returns its value, or its error in one line."""
    import legacy_nets.tf1 as tf

    try:
        value = _get_function(pitfall)(with_fix)
    except (ValueError, KeyError, tf.errors.OpError) as error:
        return f"{type(error).__name__}: {_get_cause(error)}"
    return judge.format_value(value, pitfall.with_fix if with_fix else pitfall.without_fix)


def _get_cause(error: Exception) -> str:
    """Returns the first sentence of a message, without traces, lists and temporary folders."""
    message = re.sub(r"/\S*/(?=model\.ckpt)", "", join_lines(error))
    return message.partition(" used by {{")[0].split(". ")[0]


def get_code(pitfall: Pitfall) -> str:
    """Returns the source of a pitfall's function."""
    return inspect.getsource(_get_function(pitfall))


def _get_function(pitfall: Pitfall) -> Callable[[bool], object]:
    from legacy_nets.documents.checks.pitfalls import CHECKS

    return CHECKS[pitfall.measure]
