"""``legacy-nets describe``: the layers of a net, or of a graph in a file."""

from __future__ import annotations

import dataclasses
import io
import json
import pathlib
from fractions import Fraction
from typing import Any

import click

from legacy_nets import registry
from legacy_nets.errors import BadInputError
from legacy_nets.quiet import quiet_tensorflow
from legacy_nets.sandbox import run_in_subprocess
from legacy_nets.train.settings import parse_net_options

_ENDINGS = (".meta", ".pb", ".pbtxt")
NAMED = 4  # layers of one note that are named


@click.command()
@click.argument("net", metavar="NET|FILE")
@click.option(
    "--size",
    "--image-size",
    "size",
    metavar="HxW",
    help="Of the images; clips: TxHxW. [default: document's]",
)
@click.option("--depth", type=click.IntRange(1), help="Fold scopes below this level into one row.")
@click.option("--num-classes", type=click.IntRange(1), help="[default: the net's]")
@click.option("--option", "options", multiple=True, metavar="NAME=VALUE", help="Of the net.")
@click.option("--json", "as_json", is_flag=True, help="All that is known of each layer, as JSON.")
def describe(
    net: str,
    size: str | None,
    depth: int | None,
    num_classes: int | None,
    options: tuple[str, ...],
    as_json: bool,
) -> None:
    """List the layers of NET, or of a .meta or frozen .pb FILE (which is never run).

    \b
    legacy-nets describe inception_v3 --depth 2
    legacy-nets describe resnet_v2_50 --size 299x299 --num-classes 1001
    legacy-nets describe run/model.ckpt-300.meta

    Multiply-adds are for one image, or for the batch that FILE fixes; field, step and pad are the
    receptive field, the effective stride and the effective padding ("all": the whole input; "!":
    paths not aligned).
    """
    is_file = net.endswith(_ENDINGS) or pathlib.Path(net).is_file()
    if pathlib.Path(net).is_dir() and net not in registry.list_nets():
        raise BadInputError(
            f"{net} is a folder: give the .meta or frozen .pb in it (a SavedModel must be frozen "
            "first)"
        )
    if is_file:
        if size or num_classes or options:
            raise BadInputError(f"{net} is a built graph: it takes no --size, classes or options")
        if net.endswith((".npz", ".h5", ".safetensors", ".pth", ".keras", ".index")):
            raise BadInputError(f"{net} holds weights, not a graph: legacy-nets inspect {net}")
        if not pathlib.Path(net).is_file():
            raise BadInputError(f"{net}: no such file: give a net's name, a .meta or a frozen .pb")
    else:
        registry.get_net(net)
    sides = parse_size(size)
    chosen = parse_net_options(options)
    if num_classes is not None:
        chosen["num_classes"] = num_classes
    if is_file:
        text = run_in_subprocess(_file_answer, net, depth, as_json, _screen())
    else:
        quiet_tensorflow()
        from legacy_nets import anatomy

        text = _answer(anatomy.of_net(net, sides, **chosen), depth, as_json, _screen())
    click.echo(text, nl=False)


def _file_answer(path: str, depth: int | None, as_json: bool, screen: tuple[bool, int]) -> str:
    """In a process of its own, which alone imports TensorFlow: what is said of a file."""
    quiet_tensorflow()
    from legacy_nets import anatomy

    return _answer(anatomy.read_file(path), depth, as_json, screen)


def _answer(found: Any, depth: int | None, as_json: bool, screen: tuple[bool, int]) -> str:
    """What is printed of an Anatomy."""
    from legacy_nets import anatomy

    rows = anatomy.folded(found, depth) if depth else found.layers
    if as_json:
        return json.dumps(as_dict(found, rows), indent=1, default=_plain) + "\n"
    return _text(found, rows, screen)


def _screen() -> tuple[bool, int]:
    """Whether stdout is a terminal, and its columns."""
    from rich.console import Console

    console = Console()
    return console.is_terminal, console.width


def parse_size(text: str | None) -> tuple[int | None, ...] | None:
    """--size: "224", "224x299" or "16x112x112"; "?" leaves a side unknown."""
    if text is None:
        return None
    try:
        sides = tuple(None if side == "?" else int(side) for side in text.lower().split("x"))
        if len(sides) > 3 or any(side is not None and side < 1 for side in sides):
            raise ValueError
    except ValueError:
        raise BadInputError(
            f"--size {text!r}: write 224, 224x299 (height x width) or 16x112x112 (clips)"
        ) from None
    return sides * 2 if len(sides) == 1 else sides


