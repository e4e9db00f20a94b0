"""Tables on the screen, and the forms of shapes and verdicts in them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from fractions import Fraction
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.console import Console

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
        table.add_column(column, overflow="fold", no_wrap=column in ("id", "verdict"))
    for row in rows:
        table.add_row(*row)
    make_console(160).print(table)


def format_shape(shape: Sequence[int | None] | None) -> str:
    """Formats a tensor's shape, with ? for an unknown side: (?, 35, 35, 288)."""
    if shape is None:
        return "?"
    return "(" + ", ".join("?" if side is None else str(side) for side in shape) + ")"


def format_axes(numbers: Sequence[int | Fraction | None] | None) -> str:
    """Formats one number per spatial axis: 3x3."""
    if numbers is None:
        return ""
    return "x".join("?" if number is None else str(number) for number in numbers)


def count_rows(count: int, singular: str, plural: str, selector: str | None) -> str:
    """Writes how many rows a selector has: "3 facts of 002"."""
    return f"{count} {singular if count == 1 else plural}" + (f" of {selector}" if selector else "")
