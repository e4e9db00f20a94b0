"""``legacy-nets explain``: a walk through a net, section by section."""

from __future__ import annotations

import dataclasses
import json
import pathlib
from collections.abc import Iterable
from typing import TYPE_CHECKING, get_args

import click

from legacy_nets import documents, registry
from legacy_nets.cli.book import write_html
from legacy_nets.cli.completion import complete_net
from legacy_nets.cli.documents.errata import erratum_to_json, format_defect
from legacy_nets.cli.documents.facts import fact_to_json, stamp_photographs
from legacy_nets.cli.options import FilePath, find_weights
from legacy_nets.cli.remember import print_remembered
from legacy_nets.cli.tables import VERDICT_STYLES, make_console, number_to_json
from legacy_nets.documents import catalogue, judge
from legacy_nets.errors import BadInputError
from legacy_nets.files import suggest_paths
from legacy_nets.language import translate as _
from legacy_nets.language.lines import say
from legacy_nets.progress import show_progress, show_status
from legacy_nets.quiet import quiet_tensorflow
from legacy_nets.shapes import format_axes, format_shape, format_window
from legacy_nets.sigterm import end_on_sigterm
from legacy_nets.types import GraphLevel

if TYPE_CHECKING:
    from rich.console import Console

    from legacy_nets.documents.explain import Section

_MARK_WIDTH = max(map(len, VERDICT_STYLES))
_Measured = dict[str, judge.Measured]  # by the id of a fact


@click.command()
@click.argument("net", shell_complete=complete_net)
@click.option("--at", metavar="NAME", help="Only the section with this end point or scope.")
@click.option("--facts", "with_facts", is_flag=True, help="Claims of the document and errata.")
@click.option("--json", "as_json", is_flag=True, help="Print the sections as JSON.")
@click.option("--figure", type=FilePath(path_type=pathlib.Path), help="Folder for the figures.")
@click.option(
    "--level",
    type=click.Choice(get_args(GraphLevel)),
    help="Boxes of the graph. [default: layers, or stages of a deep net]",
)
@click.option("--svg", "as_svg", is_flag=True, help="Draw the graph as SVG, with both levels.")
@click.option(
    "--html", type=FilePath(path_type=pathlib.Path), help="File for all of it as one HTML page."
)
@click.option("--image", help="Image for the figures. [default: a synthetic one]")
@click.option(
    "--end-point", "end_points", multiple=True, metavar="NAME", help="End point to draw maps of."
)
@click.option("--checkpoint", help="Weights for the figures. [default: initial weights]")
@end_on_sigterm()
def explain(
    net: str,
    at: str | None,
    with_facts: bool,
    as_json: bool,
    figure: pathlib.Path | None,
    level: GraphLevel | None,
    as_svg: bool,
    html: pathlib.Path | None,
    image: str | None,
    end_points: tuple[str, ...],
    checkpoint: str | None,
) -> None:
    """Walk through NET: what each block is for, which code builds it, and its layers.

    \b
    legacy-nets explain inception_v3 | less
    legacy-nets explain inception_v3 --at Mixed_6c --facts
    legacy-nets explain hand_signs --figure figures --checkpoint run --image photo.jpg

    --facts measures the claims of the document at their place, and shows what was fixed.
    --html writes the page of legacy-nets book.
    --figure draws the graph with its branches, the maps of an image at some end points, the
    kernels of the first layer, receptive fields, and the attention of a Vision Transformer.
    """
    if html is not None:
        if at or with_facts or as_json or figure or level or as_svg or end_points:
            raise BadInputError("--html takes only --image and --checkpoint: the page has it all")
        registry.get_net(net)
        write_html(net, html, checkpoint, image)
        return
    needs_figure = bool(image or end_points or checkpoint or level or as_svg)
    _check_figure_options(figure, needs_figure, bool(level and as_svg), as_json)
    registry.get_net(net)
    weights = find_weights(checkpoint)
    _check_image(image)
    if figure is None:
        photographs = stamp_photographs() if with_facts else ()
        print_remembered(
            ("explain", net, at, with_facts, as_json, photographs),
            lambda: _print_sections(net, _walk(net, at), at, with_facts, as_json),
        )
        return
    sections = _walk(net, at)
    from legacy_nets.documents import figures

    with show_status(_("drawing the figures")):
        drawn = figures.draw(net, figure, image, end_points, weights, level, as_svg=as_svg)
    _print_sections(net, sections, at, with_facts, as_json)
    for path in drawn.paths:
        say(f"wrote {path}")
    for note in drawn.notes:
        say(f"note: {note}")


