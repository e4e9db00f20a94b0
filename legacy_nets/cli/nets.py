"""``legacy-nets nets``: what there is."""

from __future__ import annotations

import dataclasses
import json

import click
from rich.console import Console
from rich.table import Table

from legacy_nets import registry
from legacy_nets.errors import BadInputError


@click.command()
@click.argument("pattern", default="*")
@click.option("--json", "as_json", is_flag=True, help="All facts of the records, as JSON.")
def nets(pattern: str, as_json: bool) -> None:
    """List the nets whose names match PATTERN (shell wildcards)."""
    records = [registry.get_net(name) for name in registry.list_nets(pattern)]
    if not records:
        raise BadInputError(f"no net matches {pattern!r} (all: legacy-nets nets)")
    if as_json:
        click.echo(json.dumps([dataclasses.asdict(record) for record in records], indent=1))
        return
    table = Table("net", "document", "input", "pixels", "classes", "parameters")
    for record in records:
        size = "x".join(str(side) for side in (*record.image_size, record.channels))
        table.add_row(
            record.name,
            record.document,
            size,
            record.pixels,
            str(record.classes),
            f"{record.parameters:,}",
        )
    Console().print(table)
