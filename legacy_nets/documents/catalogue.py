"""The tables of facts and errata, read and selected. No TensorFlow."""

from __future__ import annotations

import csv
import dataclasses
import functools
import pathlib
from typing import Any

from legacy_nets import registry
from legacy_nets.errors import BadInputError, find_nearest

DATA = pathlib.Path(__file__).parent / "data"
VERDICTS = ("holds", "wrong", "ambiguous")


@dataclasses.dataclass(frozen=True)
class Fact:
    """One row: what a document states, and what is so."""

    id: str
    place: str  # line of the document, and what stands there
    quantity: str
    stated: str
    verdict: str
    measured: str  # what the readings give where it is not the value stated
    why: str
    nets: tuple[str, ...]
    measure: tuple[str, ...]  # readings: a function and its arguments each

    @property
    def document(self) -> str:
        """First three digits of the document."""
        return self.id[:3]


@dataclasses.dataclass(frozen=True)
class Erratum:
    """One row: a defect of a document."""

    id: str
    place: str
    kind: str
    literal: str  # what the code does as it stands
    harm: str  # the number of a silent harm
    measure: str  # the reading that gives it
    mend: str
    tests: tuple[str, ...]

    @property
    def document(self) -> str:
        """First three digits of the document."""
        return self.id[:3]

    @property
    def nets(self) -> tuple[str, ...]:
        """Nets whose records name this erratum."""
        return tuple(
            name for name in registry.list_nets() if self.id in registry.get_net(name).errata
        )


@functools.cache
def _rows(table: str) -> tuple[dict[str, str], ...]:
    rows: list[dict[str, str]] = []
    for path in sorted(DATA.glob(f"{table}_*.csv")):
        with open(path, newline="", encoding="utf-8") as file:
            rows.extend(csv.DictReader(file, strict=True))
    return tuple(rows)


@functools.cache
def _all_facts() -> tuple[Fact, ...]:
    return tuple(
        Fact(
            **{key: row[key] for key in ("id", "place", "quantity", "stated", "verdict")},
            measured=row["measured"],
            why=row["why"],
            nets=tuple(row["nets"].split()),
            measure=tuple(row["measure"].split(" | ")),
        )
        for row in _rows("facts")
    )


@functools.cache
def _all_errata() -> tuple[Erratum, ...]:
    return tuple(
        Erratum(**{**row, "tests": tuple(row["tests"].split())})  # type: ignore[arg-type]
        for row in _rows("errata")
    )


def documents() -> list[str]:
    """Numbers of the documents that have facts: "000", "001", ..."""
    return sorted({fact.document for fact in _all_facts()})


def facts(selector: str | None = None) -> list[Fact]:
    """Facts of a document ("002"), of a net or of one id ("002-F15"); all of them without.

    Raises: BadInputError that offers the nearest names.
    """
    return _selected(selector, _all_facts())


def errata(selector: str | None = None) -> list[Erratum]:
    """Errata, selected as ``facts`` are."""
    return _selected(selector, _all_errata())


def _selected(selector: str | None, rows: tuple[Any, ...]) -> list[Any]:
    if selector is None:
        return list(rows)
    word = selector.upper()
    numbers = {registry.get_net(name).document for name in registry.list_nets()}
    if word in numbers or word in {row.id for row in rows}:
        return [row for row in rows if word in (row.document, row.id)]
    if selector in registry.list_nets():
        return [row for row in rows if selector in row.nets]
    names = [*sorted(numbers), *registry.list_nets(), *(row.id for row in rows)]
    near = find_nearest(selector, names, default=()) + find_nearest(word, names, default=())
    offered = list(dict.fromkeys(near))[:3] or sorted(numbers)
    raise BadInputError(
        f"no document, net or id is called {selector!r}; nearest: {', '.join(offered)} "
        f"(documents: {', '.join(sorted(numbers))}; nets: legacy-nets nets)"
    )
