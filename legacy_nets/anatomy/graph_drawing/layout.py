"""Places a graph of layers: boxes in rows from input to output, lines between them.

All numbers are pixels; y grows downwards.
"""

from __future__ import annotations

import dataclasses
import functools
import itertools
import unicodedata
from collections import Counter
from collections.abc import Sequence

from matplotlib.font_manager import FontProperties
from matplotlib.textpath import text_to_path

from legacy_nets.anatomy.graph_drawing.columns import arrange, find_rows
from legacy_nets.anatomy.graph_drawing.layer_graph import LayerGraph, Node
from legacy_nets.language import translate as _
from legacy_nets.shapes import format_axes

FONT = "DejaVu Sans"  # as wide as Verdana, wider than other fonts of browsers
NAME_SIZE, TEXT_SIZE, TITLE_SIZE = 11, 9, 15
CHIP_HEIGHT, _CHIP_GAP, LINE = 14, 3, 14
BAR_HEIGHT = 4
PADDING, MARGIN = 8, 20
_MAX_TEXT = 270  # of a box; longer names are cut in the middle
_COLUMN_GAP, _ROW_GAP, _BEND_WIDTH = 22, 40, 6
_FRAME, _LABEL = 7, 24  # of a frame: beside and below its boxes; above, for its name
_MIN_WIDTH = 680
_LEGEND_TOP = 66  # below the title and its two lines
Point = tuple[float, float]


@dataclasses.dataclass(frozen=True)
class Rectangle:
    """A rectangle; x and y are those of its left upper corner."""

    x: float
    y: float
    width: float
    height: float


@dataclasses.dataclass(frozen=True)
class Chip:
    """The name of a step in a coloured rectangle; x and y as seen from the box's corner."""

    text: str
    step: str
    x: float
    y: float
    width: float


@dataclasses.dataclass(frozen=True)
class Box:
    """A node with its place."""

    node: Node
    area: Rectangle
    title: str  # the node's name, cut where it is too long
    chips: tuple[Chip, ...]
    info: str  # shape and parameters
    bar: float  # width in pixels, to scale: channels of the output


@dataclasses.dataclass(frozen=True)
class Line:
    """An edge. It curves from even to odd points, and is straight from odd to even ones."""

    edge: tuple[int, int]
    points: tuple[Point, ...]


@dataclasses.dataclass(frozen=True)
class Frame:
    """The background of a stage: one rectangle, or one for each row that it is in."""

    stage: str
    areas: tuple[Rectangle, ...]


@dataclasses.dataclass(frozen=True)
class Layout:
    """A picture of a graph, ready to be drawn."""

    graph: LayerGraph
    width: float
    height: float
    boxes: tuple[Box, ...]  # as the nodes of the graph
    lines: tuple[Line, ...]  # as its edges
    frames: tuple[Frame, ...]
    legend: tuple[Chip, ...]


@functools.lru_cache(4096)
def measure_text(text: str, size: int, is_bold: bool = False) -> float:
    """Measures the width of a text; a letter of East Asia is as wide as it is high."""
    wide = sum(unicodedata.east_asian_width(c) in "WF" for c in text)
    text = "".join(c for c in text if unicodedata.east_asian_width(c) not in "WF")
    font = FontProperties(family=FONT, size=size, weight="bold" if is_bold else "normal")
    width: float = text_to_path.get_text_width_height_descent(text, font, False)[0] + wide * size
    return width * 1.04 + 1  # renderers that fit letters to pixels need a little more


def lay_out(graph: LayerGraph) -> Layout:
    """Places the nodes and edges of a graph.

    Raises: SetupError where igraph is not installed.
    """
    members = Counter(node.stage for node in graph.nodes)
    titles = [_shorten(_write_title(node, members)) for node in graph.nodes]
    contents = [_fill(node, title) for node, title in zip(graph.nodes, titles, strict=True)]
    box_width = max(content.width for content in contents)
    rows = find_rows(len(graph.nodes), graph.edges)
    arranged = arrange(rows, graph.edges, box_width, _BEND_WIDTH, _COLUMN_GAP)
    width = max(arranged.width + 2 * MARGIN, _MIN_WIDTH)
    left = (width - arranged.width) / 2
    legend, bottom = _make_legend(graph, width)
    heights = [0.0] * (max(rows) + 1)
    for row, content in zip(rows, contents, strict=True):
        heights[row] = max(heights[row], content.height)
    bands = []
    for height in heights:
        bands.append((bottom + _ROW_GAP, bottom + _ROW_GAP + height))
        bottom += height + _ROW_GAP
    scale = (box_width - 2) / max(map(count_channels, graph.nodes))
    boxes = tuple(
        Box(
            node,
            Rectangle(left + middle - box_width / 2, bands[row][0], box_width, content.height),
            title,
            content.chips,
            _write_info(node),
            count_channels(node) * scale,
        )
        for node, title, middle, row, content in zip(
            graph.nodes, titles, arranged.boxes, rows, contents, strict=True
        )
    )
    lines = []
    for (start, end), bends in zip(graph.edges, arranged.bends, strict=True):
        points = [_get_port(boxes[start], at_bottom=True)]
        for bend, row in zip(bends, range(rows[start] + 1, rows[end]), strict=True):
            points += [(left + bend, y) for y in bands[row]]
        points.append(_get_port(boxes[end], at_bottom=False))
        lines.append(Line((start, end), tuple(points)))
    frames = _find_frames(boxes, lines, bands) if max(members.values()) > 1 else ()
    return Layout(graph, width, bottom + MARGIN, boxes, tuple(lines), frames, legend)


