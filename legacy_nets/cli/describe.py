"""``legacy-nets describe``: the layers of a net, or of a graph in a file."""

from __future__ import annotations

import dataclasses
import io
import json
import pathlib
from collections.abc import Sequence
from typing import TYPE_CHECKING, Literal, NamedTuple

import click

from legacy_nets import registry
from legacy_nets.checkpoints.formats.h5 import check_that_reading_ends
from legacy_nets.checkpoints.open import refuse_exports
from legacy_nets.cli.completion import complete_net_or_path
from legacy_nets.cli.options import split_names
from legacy_nets.cli.remember import print_remembered
from legacy_nets.cli.tables import number_to_json
from legacy_nets.errors import BadInputError
from legacy_nets.language import choose_language, get_language, mark
from legacy_nets.language import translate as _
from legacy_nets.language.lines import translate_line
from legacy_nets.port.jobs import SAVED_MODEL
from legacy_nets.progress import show_status
from legacy_nets.quiet import quiet_tensorflow
from legacy_nets.sandbox import run_in_subprocess
from legacy_nets.shapes import format_axes, format_shape, parse_sides
from legacy_nets.train.settings import parse_net_options

if TYPE_CHECKING:
    from legacy_nets.anatomy import Anatomy, Layer

_GRAPH_SUFFIXES = (".meta", ".pb", ".pbtxt", ".onnx", ".tflite")
# Without .h5, which may hold a complete model.
_WEIGHT_SUFFIXES = (".npz", ".safetensors", ".pth", ".keras", ".index")
MAX_NAMES = 4  # layers that a note names
_HEADINGS: dict[str, Literal["left", "right"]] = {  # heading -> how its cells are justified
    mark("layer"): "left",
    mark("type"): "left",
    mark("output"): "left",
    mark("kernel"): "left",
    mark("stride"): "left",
    mark("padding"): "left",
    mark("parameters"): "right",
    mark("multiply-adds"): "right",
    mark("field"): "right",
    mark("step"): "right",
    mark("pad"): "right",
    mark("time"): "right",
    mark("memory"): "right",
}
_LEFT_OUT_FIRST = ("pad", "step", "padding", "field", "stride", "kernel", "multiply-adds")
_MIN_NAME = 20  # columns of a layer's name; longer names are folded


class Screen(NamedTuple):
    """What the table must know of stdout; the subprocess that makes it has no terminal."""

    is_terminal: bool
    width: int
    language: str = "en"


@click.command()
@click.argument("net", metavar="NET|FILE", shell_complete=complete_net_or_path)
@click.option(
    "--size",
    "--image-size",
    "size",
    metavar="HxW",
    help="Size of the images; TxHxW for clips. [default: the document's]",
)
@click.option("--depth", type=click.IntRange(1), help="Fold scopes below this level into one row.")
@click.option(
    "--num-classes", type=click.IntRange(1), help="Number of classes. [default: the net's]"
)
@click.option("--option", "options", multiple=True, metavar="NAME=VALUE", help="Option of the net.")
@click.option(
    "--tags", metavar="A,B", help='Tags of a SavedModel\'s graph; "" is none. [default: serve]'
)
@click.option(
    "--time", "with_time", is_flag=True, help="Run NET, and show time and memory of each layer."
)
@click.option("--json", "as_json", is_flag=True, help="Print every field of each layer as JSON.")
def describe(
    net: str,
    size: str | None,
    depth: int | None,
    num_classes: int | None,
    options: tuple[str, ...],
    tags: str | None,
    with_time: bool,
    as_json: bool,
) -> None:
    """List the layers of NET, or of a graph in FILE, which is never run: a .meta, a frozen .pb, a
    SavedModel, a complete Keras model (.h5), .onnx or .tflite.

    \b
    legacy-nets describe inception_v3 --depth 2
    legacy-nets describe resnet_v2_50 --size 299x299 --num-classes 1001
    legacy-nets describe run/model.ckpt-300.meta

    Multiply-adds are for one image, or for the batch that FILE fixes. The columns field, step and
    pad hold the receptive field, the effective stride and the effective padding ("all": the
    complete input; "!": paths are not aligned).

    --time runs NET on this CPU, on one image with initial weights: the median of five runs, and
    the memory that a layer allocates for its output and buffers.
    """
    if pathlib.Path(net, SAVED_MODEL).is_file():
        net = str(pathlib.Path(net, SAVED_MODEL))
    if tags is not None and pathlib.Path(net).name != SAVED_MODEL:
        raise BadInputError(_("--tags: {net} is no SavedModel: leave it out").format(net=net))
    is_file = net.endswith(_GRAPH_SUFFIXES) or pathlib.Path(net).is_file()
    if is_file:
        _check_file(net)
        if size or num_classes or options or with_time:
            raise BadInputError(
                _("{net} is a built graph: it takes no --size, classes, options or --time").format(
                    net=net
                )
            )
    elif pathlib.Path(net).is_dir() and net not in registry.list_nets():
        _check_file(net)
    else:
        registry.get_net(net)
    sides = parse_size(size)
    net_arguments = parse_net_options(options)
    if num_classes is not None:
        net_arguments["num_classes"] = num_classes
    screen = _get_screen()
    if is_file:
        names = None if tags is None else split_names(tags)
        check_that_reading_ends(pathlib.Path(net))
        click.echo(run_in_subprocess(_format_file, net, names, depth, as_json, screen), nl=False)
        return

    def write() -> None:
        anatomy = _analyze_net(net, sides, net_arguments, with_time)
        click.echo(_format(anatomy, depth, as_json, screen), nl=False)

    request = ("describe", net, sides, net_arguments, depth, as_json)
    write() if with_time else print_remembered(request, write)


