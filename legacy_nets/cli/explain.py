"""``legacy-nets explain``: a walk through a net, section by section."""

from __future__ import annotations

import pathlib
from typing import TYPE_CHECKING

import click

from legacy_nets import documents, registry
from legacy_nets.cli.completion import complete_net
from legacy_nets.cli.documents.errata import format_defect
from legacy_nets.cli.options import print_notes
from legacy_nets.cli.tables import VERDICT_STYLES, make_console
from legacy_nets.documents import catalogue
from legacy_nets.errors import BadInputError
from legacy_nets.quiet import quiet_tensorflow
from legacy_nets.shapes import format_axes, format_shape, format_window

if TYPE_CHECKING:
    from rich.console import Console

    from legacy_nets.documents.explain import Section

_MARK_WIDTH = max(map(len, VERDICT_STYLES))


@click.command()
@click.argument("net", shell_complete=complete_net)
@click.option("--at", metavar="NAME", help="Only the section with this end point or scope.")
@click.option("--figure", type=click.Path(path_type=pathlib.Path), help="Folder for the PNGs.")
@click.option("--image", help="Image for the figures. [default: a synthetic one]")
@click.option(
    "--end-point", "end_points", multiple=True, metavar="NAME", help="End point to draw maps of."
)
@click.option("--checkpoint", help="Weights for the figures. [default: initial weights]")
def explain(
    net: str,
    at: str | None,
    figure: pathlib.Path | None,
    image: str | None,
    end_points: tuple[str, ...],
    checkpoint: str | None,
) -> None:
    """Walk through NET: the claims of its document, the layers of the graph, and the fixes.

    \b
    legacy-nets explain inception_v3 | less
    legacy-nets explain inception_v3 --at Mixed_6c
    legacy-nets explain hand_signs --figure figures --checkpoint run --image photo.jpg

    --figure draws the layers as blocks, the maps of an image at some end points, the kernels of
    the first layer, and the receptive field of one value.
    """
    if figure is None and (image or end_points or checkpoint):
        raise BadInputError("--image, --end-point and --checkpoint are for figures: add --figure")
    registry.get_net(net)
    if figure is not None and figure.exists() and not figure.is_dir():
        raise BadInputError(f"--figure {figure}: that is a file: name a folder")
    quiet_tensorflow()
    from legacy_nets.documents.explain import walk

    sections = walk(net, at)
    drawn = None
    if figure is not None:
        from legacy_nets.documents import figures
        from legacy_nets.train.settings import find_checkpoint_file

        weights = None if checkpoint is None else find_checkpoint_file(checkpoint, best=False)
        if weights is not None:
            print_notes(weights)
        drawn = figures.draw(net, figure, image, end_points, weights)
    _print_page(net, sections, with_title=at is None)
    if drawn is not None:
        for path in drawn.paths:
            click.echo(f"wrote {path}")
        for note in drawn.notes:
            click.echo(f"note: {note}")


def _print_page(net: str, sections: list[Section], with_title: bool) -> None:
    console = make_console(120)
    record = registry.get_net(net)
    if with_title:
        size = "x".join(map(str, (*record.image_size, record.channels)))
        console.print(
            f"[bold]{net}[/]: {catalogue.name_document(record.document)}, images {size} "
            f"({record.preprocessing} preprocessing), {record.num_classes} classes, "
            f"{record.parameters:,} parameters"
        )
    for section in sections:
        console.print()
        title = section.title or "complete net"
        console.rule(f"[bold]{title}[/]", align="left", characters="-")
        _print_layers(console, section, record.scope)
        _print_rows(console, section)


def _print_layers(console: Console, section: Section, scope: str) -> None:
    from rich.table import Table

    table = Table.grid(padding=(0, 2))
    for justify in ("left", "left", "left", "left", "right", "left"):
        table.add_column(justify=justify, overflow="fold")
    for layer in section.layers:
        field = layer.receptive_field
        table.add_row(
            layer.name.removeprefix(f"{scope}/"),
            layer.layer_type,
            format_window(layer.kernel, layer.stride, layer.padding),
            format_shape(layer.output),
            f"{layer.parameters:,}" if layer.parameters else "",
            f"receptive field {format_axes(field.size)}" if field else "",
        )
    console.print(table)


def _print_rows(console: Console, section: Section) -> None:
    from rich.padding import Padding

    for line in (*map(_format_fact, section.facts), *map(_format_erratum, section.errata)):
        console.print(Padding(line, (0, 0, 0, 2)))


def _format_fact(fact: documents.Fact) -> str:
    from rich.markup import escape

    result = documents.measure(fact)
    mark = f"[{VERDICT_STYLES[result.verdict]}]{result.verdict:{_MARK_WIDTH}}[/]"
    measured = "" if result.verdict in ("confirmed", "derived") else f" -> {result.value}"
    why = f" ({fact.why})" if fact.why else ""
    text = f"{fact.place}: {fact.quantity}: {fact.stated}{measured}{why}"
    return f"{mark} {fact.id} {escape(text)}"


def _format_erratum(row: documents.Erratum) -> str:
    from rich.markup import escape

    mark = f"[cyan]{'fixed':{_MARK_WIDTH}}[/]"
    defect = escape(f"{row.place}: {format_defect(row)}")
    return f"{mark} {row.id} {defect} [cyan]->[/] {escape(row.fix)}"
