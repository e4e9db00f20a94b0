"""``legacy-nets errata``: the defects of the documents and their fixes."""

from __future__ import annotations

import dataclasses
import json

import click

from legacy_nets import documents
from legacy_nets.cli.completion import complete_net
from legacy_nets.cli.tables import count_rows, print_documents, print_table
from legacy_nets.language import translate as _


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
        (_("id"), _("place"), _("kind"), _("original code"), _("fix")),
        [
            (
                row.id,
                row.place,
                _(row.kind),
                escape(format_defect(row)),
                escape(row.fix),
            )
            for row in selected
        ],
    )
    noun = _("{count} erratum") if len(selected) == 1 else _("{count} errata")
    count = count_rows(noun.format(count=len(selected)), selector)
    click.echo(_("{count}; the tests that prove them: --json").format(count=count))
    print_documents(selected)


def erratum_to_json(row: documents.Erratum) -> dict[str, object]:
    """Converts an erratum to what --json prints."""
    return {**dataclasses.asdict(row), "document": row.document}


def format_defect(row: documents.Erratum) -> str:
    """Formats what the original code does, with its number where there is one."""
    harm = _(" [measured: {value}]").format(value=_(row.harm))
    return row.literal + (harm if row.harm else "")