def _analyze_net(
    net: str,
    sides: tuple[int | None, ...] | None,
    options: dict[str, object],
    with_time: bool,
) -> Anatomy:
    quiet_tensorflow()
    from legacy_nets import anatomy
    from legacy_nets.anatomy import timing

    if not with_time:
        return anatomy.analyze_net(net, sides, **options)
    with show_status(f"measuring {net}"):
        return timing.measure_net(net, sides, **options)


def _check_file(path: str) -> None:
    """Raises BadInputError for a path that cannot be a graph."""
    if pathlib.Path(path).is_dir():
        refuse_exports(pathlib.Path(path))
        raise BadInputError(
            _("{path} is a folder: give the .meta, .pb or .onnx in it").format(path=path)
        )
    if path.endswith(_WEIGHT_SUFFIXES):
        raise BadInputError(
            _("{path} holds weights, not a graph: legacy-nets inspect {path}").format(path=path)
        )
    if not pathlib.Path(path).is_file():
        raise BadInputError(
            _("{path}: no such file: give a net's name, a .meta or a frozen .pb").format(path=path)
        )


def _format_file(
    path: str, tags: tuple[str, ...] | None, depth: int | None, as_json: bool, screen: Screen
) -> str:
    """Formats the layers of a file; runs in a subprocess, which alone imports TensorFlow."""
    choose_language(screen.language)
    quiet_tensorflow()
    from legacy_nets import anatomy

    return _format(anatomy.analyze_file_in_process(path, tags), depth, as_json, screen)


def _format(anatomy: Anatomy, depth: int | None, as_json: bool, screen: Screen) -> str:
    from legacy_nets.anatomy import fold_layers

    layers = fold_layers(anatomy, depth) if depth else anatomy.layers
    if as_json:
        return json.dumps(to_json(anatomy, layers), indent=1, default=number_to_json) + "\n"
    return _format_table(anatomy, layers, screen) + _format_notes(anatomy, layers)


def _get_screen() -> Screen:
    from rich.console import Console

    console = Console()
    return Screen(console.is_terminal, console.width, get_language())


def parse_size(text: str | None) -> tuple[int | None, ...] | None:
    """Parses --image-size: "224", "224x299" or "16x112x112"; "?" leaves a side unknown."""
    if text is None:
        return None
    try:
        sides = parse_sides(text)
        if len(sides) > 3:
            raise ValueError
    except ValueError:
        raise BadInputError(
            _(
                "--image-size {text}: write 224, 224x299 (height x width) or 16x112x112 (clips)"
            ).format(text=repr(text))
        ) from None
    return tuple(sides * 2 if len(sides) == 1 else sides)


def to_json(anatomy: Anatomy, layers: Sequence[Layer]) -> dict[str, object]:
    """Converts an anatomy to what --json prints."""
    return {
        "name": anatomy.name,
        "parameters": anatomy.parameters,
        "trainable": anatomy.trainable,
        "multiply_adds": anatomy.multiply_adds,
        "batch": anatomy.batch,
        "layers": [dataclasses.asdict(layer) for layer in layers],
        "unused_variables": [{"name": name, "shape": shape} for name, shape in anatomy.unused],
        "notes": anatomy.notes,
    }


