"""Reads the tables of facts and errata and selects rows. Imports no TensorFlow."""

from __future__ import annotations

import csv
import dataclasses
import functools
import os
import pathlib
from collections.abc import Sequence
from typing import TypeVar

from legacy_nets import registry
from legacy_nets.documents.texts import translate_row
from legacy_nets.errors import BadInputError, find_nearest
from legacy_nets.language import mark
from legacy_nets.language import translate as _

DATA = pathlib.Path(__file__).parent / "data"
VERDICTS = (mark("confirmed"), mark("derived"), mark("wrong"), mark("ambiguous"))
SOURCES = ("literal", "in symbols", "in words", "derived", "in a figure")


def find_photographs() -> pathlib.Path:
    """Returns the folder where document 001's photographs are looked for."""
    return pathlib.Path(os.environ.get("LEGACY_NETS_SIGNS", "datasets"))


@dataclasses.dataclass(frozen=True)
class Row:
    """What a fact and an erratum have in common: the first three columns."""

    id: str
    place: str  # line of the document, and the code or text on it
    nets: tuple[str, ...]  # names of the registry; the tables may hold shell patterns

    @property
    def document(self) -> str:
        """First three digits of the document."""
        return self.id[:3]


@dataclasses.dataclass(frozen=True)
class Fact(Row):
    """A claim of a document and its verdict."""

    quantity: str
    stated: str
    source: str  # one of SOURCES: how the document gives the stated value
    verdict: str  # one of VERDICTS
    measured: str  # the measured values; empty where each is the stated value
    why: str
    measure: tuple[str, ...]  # measurements: each a check function and its arguments


@dataclasses.dataclass(frozen=True)
class Erratum(Row):
    """A defect of a document and its fix."""

    kind: str
    literal: str  # what the original code does
    harm: str  # the number that a wrong result without an error comes to
    measure: str  # the measurement of this number
    fix: str
    tests: tuple[str, ...]


AnyRow = TypeVar("AnyRow", bound=Row)


@functools.cache
def _load_facts() -> tuple[Fact, ...]:
    return tuple(
        Fact(
            id=row["id"],
            place=row["place"],
            nets=_expand(row["nets"]),
            quantity=row["quantity"],
            stated=row["stated"],
            source=row["source"],
            verdict=row["verdict"],
            measured=row["measured"],
            why=row["why"],
            measure=tuple(row["measure"].split(" | ")),
        )
        for row in _read_tables("facts")
    )


@functools.cache
def _load_errata() -> tuple[Erratum, ...]:
    return tuple(
        Erratum(
            id=row["id"],
            place=row["place"],
            nets=_expand(row["nets"]),
            kind=row["kind"],
            literal=row["literal"],
            harm=row["harm"],
            measure=row["measure"],
            fix=row["fix"],
            tests=tuple(row["tests"].split()),
        )
        for row in _read_tables("errata")
    )


def _expand(patterns: str) -> tuple[str, ...]:
    """Names of the nets that match shell patterns with blanks between them."""
    return tuple(net for pattern in patterns.split() for net in registry.list_nets(pattern))


def _read_tables(name: str) -> list[dict[str, str]]:
    """Reads ``data/NAME_000.csv`` and the tables that follow it."""
    rows: list[dict[str, str]] = []
    for path in sorted(DATA.glob(f"{name}_*.csv")):
        with open(path, newline="", encoding="utf-8") as file:
            rows.extend(csv.DictReader(file, strict=True))
    return rows


def documents() -> list[str]:
    """Lists the numbers of the documents: "000", "001", ..."""
    return sorted({fact.document for fact in _load_facts()})


def name_document(number: str) -> str:
    """Names a document by its number and short title: "document 002 (Inception V3)"."""
    title = registry.get_document(number).short_title
    return _("document {number} ({title})").format(number=number, title=_(title))


def facts(selector: str | None = None) -> list[Fact]:
    """Lists the facts of a document ("002"), of a net or of one id ("002-F15"); all if None.

    Their sentences are in the chosen language.

    Raises: BadInputError with the nearest names for an unknown selector.
    """
    return [translate_row(row, "facts") for row in _select(selector, _load_facts())]


def errata(selector: str | None = None) -> list[Erratum]:
    """Lists the errata of a document, of a net or of one id; all if None.

    Their sentences are in the chosen language.

    Raises: BadInputError with the nearest names for an unknown selector.
    """
    return [translate_row(row, "errata") for row in _select(selector, _load_errata())]


def _select(selector: str | None, rows: Sequence[AnyRow]) -> list[AnyRow]:
    if selector is None:
        return list(rows)
    word = selector.upper()
    numbers, nets = documents(), registry.list_nets()
    if word in numbers or word in {row.id for row in rows}:
        return [row for row in rows if word in (row.document, row.id)]
    if selector in nets:
        return [row for row in rows if selector in row.nets]
    names = [*numbers, *nets, *(row.id for row in rows)]
    near = list(dict.fromkeys(find_nearest(selector, names) + find_nearest(word, names)))[:3]
    nearest = f"; nearest: {', '.join(near)}" if near else ""
    raise BadInputError(
        f"no document, net or id is called {selector!r}{nearest} "
        f"(documents: {', '.join(numbers)}; nets: legacy-nets nets)"
    )
