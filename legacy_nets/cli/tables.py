"""Tables on the screen, and the colours of verdicts in them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from fractions import Fraction
from typing import TYPE_CHECKING

import click

from legacy_nets import registry
from legacy_nets.language import translate as _

if TYPE_CHECKING:
    from rich.console import Console

    from legacy_nets.documents.catalogue import Row

VERDICT_STYLES = {
    "confirmed": "green",
    "derived": "cyan",
    "wrong": "bold red",
    "ambiguous": "yellow",
}


def make_console(min_width: int) -> Console:
    """Makes a console for stdout; where stdout is no terminal, it has at least ``min_width``."""
    from rich.console import Console

    console = Console(highlight=False)
    if not console.is_terminal:
        console.width = max(console.width, min_width)
    return console


def print_table(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """Prints rows of rich markup under their columns; ids and verdicts are not broken."""
    from rich.table import Table

    table = Table(show_lines=True, header_style="bold")
    for column in columns:
        table.add_column(column, overflow="fold", no_wrap=column in (_("id"), _("verdict")))
    for row in rows:
        table.add_row(*row)
    make_console(160).print(table)


def count_rows(noun: str, selector: str | None) -> str:
    """Writes how many rows a selector has: "3 facts of 002"."""
    return _("{noun} of {selector}").format(noun=noun, selector=selector) if selector else noun


def number_to_json(value: object) -> float:
    """Converts the fractions of an anatomy for ``json.dumps``. Raises TypeError for others."""
    if isinstance(value, Fraction):
        return float(value)
    raise TypeError(type(value))


def print_documents(rows: Sequence[Row]) -> None:
    """Prints which documents the places of the rows are in."""
    for number in dict.fromkeys(row.document for row in rows):
        citation = registry.get_document(number).citation
        line = _("l.1: line 1 of document {number}, {citation}")
        click.echo(line.format(number=number, citation=citation))
