"""``legacy-nets nets``: lists the nets of the registry."""

from __future__ import annotations

import dataclasses
import json

import click
import rich.box
from rich.console import Console
from rich.table import Table

from legacy_nets import registry
from legacy_nets.cli.completion import complete_net
from legacy_nets.errors import BadInputError
from legacy_nets.language import mark
from legacy_nets.language import translate as _


@click.command()
@click.argument("pattern", default="*", shell_complete=complete_net)
@click.option("--json", "as_json", is_flag=True, help="All facts of the records, as JSON.")
@click.option("--markdown", is_flag=True, help="The table of docs/nets.md.")
def nets(pattern: str, as_json: bool, markdown: bool) -> None:
    """List the nets whose names match PATTERN (shell wildcards)."""
    records = [registry.get_net(name) for name in registry.list_nets(pattern)]
    if not records:
        message = _("no net matches {pattern!r} (all: legacy-nets nets)")
        raise BadInputError(message.format(pattern=pattern))
    if markdown:
        click.echo(markdown_table(records))
        return
    if as_json:
        rows = [
            dataclasses.asdict(record)
            | {
                "errata": record.errata,
                "tutorial": dataclasses.asdict(registry.get_document(record.document)),
            }
            for record in records
        ]
        click.echo(json.dumps(rows, indent=1))
        return
    table = Table(box=rich.box.SIMPLE, pad_edge=False, padding=(0, 1))
    for column in COLUMNS:
        table.add_column(_(column), no_wrap=True)  # a cut number is wrong
    for record in records:
        table.add_row(*make_row(record))
    Console(width=max(110, Console().width)).print(table)
    for number in dict.fromkeys(record.document for record in records):
        document = registry.get_document(number)
        click.echo(f"{number} ({_(document.short_title)}){_(': ')}{document.citation}")


COLUMNS = (
    mark("net"),
    mark("document"),
    mark("input"),
    mark("preprocessing"),
    mark("classes"),
    mark("trainable parameters"),
)


def make_row(net: registry.Net) -> tuple[str, ...]:
    """Makes the cells of a net, one for each of ``COLUMNS``."""
    size = "x".join(str(side) for side in (*net.image_size, net.channels))
    return (
        net.name,
        net.document,
        size,
        net.preprocessing,
        str(net.num_classes),
        f"{net.parameters:,}",
    )


def markdown_table(records: list[registry.Net]) -> str:
    """The records as a Markdown table."""
    rows = [COLUMNS, ("---",) * len(COLUMNS), *(make_row(record) for record in records)]
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)