def _walk(net: str, at: str | None) -> list[Section]:
    with show_status(_("building {net}").format(net=net)):
        quiet_tensorflow()
        from legacy_nets.documents.explain import walk

        return walk(net, at)


def _print_sections(
    net: str, sections: list[Section], at: str | None, with_facts: bool, as_json: bool
) -> None:
    measured = _measure(sections) if with_facts else {}
    if as_json:
        rows = [_to_json(net, section, with_facts, measured) for section in sections]
        click.echo(json.dumps({"net": net, "sections": rows}, indent=1, default=number_to_json))
    else:
        _print_page(net, sections, measured, with_facts, with_title=at is None)


def _check_image(image: str | None) -> None:
    """Raises BadInputError for an image that is not there."""
    if image is not None and not pathlib.Path(image).exists():
        raise BadInputError(f"no such image: {image}{suggest_paths(pathlib.Path(image))}")


def _check_figure_options(
    figure: pathlib.Path | None, needs_figure: bool, has_two_levels: bool, as_json: bool
) -> None:
    """Checks the options of figures. Raises BadInputError where they exclude each other."""
    if figure is None and needs_figure:
        raise BadInputError(
            "--image, --end-point, --checkpoint, --level and --svg are for figures: add --figure"
        )
    if has_two_levels:
        raise BadInputError("--level and --svg exclude each other: the SVG has both levels")
    if figure is not None and as_json:
        raise BadInputError("--figure and --json exclude each other: give one of them")
    if figure is not None and figure.exists() and not figure.is_dir():
        raise BadInputError(f"--figure {figure}: that is a file: name a folder")


def _measure(sections: Iterable[Section]) -> _Measured:
    """Measures the facts of the sections."""
    facts = [fact for section in sections for fact in section.facts]
    measured = {}
    with show_progress(_("facts measured"), len(facts)) as report:
        for fact in facts:
            measured[fact.id] = documents.measure(fact)
            report(1)
    return measured


def _print_page(
    net: str, sections: list[Section], measured: _Measured, with_facts: bool, with_title: bool
) -> None:
    console = make_console(120)
    record = registry.get_net(net)
    if with_title:
        size = "x".join(map(str, (*record.image_size, record.channels)))
        console.print(
            _(
                "[bold]{net}[/]: {document}, images {size} ({preprocessing} preprocessing), "
                "{classes} classes, {parameters:,} parameters"
            ).format(
                net=net,
                document=catalogue.name_document(record.document),
                size=size,
                preprocessing=record.preprocessing,
                classes=record.num_classes,
                parameters=record.parameters,
            )
        )
    shown: dict[str, str] = {}
    for section in sections:
        if section.title or with_facts:
            console.print()
            title = section.title or _("complete net")
            console.rule(f"[bold]{title}[/]", align="left", characters="-")
        _print_blocks(console, net, section, shown)
        _print_layers(console, section, record.scope)
        if with_facts:
            _print_rows(console, section, measured)
    console.print()
    if with_facts:
        _print_unmeasured(console, sections, measured)
    else:
        _print_counts(console, sections, record.document)


def _print_blocks(console: Console, net: str, section: Section, shown: dict[str, str]) -> None:
    """Prints what a section is for; a text that was shown before is named with its section."""
    from legacy_nets.documents import blocks

    for block in section.blocks:
        place = f"[dim]{blocks.locate(block, net)}[/]"
        if block.id in shown:
            see = _("{title}: see {section}").format(title=block.title, section=shown[block.id])
            console.print(f"{see}  {place}", soft_wrap=True)
            continue
        shown[block.id] = section.title
        console.print(f"[bold]{block.title}[/]  {place}", soft_wrap=True)
        console.print(block.text, markup=False)


