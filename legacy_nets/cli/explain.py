"""``legacy-nets explain``: a net, place by place, for a reader."""

from __future__ import annotations

import pathlib
from typing import Any

import click

from legacy_nets import registry
from legacy_nets.cli.describe import by, shape
from legacy_nets.cli.facts import _STYLES
from legacy_nets.errors import BadInputError
from legacy_nets.quiet import quiet_tensorflow

_MARKS = {"confirmed": "confirmed", "wrong": "wrong    ", "ambiguous": "ambiguous"}


@click.command()
@click.argument("net")
@click.option("--at", metavar="NAME", help="Only the place with this end point or scope.")
@click.option("--figure", type=click.Path(path_type=pathlib.Path), help="Folder for PNGs.")
@click.option("--image", help="For the figures. [default: a drawn one]")
@click.option(
    "--end-point", "end_points", multiple=True, metavar="NAME", help="Whose maps are drawn."
)
@click.option("--checkpoint", help="Weights for the figures. [default: initial ones]")
def explain(
    net: str,
    at: str | None,
    figure: pathlib.Path | None,
    image: str | None,
    end_points: tuple[str, ...],
    checkpoint: str | None,
) -> None:
    """Walk through NET: what the document says, what the graph has, what was mended.

    \b
    legacy-nets explain inception_v3 | less
    legacy-nets explain inception_v3 --at Mixed_6c
    legacy-nets explain hand_signs --figure figures --checkpoint run --image photo.jpg

    With --figure: the layers as blocks, the maps of an image at some end points, the kernels of
    the first layer, and what one value sees of the image.
    """
    if figure is None and (image or end_points or checkpoint):
        raise BadInputError("--image, --end-point and --checkpoint are for figures: add --figure")
    registry.get_net(net)
    if figure is not None and figure.exists() and not figure.is_dir():
        raise BadInputError(f"--figure {figure}: that is a file: name a folder")
    quiet_tensorflow()
    from legacy_nets.documents import explain as walking

    places = walking.walk(net, at)
    drawn = None
    if figure is not None:
        from legacy_nets.documents import figures
        from legacy_nets.train.settings import find_checkpoint_file

        weights = None if checkpoint is None else find_checkpoint_file(checkpoint, best=False)
        drawn = figures.draw(net, figure, image, end_points, weights)
    _print(net, places, whole=at is None)
    if drawn is not None:
        for path in drawn.paths:
            click.echo(f"wrote {path}")
        for note in drawn.notes:
            click.echo(f"note: {note}")


def _print(net: str, places: Any, whole: bool) -> None:
    from rich.console import Console

    console = Console(highlight=False)
    if not console.is_terminal:
        console.width = max(console.width, 120)
    record = registry.get_net(net)
    if whole:
        size = "x".join(map(str, (*record.image_size, record.channels)))
        console.print(
            f"[bold]{net}[/]: document {record.document}, images {size} "
            f"({record.preprocessing} pixels), {record.num_classes} classes, "
            f"{record.parameters:,} parameters"
        )
    for place in places:
        console.print()
        title = place.title or "of the net as a whole"
        console.rule(f"[bold]{title}[/]", align="left", characters="-")
        _print_layers(console, place, record.scope)
        _print_rows(console, place)


def _print_layers(console: Any, place: Any, scope: str) -> None:
    from rich.table import Table

    table = Table.grid(padding=(0, 2))
    for justify in ("left", "left", "left", "left", "right", "left"):
        table.add_column(justify=justify, overflow="fold")
    for layer in place.layers:
        window = f"{by(layer.kernel)} / {by(layer.stride)} {layer.padding}" if layer.kernel else ""
        table.add_row(
            layer.name.removeprefix(f"{scope}/"),
            layer.kind,
            window,
            shape(layer.output),
            f"{layer.parameters:,}" if layer.parameters else "",
            f"sees {by(layer.field.size)}" if layer.field else "",
        )
    console.print(table)


def _print_rows(console: Any, place: Any) -> None:
    from rich.markup import escape
    from rich.padding import Padding

    from legacy_nets import documents

    lines = []
    for fact in place.facts:
        found = documents.measure(fact)
        colour = _STYLES[found.verdict]
        true = "" if found.verdict == "confirmed" else f" -> {found.value}"
        why = f" ({fact.why})" if fact.why else ""
        lines.append(
            f"[{colour}]{_MARKS[found.verdict]}[/] {fact.id} {escape(fact.place)}: "
            f"{escape(fact.quantity)}: {escape(fact.stated)}{escape(true + why)}"
        )
    for row in place.errata:
        number = f" [measured: {row.harm}]" if row.harm else ""
        lines.append(
            f"[cyan]mended   [/] {row.id} {escape(row.place)}: {escape(row.literal + number)} "
            f"[cyan]->[/] {escape(row.fix)}"
        )
    for line in lines:
        console.print(Padding(line, (0, 0, 0, 2)))
