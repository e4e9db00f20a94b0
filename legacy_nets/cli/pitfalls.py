"""``legacy-nets traps``: the pitfalls of TensorFlow 1, shown and cured on a live graph."""

from __future__ import annotations

import dataclasses
import json

import click

from legacy_nets.errors import BadInputError
from legacy_nets.quiet import quiet_tensorflow


@click.command()
@click.argument("what", required=False, metavar="[ID|WORD]")
@click.option("--code", is_flag=True, help="The few lines that show it; mended is the cure.")
@click.option("--json", "as_json", is_flag=True, help="All that is known of each, as JSON.")
def traps(what: str | None, code: bool, as_json: bool) -> None:
    """Run the traps of TensorFlow 1 that users still ask about, each without and with its cure.

    \b
    legacy-nets traps
    legacy-nets traps saver
    legacy-nets traps T03 --code
    """
    from legacy_nets.documents import pitfalls as catalogue

    if code and as_json:
        raise BadInputError("--code and --json: one of them")
    chosen = catalogue.traps(what)
    quiet_tensorflow()
    if code:
        for trap in chosen:
            click.echo(f"# {trap.id} {trap.title}: {trap.harm}; cured: {trap.cured}")
            click.echo(catalogue.code(trap))
        return
    found = [(catalogue.measure(trap, False), catalogue.measure(trap, True)) for trap in chosen]
    if as_json:
        rows = [
            {**dataclasses.asdict(trap), "harm": harm, "cured": cured, "code": catalogue.code(trap)}
            for trap, (harm, cured) in zip(chosen, found, strict=True)
        ]
        click.echo(json.dumps(rows, indent=1))
        return
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    table = Table(show_lines=True, header_style="bold")
    for column in ("id", "trap", "what happens", "measured", "cure", "then"):
        table.add_column(column, overflow="fold", no_wrap=column == "id")
    for trap, (harm, cured) in zip(chosen, found, strict=True):
        happens = f"{trap.happens}\n[dim]{escape(trap.issue)}[/]"
        table.add_row(trap.id, trap.title, happens, escape(harm), escape(trap.cure), escape(cured))
    console = Console()
    if not console.is_terminal:
        console.width = max(console.width, 160)
    console.print(table)
    click.echo(f"{len(found)} traps run; their code: --code")