def _format_table(anatomy: Anatomy, layers: Sequence[Layer], screen: Screen) -> str:
    """Formats the table; columns that a narrow terminal has no room for are left out and named."""
    from rich.cells import cell_len
    from rich.console import Console
    from rich.table import Table

    rows = [_format_layer(layer) for layer in layers]
    rows.append(_format_totals(anatomy))
    unknown = () if anatomy.has_receptive_fields else ("field", "step", "pad")
    headings = [h for h in _HEADINGS if h not in unknown and any(row[h] for row in rows)]
    width = screen.width if screen.is_terminal else max(screen.width, 180)
    sizes = {h: max(cell_len(_(h)), *(cell_len(row[h]) for row in rows)) for h in headings}
    sizes["layer"] = min(sizes["layer"], _MIN_NAME)
    left_out = []
    for heading in _LEFT_OUT_FIRST:
        if sum(sizes.values()) + 3 * len(sizes) + 1 > width and heading in sizes:
            del sizes[heading]
            left_out.append(heading)
    table = Table(show_lines=False, header_style="bold")
    for heading in sizes:
        is_text = heading in ("layer", "type")
        table.add_column(
            _(heading),
            overflow="fold",
            min_width=None if is_text else sizes[heading],
            no_wrap=not is_text,
            justify=_HEADINGS[heading],
        )
    for row in rows:
        if row is rows[-1]:
            table.add_section()
        table.add_row(*(row[heading] for heading in sizes))
    page = io.StringIO()
    Console(file=page, force_terminal=screen.is_terminal, width=width).print(table)
    if left_out:
        line = _("left out for a terminal of {width} columns: {columns} (--json)")
        page.write(line.format(width=width, columns=", ".join(map(_, left_out))) + "\n")
    return page.getvalue()


def _format_totals(anatomy: Anatomy) -> dict[str, str]:
    return {
        **dict.fromkeys(_HEADINGS, ""),
        "layer": _("total"),
        "type": _("{count} rows").format(count=len(anatomy.layers)),
        "parameters": f"{anatomy.parameters:,}",
        "multiply-adds": _format_count(anatomy.multiply_adds),
        "time": _format_time(anatomy.seconds),
        "memory": _format_bytes(anatomy.allocated),
    }


def _format_notes(anatomy: Anatomy, layers: Sequence[Layer]) -> str:
    """Formats the lines below the table: totals, unused variables, notes and their layers."""
    images = _("one image")
    if anatomy.batch != 1:
        images = _("the {count} of its fixed batch").format(count=anatomy.batch)
    totals = _(
        "{name}: {parameters:,} parameters, {trainable:,} of them trainable; "
        "{multiply_adds} multiply-adds for {images}"
    )
    lines = [
        totals.format(
            name=anatomy.name,
            parameters=anatomy.parameters,
            trainable=anatomy.trainable,
            multiply_adds=_format_count(anatomy.multiply_adds),
            images=images,
        )
    ]
    if anatomy.unused:
        names = ", ".join(name for name, _shape in anatomy.unused[:3])
        more = ", ..." if len(anatomy.unused) > 3 else ""
        line = _("{count} variables belong to no layer: {names}")
        lines.append(line.format(count=len(anatomy.unused), names=names + more))
    lines += map(translate_line, anatomy.notes)
    layers_of_notes: dict[str, list[str]] = {}
    for layer in layers:
        for note in layer.notes:
            layers_of_notes.setdefault(note, []).append(layer.name)
    for note, noted in layers_of_notes.items():
        if len(noted) > MAX_NAMES:
            noted = [*noted[: MAX_NAMES - 1], "...", noted[-1]]
        lines.append(f"{', '.join(noted)}{_(': ')}{translate_line(note)}")
    return "\n".join([*lines, ""])


def _format_layer(layer: Layer) -> dict[str, str]:
    """Formats the cells of one row."""
    field = layer.receptive_field
    warning = "" if field is None or field.aligned else "!"
    groups = _(" ({count} groups)").format(count=layer.groups) if layer.groups > 1 else ""
    return {
        "layer": layer.name,
        "type": _(layer.layer_type) + groups,
        "output": format_shape(layer.output),
        "kernel": format_axes(layer.kernel),
        "stride": format_axes(layer.stride) + _format_dilation(layer),
        "padding": _format_padding(layer),
        "parameters": f"{layer.parameters:,}" if layer.parameters else "",
        "multiply-adds": _format_count(layer.multiply_adds) if layer.multiply_adds != 0 else "",
        "field": _("all") if field is None else format_axes(field.size) + warning,
        "step": "" if field is None else format_axes(field.stride),
        "pad": "" if field is None else format_axes(field.padding),
        "time": _format_time(layer.seconds),
        "memory": _format_bytes(layer.allocated),
    }


def _format_time(seconds: float | None) -> str:
    return "" if seconds is None else f"{seconds * 1000:,.2f} ms"


def _format_bytes(count: int | None) -> str:
    return "" if count is None else f"{count / 1024:,.0f} KiB"


def _format_dilation(layer: Layer) -> str:
    if layer.dilation is None or all(number == 1 for number in layer.dilation):
        return ""
    return f" dilation {format_axes(layer.dilation)}"


def _format_padding(layer: Layer) -> str:
    if layer.padding is None:
        return ""
    if layer.zeros is None:
        return layer.padding
    zeros = "x".join(f"{before}+{after}" for before, after in layer.zeros)
    return f"zeros {zeros}"


def _format_count(number: int | None) -> str:
    return "?" if number is None else f"{number:,}"
