"""Draws a laid out graph as PNG."""

from __future__ import annotations

import pathlib

from matplotlib import rcParams
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import FancyBboxPatch, PathPatch, Rectangle
from matplotlib.path import Path
from matplotlib.text import Text

from legacy_nets.anatomy.graph_drawing.colours import (
    EDGE,
    FRAME,
    INK,
    LIGHT,
    MUTED,
    PAPER,
    choose_class,
    write_captions,
)
from legacy_nets.anatomy.graph_drawing.layout import (
    BAR_HEIGHT,
    CHIP_HEIGHT,
    FONT,
    LINE,
    MARGIN,
    NAME_SIZE,
    PADDING,
    TEXT_SIZE,
    TITLE_SIZE,
    Box,
    Chip,
    Layout,
    Line,
)
from legacy_nets.drawing import save_figure

_DOTS = 108  # an inch; a pixel of the layout is 1/72 inch
_MAX_SIDE = 32_000  # dots of the PNG


def draw_layout(layout: Layout, path: str | pathlib.Path) -> None:
    """Draws a graph in light colours; a text is as large as in the SVG, at 1.5 times its pixels."""
    figure = Figure(figsize=(layout.width / 72, layout.height / 72), facecolor=LIGHT[PAPER])
    axes = figure.add_axes((0, 0, 1, 1))
    axes.set_xlim(0, layout.width)
    axes.set_ylim(layout.height, 0)
    axes.set_axis_off()
    _write(axes, MARGIN, MARGIN + TITLE_SIZE / 2, layout.graph.name, TITLE_SIZE, INK, is_bold=True)
    for index, text in enumerate(write_captions(layout)):
        _write(axes, MARGIN, MARGIN + TITLE_SIZE + LINE * (index + 0.7), text, TEXT_SIZE, MUTED)
    for chip in layout.legend:
        _draw_chip(axes, chip, 0, 0)
    for frame in layout.frames:
        for area in frame.areas:
            axes.add_patch(
                Rectangle(
                    (area.x, area.y), area.width, area.height, color=LIGHT[FRAME], linewidth=0
                )
            )
    for line in layout.lines:
        _draw_line(axes, line)
    for frame in layout.frames:
        area = frame.areas[0]
        label = _write(axes, area.x + 6, area.y + 9, frame.stage, TEXT_SIZE, MUTED, is_bold=True)
        label.set_bbox({"facecolor": LIGHT[FRAME], "linewidth": 0, "pad": 1})  # over the lines
    for box in layout.boxes:
        _draw_box(axes, box)
    dots = min(_DOTS, int(_MAX_SIDE * 72 / max(layout.width, layout.height)))
    save_figure(figure, path, dots)


def _draw_box(axes: Axes, box: Box) -> None:
    area = box.area
    axes.add_patch(
        Rectangle(
            (area.x, area.y),
            area.width,
            area.height,
            facecolor=LIGHT[PAPER],
            edgecolor=LIGHT[EDGE],
            linewidth=0.8,
        )
    )
    middle = area.y + PADDING + LINE / 2
    _write(axes, area.x + PADDING, middle, box.title, NAME_SIZE, INK, is_bold=True)
    for chip in box.chips:
        _draw_chip(axes, chip, area.x, area.y)
    bottom = area.y + area.height
    middle = bottom - BAR_HEIGHT - 2 - LINE / 2
    _write(axes, area.x + PADDING, middle, box.info, TEXT_SIZE, MUTED)
    corner = area.x + 1, bottom - BAR_HEIGHT - 1
    axes.add_patch(Rectangle(corner, box.bar, BAR_HEIGHT, color=LIGHT[INK], linewidth=0))


def _draw_chip(axes: Axes, chip: Chip, x: float, y: float) -> None:
    axes.add_patch(
        FancyBboxPatch(
            (x + chip.x, y + chip.y),
            chip.width,
            CHIP_HEIGHT,
            boxstyle="round,pad=0,rounding_size=3",
            facecolor=LIGHT[choose_class(chip.step)],
            edgecolor=LIGHT[EDGE],
            linewidth=0.4,
        )
    )
    _write(axes, x + chip.x + 4, y + chip.y + CHIP_HEIGHT / 2, chip.text, TEXT_SIZE, INK)


def _draw_line(axes: Axes, line: Line) -> None:
    """Draws an edge with its arrow: a curve between two rows, straight through a row."""
    points, codes = [line.points[0]], [Path.MOVETO]
    for index, (x, y) in enumerate(line.points[1:]):
        x0, y0 = line.points[index]
        if index % 2:
            points.append((x, y))
            codes.append(Path.LINETO)
        else:
            middle = (y0 + y) / 2
            points += [(x0, middle), (x, middle), (x, y)]
            codes += [Path.CURVE4] * 3
    axes.add_patch(PathPatch(Path(points, codes), fill=False, edgecolor=LIGHT[EDGE], linewidth=1))
    x, y = line.points[-1]
    tip = Path([(x, y), (x - 3, y - 6), (x + 3, y - 6), (x, y)])
    axes.add_patch(PathPatch(tip, facecolor=LIGHT[EDGE], linewidth=0))


def _write(
    axes: Axes, x: float, y: float, text: str, size: int, colour: str, *, is_bold: bool = False
) -> Text:
    return axes.text(
        x,
        y,
        text,
        fontsize=size,
        family=[FONT, *rcParams["font.family"]],
        color=LIGHT[colour],
        weight="bold" if is_bold else "normal",
        va="center_baseline",
        parse_math=False,
    )
