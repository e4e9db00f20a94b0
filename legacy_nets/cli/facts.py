"""``legacy-nets facts`` and ``errata``: what the documents state, and where they err."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterable, Sequence
from typing import Any

import click

from legacy_nets import documents
from legacy_nets.quiet import quiet_tensorflow

_STYLES = {"confirmed": "green", "wrong": "bold red", "ambiguous": "yellow"}


@click.command()
@click.argument("what", required=False, metavar="[DOC|NET|ID]")
@click.option("--wrong", is_flag=True, help="Only those that the catalogue calls wrong.")
@click.option("--json", "as_json", is_flag=True, help="All that is known of each, as JSON.")
def facts(what: str | None, wrong: bool, as_json: bool) -> None:
    """Measure what a document states on the live graph, and judge it.

    \b
    legacy-nets facts 002
    legacy-nets facts hand_signs --wrong
    legacy-nets facts 000-F07 --json

    A fact is ambiguous where it holds under one reading only, or cannot be checked here. What
    document 001 says of its photographs is measured where LEGACY_NETS_SIGNS names their folder.
    """
    chosen = [fact for fact in documents.facts(what) if fact.verdict == "wrong" or not wrong]
    if chosen:
        quiet_tensorflow()
    found = [documents.measure(fact) for fact in _shown(chosen)]
    if as_json:
        rows = [
            {
                **dataclasses.asdict(fact),
                "document": fact.document,
                "verdict": measured.verdict,
                "measured": measured.value,
            }
            for fact, measured in zip(chosen, found, strict=True)
        ]
        click.echo(json.dumps(rows, indent=1))
        return
    from rich.markup import escape

    _print(
        ("id", "place", "quantity", "stated", "measured", "verdict"),
        [
            (
                fact.id,
                fact.place,
                escape(fact.quantity),
                escape(fact.stated),
                escape("=" if measured.value == fact.stated else measured.value)
                + (f"\n[dim]{escape(_why(fact, measured))}[/]" if _why(fact, measured) else ""),
                f"[{_STYLES[measured.verdict]}]{measured.verdict}[/]",
            )
            for fact, measured in zip(chosen, found, strict=True)
        ],
    )
    verdicts = [measured.verdict for measured in found]
    told = ", ".join(f"{verdicts.count(verdict)} {verdict}" for verdict in _STYLES)
    click.echo(f"{_of(len(found), 'fact', 'facts', what)} measured: {told}")


def _shown(chosen: Sequence[documents.Fact]) -> Iterable[documents.Fact]:
    """With a bar on a terminal: to measure all takes a minute."""
    from rich.console import Console
    from rich.progress import track

    console = Console(stderr=True)
    quiet = not console.is_terminal
    return track(chosen, "measuring", console=console, transient=True, disable=quiet)


def _why(fact: documents.Fact, measured: documents.Measured) -> str:
    if measured.verdict != fact.verdict:  # photographs that are here, or are not
        return f"the catalogue has measured it elsewhere: {fact.verdict}"
    return fact.why


@click.command()
@click.argument("what", required=False, metavar="[DOC|NET|ID]")
@click.option("--json", "as_json", is_flag=True, help="The same as JSON.")
def errata(what: str | None, as_json: bool) -> None:
    """Show the defects of a document: what its code does as it stands, and the mend.

    \b
    legacy-nets errata 001
    legacy-nets errata resnet_v2_50
    legacy-nets errata 003-E05 --json
    """
    chosen = documents.errata(what)
    if as_json:
        rows = [
            {**dataclasses.asdict(row), "document": row.document, "nets": row.nets}
            for row in chosen
        ]
        click.echo(json.dumps(rows, indent=1))
        return
    from rich.markup import escape

    _print(
        ("id", "place", "kind", "original code", "fix"),
        [
            (row.id, row.place, row.kind, escape(row.literal + _number(row)), escape(row.fix))
            for row in chosen
        ],
    )
    click.echo(f"{_of(len(chosen), 'erratum', 'errata', what)}; the tests that prove them: --json")


def _of(number: int, one: str, more: str, what: str | None) -> str:
    return f"{number} {one if number == 1 else more}" + (f" of {what}" if what else "")


def _number(row: documents.Erratum) -> str:
    return f" [measured: {row.harm}]" if row.harm else ""


def _print(columns: tuple[str, ...], rows: list[tuple[Any, ...]]) -> None:
    from rich.console import Console
    from rich.table import Table

    table = Table(show_lines=True, header_style="bold")
    for column in columns:
        table.add_column(column, overflow="fold", no_wrap=column in ("id", "verdict"))
    for row in rows:
        table.add_row(*row)
    console = Console()
    if not console.is_terminal:
        console.width = max(console.width, 160)
    console.print(table)
