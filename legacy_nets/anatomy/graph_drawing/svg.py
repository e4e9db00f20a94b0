"""Draws a graph as SVG: its stages, and its layers, which open without a server.

The text is a file of its own, or a part of an HTML page. There it follows the theme: light, dark
where the page says ``data-theme="dark"``, else as the reader's system. Where it may be larger than
its place, put it into an element that scrolls.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator
from importlib import resources
from xml.sax.saxutils import escape, quoteattr

from legacy_nets.anatomy.graph_drawing.colours import DARK, LIGHT, choose_class, write_captions
from legacy_nets.anatomy.graph_drawing.layer_graph import LayerGraph, fold_stages
from legacy_nets.anatomy.graph_drawing.layout import (
    BAR_HEIGHT,
    CHIP_HEIGHT,
    LINE,
    MARGIN,
    PADDING,
    TITLE_SIZE,
    Box,
    Chip,
    Layout,
    Line,
    Rectangle,
    lay_out,
)
from legacy_nets.language import mark
from legacy_nets.language import translate as _

_BUTTONS = {  # text -> what it does, and its name for those who hear it
    mark("stages"): ('data-level="stages"', mark("show stages")),
    mark("layers"): ('data-level="layers"', mark("show layers")),
    "-": ('data-zoom="0.8"', mark("smaller")),
    "+": ('data-zoom="1.25"', mark("larger")),
}
_BUTTON_WIDTHS = (46, 46, 22, 22)


def write_svg(layers: LayerGraph) -> str:
    """Writes the SVG of a graph of layers. It shows the stages first.

    Raises: SetupError where igraph is not installed.
    """
    stages = fold_stages(layers)
    levels = {"stages": lay_out(stages), "layers": lay_out(layers)}
    first = levels["stages"]
    name = quoteattr(_("graph of {net}").format(net=layers.name))
    writer = _Writer(re.sub(r"\W", "_", layers.name) + "-")
    groups = "".join(writer.write_level(level, layout) for level, layout in levels.items())
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" class="net-graph" role="group" '
        f'aria-label={name} width="{first.width:.0f}" height="{first.height:.0f}" '
        f'viewBox="0 0 {first.width:.0f} {first.height:.0f}">'
        f"<style>{_write_style()}</style><defs>{writer.write_definitions()}</defs>{groups}"
        f"<script>{_read_text('zoom.js')}</script></svg>\n"
    )


def _read_text(name: str) -> str:
    """Reads a file of this folder for an element of XML and HTML alike."""
    text = resources.files(__package__).joinpath(name).read_text("utf-8")
    assert "]]>" not in text
    return f"/*<![CDATA[*/\n{text}/*]]>*/"


def _write_style() -> str:
    """Writes the colours of both themes as variables, and the rules that use them."""
    light, dark = (
        ";".join(f"--{name}:{colour}" for name, colour in colours.items())
        for colours in (LIGHT, DARK)
    )
    return (
        f".net-graph{{{light}}}"
        f"@media screen and (prefers-color-scheme:dark){{"
        f":root:not([data-theme]) .net-graph,.net-graph:root{{{dark}}}}}"
        f"[data-theme=dark] .net-graph{{{dark}}}" + _read_text("graph.css")
    )


class _Writer:
    """Writes the elements of one SVG; chips of the same text are defined once.

    Args:
      prefix: of the ids, which are unique in a page.
    """

    def __init__(self, prefix: str) -> None:
        self._prefix = prefix
        self._chips: dict[tuple[str, str, float], str] = {}

    def write_level(self, level: str, layout: Layout) -> str:
        parts = [
            f'<g class="level" data-level="{level}" '
            f'data-width="{layout.width:.0f}" data-height="{layout.height:.0f}">',
            _write_text(MARGIN, MARGIN + TITLE_SIZE - 3, layout.graph.name, "title"),
        ]
        for index, text in enumerate(write_captions(layout)):
            parts.append(_write_text(MARGIN, MARGIN + TITLE_SIZE + LINE * (index + 0.9), text))
        parts += [self._write_chip(chip, 0, 0) for chip in layout.legend]
        parts += _write_buttons(layout.width)
        for frame in layout.frames:
            parts += [_write_rectangle("frame", area) for area in frame.areas]
        parts.append(f'<g class="line" marker-end="url(#{self._prefix}tip)">')
        parts += [*map(_write_line, layout.lines), "</g>"]
        for frame in layout.frames:
            x, y = frame.areas[0].x + 6, frame.areas[0].y + 12
            parts.append(
                f'<g tabindex="0" role="button" data-level="stages" '
                f"data-stage={quoteattr(frame.stage)}>{_write_text(x, y, frame.stage, 'label')}</g>"
            )
        parts += [self._write_box(box) for box in layout.boxes]
        return "".join(parts) + "</g>\n"

    def write_definitions(self) -> str:
        """Writes the tip of lines, and the chips that were used."""
        parts = [
            f'<marker id="{self._prefix}tip" orient="auto" refX="6" refY="3" markerWidth="6" '
            'markerHeight="6"><path class="tip" d="M0 0L6 3L0 6z"/></marker>'
        ]
        for (text, step, width), name in self._chips.items():
            parts.append(
                f'<g id="{name}"><rect width="{width:.0f}" '
                f'height="{CHIP_HEIGHT}" rx="3" stroke="var(--edge)" '
                f'stroke-width="0.4" fill="var(--{choose_class(step)})"/>'
                f"{_write_text(4, CHIP_HEIGHT - 4, text)}</g>"
            )
        return "".join(parts)

    def _write_chip(self, chip: Chip, x: float, y: float) -> str:
        key = chip.text, chip.step, chip.width
        name = self._chips.setdefault(key, f"{self._prefix}{len(self._chips)}")
        return f'<use href="#{name}" x="{x + chip.x:.0f}" y="{y + chip.y:.0f}"/>'

    def _write_box(self, box: Box) -> str:
        """Writes a box; that of a stage opens its layers."""
        area, node = box.area, box.node
        bottom, stage = area.y + area.height, escape(node.stage, {'"': "&quot;"})
        opens = ""
        if node.layer_type == "stage":
            opens = f' tabindex="0" role="button" data-level="layers" data-stage="{stage}"'
        bar = Rectangle(area.x + 1, bottom - BAR_HEIGHT - 1, box.bar, BAR_HEIGHT)
        left = area.x + PADDING
        return "".join(
            (
                f"<g{opens}><title>{escape(node.name)}</title>",
                _write_rectangle("box", area),
                _write_text(left, area.y + PADDING + 11, box.title, "name"),
                *(self._write_chip(chip, area.x, area.y) for chip in box.chips),
                _write_text(left, bottom - BAR_HEIGHT - 6, box.info, "muted"),
                _write_rectangle("bar", bar),
                "</g>",
            )
        )


def _write_text(x: float, y: float, text: str, style: str = "") -> str:
    style = f' class="{style}"' if style else ""
    return f'<text{style} x="{x:.0f}" y="{y:.0f}">{escape(text)}</text>'


def _write_rectangle(style: str, area: Rectangle) -> str:
    return (
        f'<rect class="{style}" x="{area.x:.0f}" y="{area.y:.0f}" '
        f'width="{area.width:.0f}" height="{area.height:.0f}"/>'
    )


def _write_line(line: Line) -> str:
    """Writes an edge: a curve between two rows, straight through a row."""
    parts = [f"M{line.points[0][0]:.0f} {line.points[0][1]:.0f}"]
    for index, ((x0, y0), (x, y)) in enumerate(itertools.pairwise(line.points)):
        middle = (y0 + y) / 2
        curve = f"C{x0:.0f} {middle:.0f} {x:.0f} {middle:.0f} {x:.0f} {y:.0f}"
        parts.append(f"V{y:.0f}" if index % 2 or f"{x0:.0f}" == f"{x:.0f}" else curve)
    start, end = line.edge
    return f'<path data-edge="{start} {end}" d="{"".join(parts)}"/>'


def _write_buttons(width: float) -> Iterator[str]:
    yield '<g class="buttons">'
    x = width - MARGIN - sum(_BUTTON_WIDTHS) - 4 * len(_BUTTON_WIDTHS)
    for (text, (action, name)), size in zip(_BUTTONS.items(), _BUTTON_WIDTHS, strict=True):
        yield (
            f'<g tabindex="0" role="button" {action} aria-label={quoteattr(_(name))}>'
            f'<rect class="button" x="{x:.0f}" y="{MARGIN - 6}" width="{size}" height="20" rx="4"/>'
            f'<text text-anchor="middle" x="{x + size / 2:.0f}" y="{MARGIN + 7}">'
            f"{_(text)}</text></g>"
        )
        x += size + 4
    yield "</g>"
