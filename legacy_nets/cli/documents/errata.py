"""``legacy-nets errata``: the defects of the documents and their fixes."""

from __future__ import annotations

import dataclasses
import json

import click

from legacy_nets import documents
from legacy_nets.cli.completion import complete_net
from legacy_nets.cli.tables import count_rows, print_documents, print_table


@click.command()
@click.argument("selector", required=False, metavar="[DOC|NET|ID]", shell_complete=complete_net)
@click.option("--json", "as_json", is_flag=True, help="Print every field of each erratum as JSON.")
def errata(selector: str | None, as_json: bool) -> None:
    """Show the defects of a document: what its original code does, and the fix.

    \b
    legacy-nets errata 001
    legacy-nets errata resnet_v2_50
    legacy-nets errata 003-E05 --json
    """
    selected = documents.errata(selector)
    if as_json:
        click.echo(json.dumps([erratum_to_json(row) for row in selected], indent=1))
        return
    from rich.markup import escape

    print_table(
        ("id", "place", "kind", "original code", "fix"),
        [
            (row.id, row.place, row.kind, escape(format_defect(row)), escape(row.fix))
            for row in selected
        ],
    )
    count = count_rows(len(selected), "erratum", "errata", selector)
    click.echo(f"{count}; the tests that prove them: --json")
    print_documents(selected)


def erratum_to_json(row: documents.Erratum) -> dict[str, object]:
    """Converts an erratum to what --json prints."""
    return {**dataclasses.asdict(row), "document": row.document}


def format_defect(row: documents.Erratum) -> str:
    """Formats what the original code does, with its number where there is one."""
    return row.literal + (f" [measured: {row.harm}]" if row.harm else "")
