"""Measures a fact and judges it: what is so against what is stated."""

from __future__ import annotations

import dataclasses
import importlib
import importlib.util
import re
import shlex
from collections.abc import Callable
from typing import Any

from legacy_nets.documents.catalogue import Erratum, Fact

NOT_HERE = "not checkable here"


@dataclasses.dataclass(frozen=True)
class Measured:
    """What the readings of a fact give, in words, and the verdict that follows."""

    value: str
    verdict: str
    readings: tuple[Any, ...]  # as measured; None where it is not to be had here


def measure(fact: Fact) -> Measured:
    """Measures every reading of a fact; imports TensorFlow and builds what they need."""
    readings = tuple(_read(fact.document, words) for words in fact.measure)
    return judge(fact.stated, readings)


def judge(stated: str, readings: tuple[Any, ...]) -> Measured:
    """The verdict on a stated value: see the package."""
    texts = [None if reading is None else text(reading, stated) for reading in readings]
    same = [found == _plain(stated) for found in texts]
    if all(same):
        return Measured(stated, "confirmed", readings)
    verdict = "ambiguous" if any(same) or None in texts else "wrong"
    words = [
        stated if fits else f"{stated}: {NOT_HERE}" if found is None else f"{found}, not {stated}"
        for found, fits in zip(texts, same, strict=True)
    ]
    return Measured(" | ".join(words), verdict, readings)


def harm(erratum: Erratum) -> str:
    """The number of a silent harm, measured; "" where the erratum has none."""
    if not erratum.measure:
        return ""
    return text(_read(erratum.document, erratum.measure), erratum.harm)


def text(value: Any, like: str = "") -> str:
    """A measured value in the form of the documents' tables.

    Args:
      value: a tuple is a shape (None: N in front, ? elsewhere), a list is joined by ", ", a bool
        is yes or no, a float is rounded to the digits after the point that ``like`` has.
      like: the stated value.
    """
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, tuple):
        sides = ["?" if side is None else str(side) for side in value]
        return "x".join(["N", *sides[1:]] if value and value[0] is None else sides)
    if isinstance(value, list):
        return ", ".join(text(item, like) for item in value)
    if isinstance(value, float):
        digits = re.search(r"\.(\d+)", like)
        return f"{value:.{len(digits[1])}f}" if digits else f"{value:.6g}"
    return str(value)


def _plain(stated: str) -> str:
    """Without commas between thousands."""
    return re.sub(r"(?<=\d),(?=\d{3}(?!\d))", "", stated)


def _read(document: str, words: str) -> Any:
    name, *arguments = shlex.split(words)
    return function(document, name)(*arguments)


def function(document: str, name: str) -> Callable[..., Any]:
    """The measuring function of that name, of the document's own module or of the common one."""
    own = f"legacy_nets.documents.checks.document_{document}"
    modules = [own] if importlib.util.find_spec(own) else []
    for module in (*modules, "legacy_nets.documents.checks.common"):
        found = getattr(importlib.import_module(module), name, None)
        if found is not None:
            return found
    raise LookupError(f"no function {name} in checks/document_{document}.py or checks/common.py")
