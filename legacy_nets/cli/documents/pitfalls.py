"""``legacy-nets pitfalls``: the pitfalls of TensorFlow 1, shown and fixed on a live graph."""

from __future__ import annotations

import dataclasses
import json

import click

from legacy_nets.errors import BadInputError
from legacy_nets.language import translate as _
from legacy_nets.quiet import quiet_tensorflow


@click.command()
@click.argument("selector", required=False, metavar="[ID|WORD]")
@click.option("--code", is_flag=True, help="Print the code of each pitfall and its fix.")
@click.option("--json", "as_json", is_flag=True, help="Print every field of each pitfall as JSON.")
def pitfalls(selector: str | None, code: bool, as_json: bool) -> None:
    """Run the pitfalls of TensorFlow 1 that users still ask about, without and with the fix.

    \b
    legacy-nets pitfalls
    legacy-nets pitfalls saver
    legacy-nets pitfalls T03 --code
    """
    from legacy_nets.documents import pitfalls as catalogue

    if code and as_json:
        raise BadInputError("--code and --json exclude each other: give one of them")
    selected = catalogue.list_pitfalls(selector)
    quiet_tensorflow()
    if code:
        for row in selected:
            head = _("# {id} {title}: {without_fix}; with the fix: {with_fix}")
            click.echo(head.format(**dataclasses.asdict(row)))
            click.echo(catalogue.get_code(row))
        return
    measured = [
        dataclasses.replace(
            row,
            without_fix=catalogue.measure(row, with_fix=False),
            with_fix=catalogue.measure(row, with_fix=True),
        )
        for row in selected
    ]
    if as_json:
        rows = [{**dataclasses.asdict(row), "code": catalogue.get_code(row)} for row in measured]
        click.echo(json.dumps(rows, indent=1))
        return
    from rich.markup import escape

    from legacy_nets.cli.tables import print_table

    print_table(
        (_("id"), _("pitfall"), _("effect"), _("measured"), _("fix"), _("fixed")),
        [
            (
                row.id,
                row.title,
                escape(row.effect),
                escape(row.without_fix),
                escape(row.fix),
                escape(row.with_fix),
            )
            for row in measured
        ],
    )
    for row in measured:  # below the table, so that no link is broken
        click.echo(f"{row.id}  {row.issue}")
    count = len(measured)
    line = _("{count} pitfall run") if count == 1 else _("{count} pitfalls run")
    click.echo(_("{pitfalls}; print their code: --code").format(pitfalls=line.format(count=count)))