def _print_layers(console: Console, section: Section, scope: str) -> None:
    from rich.table import Table

    table = Table.grid(padding=(0, 2))
    for justify in ("left", "left", "left", "left", "right", "left"):
        table.add_column(justify=justify, overflow="fold")
    for layer in section.layers:
        field = layer.receptive_field
        table.add_row(
            layer.name.removeprefix(f"{scope}/"),
            _(layer.layer_type),
            format_window(layer.kernel, layer.stride, layer.padding),
            format_shape(layer.output),
            f"{layer.parameters:,}" if layer.parameters else "",
            _("receptive field {size}").format(size=format_axes(field.size)) if field else "",
        )
    if section.layers:
        console.print(table)
    for count in section.counts:
        name = count.layer.removeprefix(f"{scope}/")
        line = _("parameters of {name}: {formula}: {explanation}")
        line = line.format(name=name, formula=count.formula, explanation=count.explanation)
        console.print(line, markup=False)


def _print_rows(console: Console, section: Section, measured: _Measured) -> None:
    """Prints the facts that can be measured here, and the errata."""
    from rich.padding import Padding

    facts = [
        _format_fact(fact, measured[fact.id])
        for fact in section.facts
        if measured[fact.id].is_complete
    ]
    for line in (*facts, *map(_format_erratum, section.errata)):
        console.print(Padding(line, (0, 0, 0, 2)))


def _print_unmeasured(console: Console, sections: list[Section], measured: _Measured) -> None:
    """Prints the facts that cannot be measured here, each reason once."""
    from rich.padding import Padding

    reasons: dict[str, list[documents.Fact]] = {}
    for fact in (fact for section in sections for fact in section.facts):
        if not measured[fact.id].is_complete:
            reasons.setdefault(judge.explain_missing(fact), []).append(fact)
    if reasons:
        console.rule(f"[bold]{_(judge.NOT_HERE)}[/]", align="left", characters="-")
    for why, facts in reasons.items():
        console.print(f"{why}:", markup=False)
        for fact in facts:
            line = f"{fact.id} {fact.place}: {fact.quantity}: {fact.stated}"
            console.print(Padding(line, (0, 0, 0, 2)), markup=False)


def _print_counts(console: Console, sections: Iterable[Section], document: str) -> None:
    """Says how many facts and errata --facts would show."""
    facts = sum(len(section.facts) for section in sections)
    errata = sum(len(section.errata) for section in sections)
    console.print(
        _("{document} has {facts} facts and {errata} errata here: --facts").format(
            document=catalogue.name_document(document), facts=facts, errata=errata
        ),
        markup=False,
    )


def _format_fact(fact: documents.Fact, result: judge.Measured) -> str:
    from rich.markup import escape

    mark = f"[{VERDICT_STYLES[result.verdict]}]{_pad_mark(_(result.verdict))}[/]"
    measured = "" if result.verdict in ("confirmed", "derived") else f" -> {result.value}"
    why = f" ({fact.why})" if fact.why else ""
    text = f"{fact.place}: {fact.quantity}: {fact.stated}{measured}{why}"
    return f"{mark} {fact.id} {escape(text)}"


def _pad_mark(text: str) -> str:
    """Pads a verdict to one width; a Chinese character is as wide as two others."""
    from rich.cells import set_cell_size

    return set_cell_size(text, _MARK_WIDTH)


def _format_erratum(row: documents.Erratum) -> str:
    from rich.markup import escape

    mark = f"[cyan]{_pad_mark(_('fixed'))}[/]"
    defect = escape(f"{row.place}: {format_defect(row)}")
    return f"{mark} {row.id} {defect} [cyan]->[/] {escape(row.fix)}"


def _to_json(
    net: str, section: Section, with_facts: bool, measured: _Measured
) -> dict[str, object]:
    """Converts a section to what --json prints."""
    from legacy_nets.documents import blocks

    row: dict[str, object] = {
        "title": section.title,
        "blocks": [
            {**dataclasses.asdict(block), "source": str(blocks.locate(block, net))}
            for block in section.blocks
        ],
        "layers": [dataclasses.asdict(layer) for layer in section.layers],
        "parameters": [
            {
                "layer": count.layer,
                "formula": count.formula,
                "explanation": count.explanation,
                **dataclasses.asdict(count),
            }
            for count in section.counts
        ],
    }
    if with_facts:
        row["facts"] = [fact_to_json(fact, measured[fact.id]) for fact in section.facts]
        row["errata"] = [erratum_to_json(erratum) for erratum in section.errata]
    return row