def as_dict(found: Any, rows: Any) -> dict[str, Any]:
    """What --json prints."""
    return {
        "name": found.name,
        "parameters": found.parameters,
        "trainable": found.trainable,
        "multiply_adds": found.multiply_adds,
        "batch": found.batch,
        "layers": [dataclasses.asdict(row) for row in rows],
        "unused_variables": [{"name": name, "shape": shape} for name, shape in found.unused],
        "notes": found.notes,
    }


def _plain(value: Any) -> Any:
    if isinstance(value, Fraction):
        return float(value)
    raise TypeError(type(value))


def _text(found: Any, rows: Any, screen: tuple[bool, int]) -> str:
    """The table, and lines under it."""
    from rich.console import Console
    from rich.table import Table

    table = Table(show_lines=False, header_style="bold")
    table.add_column("layer", overflow="fold", min_width=20)
    table.add_column("kind")
    table.add_column("output", no_wrap=True)
    for heading in ("kernel", "stride", "padding"):
        table.add_column(heading)
    for heading in ("parameters", "multiply-adds", "field", "step", "pad"):
        table.add_column(heading, justify="right")
    for row in rows:
        table.add_row(*_cells(row))
    unit = found.multiply_adds
    images = "one image" if found.batch == 1 else f"the {found.batch} of its fixed batch"
    table.add_section()
    table.add_row(
        "total", f"{len(found.layers)} rows", *[""] * 4, f"{found.parameters:,}", _count(unit)
    )
    terminal, width = screen
    page = io.StringIO()
    Console(
        file=page,
        force_terminal=terminal,
        width=width if terminal else max(width, 180),
    ).print(table)
    lines = [
        f"{found.name}: {found.parameters:,} parameters, {found.trainable:,} of them trainable; "
        f"{_count(unit)} multiply-adds for {images}"
    ]
    if found.unused:
        names = ", ".join(name for name, _ in found.unused[:3])
        more = ", ..." if len(found.unused) > 3 else ""
        lines.append(f"{len(found.unused)} variables belong to no layer: {names}{more}")
    lines += found.notes
    noted: dict[str, list[str]] = {}
    for row in rows:
        for note in row.notes:
            noted.setdefault(note, []).append(row.name)
    for note, rows_noted in noted.items():
        most = rows_noted
        if len(most) > NAMED:
            most = [*most[: NAMED - 1], "...", most[-1]]
        lines.append(f"{', '.join(most)}: {note}")
    return page.getvalue() + "\n".join([*lines, ""])


def _cells(row: Any) -> tuple[str, ...]:
    field = row.field
    mark = "" if field is None or field.aligned else "!"
    kind = f"{row.kind} ({row.groups} groups)" if row.groups > 1 else row.kind
    return (
        row.name,
        kind,
        shape(row.output),
        by(row.kernel),
        by(row.stride) + (f" dilation {by(row.dilation)}" if _dilated(row) else ""),
        _padding(row),
        f"{row.parameters:,}" if row.parameters else "",
        _count(row.multiply_adds) if row.multiply_adds != 0 else "",
        "all" if field is None else by(field.size) + mark,
        "" if field is None else by(field.stride),
        "" if field is None else by(field.padding),
    )


def shape(sides: Any) -> str:
    """A tensor's shape with ? for what is not known: (?, 35, 35, 288)."""
    if sides is None:
        return "?"
    return "(" + ", ".join("?" if side is None else str(side) for side in sides) + ")"


def by(numbers: Any) -> str:
    """One number per axis: 3x3; one alone where all are equal in step and pad."""
    if numbers is None:
        return ""
    return "x".join("?" if number is None else str(number) for number in numbers)


def _dilated(row: Any) -> bool:
    return row.dilation is not None and any(number != 1 for number in row.dilation)


def _padding(row: Any) -> str:
    if row.padding is None:
        return ""
    if row.zeros is None:
        return str(row.padding)
    zeros = "x".join(f"{before}+{after}" for before, after in row.zeros)
    return f"zeros {zeros}"


def _count(number: int | None) -> str:
    return "?" if number is None else f"{number:,}"
