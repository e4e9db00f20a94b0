"""Measures a fact and judges it: compares the measured values with the claim."""

from __future__ import annotations

import dataclasses
import re
import shlex
from collections.abc import Sequence

from legacy_nets.documents.catalogue import Erratum, Fact
from legacy_nets.language import mark
from legacy_nets.language import translate as _

NOT_HERE = mark("not checkable here")
_NO_PHOTOGRAPHS = mark(
    "document 001's photographs are not available here; LEGACY_NETS_SIGNS may name their folder"
)


@dataclasses.dataclass(frozen=True)
class Measured:
    """The measured values of a fact as text, and the verdict that follows from them."""

    value: str
    verdict: str
    results: tuple[object, ...]  # the values themselves; None for what cannot be measured here

    @property
    def is_complete(self) -> bool:
        """Whether every measurement of the fact can be made here."""
        return None not in self.results


def measure(fact: Fact) -> Measured:
    """Makes every measurement of a fact. Imports TensorFlow and builds the nets it needs."""
    results = tuple(_call_check(fact.document, measurement) for measurement in fact.measure)
    return judge(fact.stated, results, fact.source)


def explain_missing(fact: Fact) -> str:
    """Says why a fact cannot be measured completely here: its data set, or its own reason."""
    uses_photographs = any("photograph" in measurement for measurement in fact.measure)
    return _(_NO_PHOTOGRAPHS) if uses_photographs else fact.why


def explain_once(facts: Sequence[Fact]) -> list[str]:
    """Lists the reasons of facts, in the chosen language; "" for a fact without one.

    A reason that an earlier fact of the list has is a reference to that fact.
    """
    first: dict[str, str] = {}  # reason -> id
    reasons = []
    for fact in facts:
        said_by = first.setdefault(fact.why, fact.id)
        if not fact.why:
            reasons.append("")
        elif said_by == fact.id:
            reasons.append(_(fact.why))
        else:
            reasons.append(_("see {id}").format(id=said_by))
    return reasons


def judge(stated: str, results: tuple[object, ...], source: str = "literal") -> Measured:
    """Judges a claim by the measured values; the package's docstring explains the verdicts."""
    texts = [None if result is None else format_value(result, stated) for result in results]
    matches = [text == _drop_thousands_commas(stated) for text in texts]
    if all(matches):
        return Measured(stated, "derived" if source == "derived" else "confirmed", results)
    verdict = "ambiguous" if any(matches) or None in texts else "wrong"
    parts = [
        stated if match else f"{stated}: {NOT_HERE}" if text is None else f"{text}, not {stated}"
        for text, match in zip(texts, matches, strict=True)
    ]
    return Measured(" | ".join(parts), verdict, results)


def translate_measured(measured: str, stated: str) -> str:
    """Returns measured values, as ``judge`` writes them, in the chosen language."""
    parts = []
    for part in measured.split(" | "):
        value = part.removesuffix(f", not {stated}")
        if value != part:
            text = _("{value}, not {stated}").format(value=_(value), stated=_(stated))
        elif part == f"{stated}: {NOT_HERE}":
            text = f"{_(stated)}: {_(NOT_HERE)}"
        else:
            text = _(part)
        parts.append(text)
    return " | ".join(parts)


def measure_harm(erratum: Erratum) -> str:
    """Measures the number of a wrong result without an error; "" if the erratum has none."""
    if not erratum.measure:
        return ""
    return format_value(_call_check(erratum.document, erratum.measure), erratum.harm)


def format_value(value: object, like: str = "") -> str:
    """Formats a measured value as the tables do.

    Args:
      value: a tuple is a shape (an unknown side is N in front, ? elsewhere), a list is joined by
        ", ", a bool is yes or no, a float is rounded to as many digits as ``like`` has.
      like: the stated value.
    """
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, tuple):
        sides = ["?" if side is None else str(side) for side in value]
        return "x".join(["N", *sides[1:]] if value and value[0] is None else sides)
    if isinstance(value, list):
        return ", ".join(format_value(item, like) for item in value)
    if isinstance(value, float):
        digits = re.search(r"\.(\d+)", like)
        return f"{value:.{len(digits[1])}f}" if digits else f"{value:.6g}"
    return str(value)


def _drop_thousands_commas(stated: str) -> str:
    return re.sub(r"(?<=\d),(?=\d{3}(?!\d))", "", stated)


def _call_check(document: str, measurement: str) -> object:
    """Calls the check function that a measurement names with the words that follow it."""
    from legacy_nets.documents.checks.tables import get_check

    name, *arguments = shlex.split(measurement)
    return get_check(document, name)(*arguments)
