"""``legacy-nets facts``: the claims of the documents, measured and judged."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterable, Sequence

import click

from legacy_nets import documents
from legacy_nets.cli.completion import complete_net
from legacy_nets.cli.remember import print_remembered
from legacy_nets.cli.tables import VERDICT_STYLES, count_rows, print_documents, print_table
from legacy_nets.documents.catalogue import find_photographs
from legacy_nets.documents.judge import explain_once, translate_measured
from legacy_nets.files import Stamp, stamp_files
from legacy_nets.language import translate as _
from legacy_nets.quiet import quiet_tensorflow


@click.command()
@click.argument("selector", required=False, metavar="[DOC|NET|ID]", shell_complete=complete_net)
@click.option("--wrong", "only_wrong", is_flag=True, help="Only facts with the verdict wrong.")
@click.option("--json", "as_json", is_flag=True, help="Print every field of each fact as JSON.")
def facts(selector: str | None, only_wrong: bool, as_json: bool) -> None:
    """Measure the claims of a document on the live graph, and judge them.

    \b
    legacy-nets facts 002
    legacy-nets facts hand_signs --wrong
    legacy-nets facts 000-F07 --json

    A fact is derived if the document does not state the value and its code yields it.
    A fact is ambiguous if only one reading confirms it, or if it cannot be checked here. The
    claims of document 001 (hand signs) about its photographs are measured if LEGACY_NETS_SIGNS
    names their folder.
    """
    selected = documents.facts(selector)
    if only_wrong:
        selected = [fact for fact in selected if fact.verdict == "wrong"]
    print_remembered(
        ("facts", selector, only_wrong, as_json, stamp_photographs()),
        lambda: _print_facts(selected, selector, as_json),
    )


def stamp_photographs() -> tuple[Stamp, ...]:
    """Stamps the photographs that facts are measured on."""
    return stamp_files(sorted(find_photographs().glob("*_signs.h5")))


def _print_facts(selected: Sequence[documents.Fact], selector: str | None, as_json: bool) -> None:
    if selected:
        quiet_tensorflow()
    results = [documents.measure(fact) for fact in _track(selected)]
    if as_json:
        rows = [fact_to_json(fact, result) for fact, result in zip(selected, results, strict=True)]
        click.echo(json.dumps(rows, indent=1))
        return
    print_table(
        (_("id"), _("place"), _("quantity"), _("stated"), _("measured"), _("verdict")),
        [
            _format_fact(fact, result, why)
            for fact, result, why in zip(selected, results, explain_once(selected), strict=True)
        ],
    )
    verdicts = [result.verdict for result in results]
    counts = ", ".join(f"{verdicts.count(verdict)} {_(verdict)}" for verdict in VERDICT_STYLES)
    noun = _("{count} fact") if len(results) == 1 else _("{count} facts")
    rows_of = count_rows(noun.format(count=len(results)), selector)
    click.echo(_("{rows} measured: {counts}").format(rows=rows_of, counts=counts))
    print_documents(selected)


def _track(facts: Sequence[documents.Fact]) -> Iterable[documents.Fact]:
    """Shows a progress bar on a terminal: to measure all facts takes a minute."""
    from rich.console import Console
    from rich.progress import track

    console = Console(stderr=True)
    return track(
        facts, _("measuring"), console=console, transient=True, disable=not console.is_terminal
    )


def fact_to_json(fact: documents.Fact, result: documents.Measured) -> dict[str, object]:
    """Converts a fact and its verdict to what --json prints."""
    return {
        **dataclasses.asdict(fact),
        "document": fact.document,
        "verdict": result.verdict,
        "measured": result.value,
    }


def _format_fact(fact: documents.Fact, result: documents.Measured, why: str) -> tuple[str, ...]:
    """Makes the cells of a fact. ``why``: the reason of the table's verdict."""
    from rich.markup import escape

    is_same = result.value == fact.stated
    measured = "=" if is_same else escape(translate_measured(result.value, fact.stated))
    if result.verdict != fact.verdict:  # photographs are missing here, or are present
        verdict = _("the verdict of the table, measured elsewhere: {verdict}")
        why = verdict.format(verdict=_(fact.verdict))
    return (
        fact.id,
        fact.place,
        escape(fact.quantity),
        escape(_(fact.stated)),
        measured + (f"\n[dim]{escape(why)}[/]" if why else ""),
        f"[{VERDICT_STYLES[result.verdict]}]{_(result.verdict)}[/]",
    )