def _write_title(node: Node, members: Counter[str]) -> str:
    """Writes the name of a node without the stage that its frame already names."""
    return node.name.removeprefix(f"{node.stage}/") if members[node.stage] > 1 else node.name


def count_channels(node: Node) -> int:
    """Returns the channels of a node's output; 1 where they are not known."""
    return (node.output[-1] if node.output else None) or 1


@dataclasses.dataclass(frozen=True)
class _Content:
    """The text of a box, and the size that it needs."""

    chips: tuple[Chip, ...]
    width: float
    height: float


def _fill(node: Node, title: str) -> _Content:
    """Puts chips into a box: the steps of a layer, or how many a stage has of each."""
    texts = [
        _(step) if count == 1 and node.layer_type != "stage" else f"{count} {_(step)}"
        for step, count in node.steps
    ]
    if node.window:
        index = [step for step, _count in node.steps].index(node.layer_type)
        texts[index] = f"{texts[index]} {node.window}"
    chips, bottom = _flow(texts, [step for step, _count in node.steps], _MAX_TEXT)
    top = PADDING + LINE + 2
    chips = tuple(dataclasses.replace(chip, x=chip.x + PADDING, y=chip.y + top) for chip in chips)
    width = max(
        measure_text(title, NAME_SIZE, is_bold=True),
        measure_text(_write_info(node), TEXT_SIZE),
        *(chip.x + chip.width - PADDING for chip in chips),
    )
    return _Content(chips, width + 2 * PADDING, top + bottom + LINE + PADDING + BAR_HEIGHT)


def _flow(texts: list[str], steps: list[str], width: float) -> tuple[tuple[Chip, ...], float]:
    """Places chips from left to right in lines; returns them and the bottom of the last line."""
    chips: list[Chip] = []
    x = y = 0.0
    for text, step in zip(texts, steps, strict=True):
        chip_width = measure_text(text, TEXT_SIZE) + 8
        if x and x + chip_width > width:
            x, y = 0.0, y + CHIP_HEIGHT + _CHIP_GAP
        chips.append(Chip(text, step, x, y, chip_width))
        x += chip_width + _CHIP_GAP
    return tuple(chips), y + CHIP_HEIGHT


def _make_legend(graph: LayerGraph, width: float) -> tuple[tuple[Chip, ...], float]:
    """Makes a chip for each step with its count; returns them and their bottom."""
    counts = graph.count_steps()
    texts = [f"{count:,} {_(step)}" for step, count in counts.items()]
    chips, bottom = _flow(texts, list(counts), width - 2 * MARGIN)
    chips = tuple(
        dataclasses.replace(chip, x=chip.x + MARGIN, y=chip.y + _LEGEND_TOP) for chip in chips
    )
    return chips, bottom + _LEGEND_TOP


def _write_info(node: Node) -> str:
    """Writes the shape of the output and the parameters."""
    parts = []
    if node.layer_type == "stage":
        parts.append(_("{count} layers").format(count=node.layers))
    if node.output is not None and len(node.output) > 1:
        parts.append(format_axes(node.output[1:]))
    if node.parameters:
        parts.append(_("{count} parameters").format(count=f"{node.parameters:,}"))
    return " · ".join(parts)


def _shorten(name: str) -> str:
    """Cuts the middle out of a name that is too long for a box."""
    kept = len(name)
    text = name
    while measure_text(text, NAME_SIZE, is_bold=True) > _MAX_TEXT:
        kept -= 1
        text = f"{name[: kept // 3]}...{name[-(kept - kept // 3) :]}"
    return text


def _get_port(box: Box, at_bottom: bool) -> Point:
    """Returns the point of a box where lines leave (its bottom) or arrive (its top)."""
    area = box.area
    return area.x + area.width / 2, area.y + (area.height if at_bottom else 0)


def _find_frames(
    boxes: Sequence[Box], lines: Sequence[Line], bands: Sequence[tuple[float, float]]
) -> tuple[Frame, ...]:
    """Finds the frames of stages of several layers; no frame covers a box of another stage.

    A line belongs to the stage that it leads to, in the rows where the stage has boxes.
    """
    pieces: dict[str, list[Rectangle]] = {}
    for top, bottom in bands:
        here = [box for box in boxes if box.area.y == top]
        stages = {box.node.stage for box in here}
        parts = [(box.area.x, box.area.x + box.area.width, box.node.stage) for box in here]
        for line in lines:
            stage = boxes[line.edge[1]].node.stage
            parts += [(x, x, stage) for x, y in line.points[1:-1] if y == top and stage in stages]
        for stage, group in itertools.groupby(sorted(parts), key=lambda part: part[2]):
            run = list(group)
            x = run[0][0] - _FRAME
            right = max(part[1] for part in run) + _FRAME
            area = Rectangle(x, top - _LABEL, right - x, bottom - top + _LABEL + _FRAME)
            pieces.setdefault(stage, []).append(area)
    counts = Counter(box.node.stage for box in boxes)
    return tuple(
        Frame(stage, _join_areas(areas, stage, boxes))
        for stage, areas in pieces.items()
        if counts[stage] > 1
    )


def _join_areas(
    areas: Sequence[Rectangle], stage: str, boxes: Sequence[Box]
) -> tuple[Rectangle, ...]:
    """Joins the areas of a stage to one, unless it would cover a box of another stage."""
    x, y = min(area.x for area in areas), areas[0].y
    right = max(area.x + area.width for area in areas)
    bottom = max(area.y + area.height for area in areas)
    for box in boxes:
        area = box.area
        beside = area.x > right or area.x + area.width < x
        if box.node.stage != stage and not beside and y < area.y + area.height and area.y < bottom:
            return tuple(areas)
    return (Rectangle(x, y, right - x, bottom - y),)
