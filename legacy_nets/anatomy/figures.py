"""Draws what a net computes as PNG: feature maps, kernels and a receptive field."""

from __future__ import annotations

import math
import pathlib
from collections.abc import Mapping

import numpy as np
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Normalize
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from matplotlib.ticker import MaxNLocator

from legacy_nets.anatomy.receptive import ReceptiveField
from legacy_nets.drawing import save_figure
from legacy_nets.errors import BadInputError
from legacy_nets.language import translate as _
from legacy_nets.types import Array

_PICTURE, _MAP, _KERNEL = 1.8, 0.85, 0.8  # inches: widths of an input picture, map and kernel
_DOTS = 110


def draw_feature_maps(
    values: Mapping[str, Array],
    picture: Array,
    path: str | pathlib.Path,
    max_channels: int = 16,
    title: str = "",
) -> None:
    """Draws the first channels of maps, one row per end point, next to the picture they are of.

    The maps of a row share a colour scale, which is drawn at its end. It leaves out the lowest
    and highest hundredth of the values; its arrow heads say so.

    Args:
      values: name -> float [H, W, C] or [1, H, W, C].
      picture: uint8 or float in [0, 1], [H, W, 3] or [H, W].
      max_channels: number of channels to draw of each map.

    Raises: BadInputError for a value that is not a map.
    """
    if not values:
        raise BadInputError("there are no feature maps to draw")
    maps = {name: _check_map(name, value)[..., :max_channels] for name, value in values.items()}
    columns = max(value.shape[-1] for value in maps.values())
    heights = [min(max(v.shape[0] / v.shape[1], 0.3), 3.0) * _MAP for v in maps.values()]
    left = _PICTURE + 0.3
    picture_height = _PICTURE * picture.shape[0] / picture.shape[1]
    page = _Page(
        left + columns * (_MAP + 0.05) + 0.9,
        0.4 + max(sum(heights) + 0.35 * len(heights), picture_height + 0.35),
    )
    axes = page.add_axes(0.1, 0.75, _PICTURE, picture_height)
    _show_picture(axes, picture)
    axes.set_axis_off()
    axes.set_title(_("input"), fontsize=8, loc="left")
    top = 0.4
    for (name, value), height in zip(maps.items(), heights, strict=True):
        top += 0.35
        sides = "x".join(map(str, np.shape(values[name])[-3:]))
        page.add_text(left, top - 0.07, f"{name}   {sides}")
        norm, extend = _choose_scale(value)
        for channel in range(value.shape[-1]):
            axes = page.add_axes(left + channel * (_MAP + 0.05), top, _MAP, height)
            axes.set_axis_off()
            axes.imshow(value[..., channel], cmap="viridis", norm=norm, interpolation="nearest")
        bar = page.add_axes(left + columns * (_MAP + 0.05) + 0.1, top, 0.1, height)
        _draw_scale(page.figure, bar, ScalarMappable(norm, "viridis"), extend)
        top += height
    page.add_text(left, 0.25, title, size=10)
    save_figure(page.figure, path, _DOTS, tight=True)


def draw_kernels(
    kernel: Array, path: str | pathlib.Path, max_kernels: int = 64, title: str = ""
) -> None:
    """Draws the kernels of a first layer: in colour for 3 input channels, else channel 0.

    Args:
      kernel: float [height, width, inputs, outputs]; all share one scale, which is drawn.
      max_kernels: number of kernels to draw.

    Raises: BadInputError for another rank.
    """
    kernel = np.asarray(kernel, np.float32)
    if kernel.ndim != 4:
        raise BadInputError(
            f"cannot draw a kernel of shape {kernel.shape}; give [height, width, inputs, outputs]"
        )
    is_colour = kernel.shape[2] == 3
    count = min(max_kernels, kernel.shape[3])
    columns = min(8, count)
    rows = math.ceil(count / columns)
    largest = float(np.abs(kernel[..., :count]).max()) or 1.0
    norm, colours = Normalize(-largest, largest), "gray" if is_colour else "RdBu"
    page = _Page(columns * _KERNEL + 1.0, rows * _KERNEL + 0.6)
    for index in range(count):
        row, column = divmod(index, columns)
        axes = page.add_axes(0.1 + column * _KERNEL, 0.6 + row * _KERNEL, *(0.9 * _KERNEL,) * 2)
        axes.set_axis_off()
        shown = norm(kernel[..., index]) if is_colour else kernel[:, :, 0, index]
        axes.imshow(shown, cmap=colours, norm=norm, interpolation="nearest")
    bar = page.add_axes(0.2 + columns * _KERNEL, 0.6, 0.12, (rows - 0.1) * _KERNEL)
    label = _("weights of red, green and blue") if is_colour else _("weights of input channel 0")
    _draw_scale(page.figure, bar, ScalarMappable(norm, colours), label=label)
    shape = "x".join(str(side) for side in kernel.shape)
    first = "" if count == kernel.shape[3] else _(", first {count}").format(count=count)
    page.add_text(0.1, 0.35, f"{title or _('kernels')}  {shape}{first}", size=10)
    save_figure(page.figure, path, _DOTS, tight=True)


def draw_attention_maps(
    values: Mapping[str, Array],
    picture: Array,
    path: str | pathlib.Path,
    max_heads: int = 12,
    title: str = "",
) -> None:
    """Draws how much each patch counts for the class token, one row per attention layer.

    A row has the mean of all heads over the picture, then each head, and their colour scale.

    Args:
      values: name -> float [heads, H, W], weights of the class token.
      picture: uint8 or float in [0, 1], [H, W, 3] or [H, W].
      max_heads: number of heads to draw of each layer.

    Raises: BadInputError without layers.
    """
    if not values:
        raise BadInputError("there are no attention maps to draw")
    columns = math.ceil(min(max_heads, max(len(value) for value in values.values())) / 2)
    left = 2 * (_PICTURE + 0.2)
    row_height = _PICTURE + 0.35
    page = _Page(left + columns * (_MAP + 0.05) + 0.9, 0.5 + row_height * len(values))
    for index, (name, value) in enumerate(values.items()):
        top = 0.75 + row_height * index
        heads = _("{layer}: input, mean of {count} heads, each head")
        page.add_text(0.1, top - 0.07, heads.format(layer=name, count=len(value)))
        axes = page.add_axes(0.1, top, _PICTURE, _PICTURE)
        _show_picture(axes, picture)
        axes.set_axis_off()
        norm, extend = _choose_scale(value)
        axes = page.add_axes(_PICTURE + 0.2, top, _PICTURE, _PICTURE)
        _show_picture(axes, picture)
        height, width = picture.shape[:2]
        place = (-0.5, width - 0.5, height - 0.5, -0.5)
        axes.imshow(value.mean(axis=0), cmap="viridis", norm=norm, alpha=0.65, extent=place)
        axes.set_axis_off()
        for head, weights in enumerate(value[:max_heads]):
            row, column = divmod(head, columns)
            x, y = left + column * (_MAP + 0.05), top + row * (_PICTURE - _MAP)
            axes = page.add_axes(x, y, _MAP, _MAP)
            axes.imshow(weights, cmap="viridis", norm=norm, interpolation="nearest")
            number = axes.text(0, 0, str(head), fontsize=6, color="white")
            number.set_bbox({"facecolor": "black", "linewidth": 0, "pad": 1})
            axes.set_axis_off()
        bar = page.add_axes(left + columns * (_MAP + 0.05) + 0.1, top, 0.1, _PICTURE)
        _draw_scale(page.figure, bar, ScalarMappable(norm, "viridis"), extend)
    page.add_text(0.1, 0.3, title, size=10)
    save_figure(page.figure, path, _DOTS, tight=True)


def draw_receptive_field(
    image: Array,
    field: ReceptiveField,
    path: str | pathlib.Path,
    at: tuple[int, int] | None = None,
    title: str = "",
) -> None:
    """Draws the receptive field of one value, and of its right-hand neighbour, over an image.

    Args:
      image: uint8 or float in [0, 1], [H, W, 3] or [H, W].
      field: a field of two axes with known padding.
      at: index of the value in the map; if None, the value nearest to the image's centre.

    Raises: BadInputError for a field without two axes or with unknown padding.
    """
    centre = _check_field(field, (image.shape[0], image.shape[1]))
    sides = image.shape[:2]
    at = centre if at is None else at
    figure = Figure(figsize=(5.6, 5.8))
    axes = figure.subplots()
    _show_picture(axes, image)
    for shift, colour, style in ((1, "#f28e2b", "--"), (0, "#e15759", "-")):
        left, top, right, bottom = _find_edges(field, (at[0], at[1] + shift))
        axes.add_patch(
            Rectangle(
                (left, top),
                right - left,
                bottom - top,
                fill=False,
                edgecolor=colour,
                linestyle=style,
                linewidth=2.2 - shift,
            )
        )
        axes.plot([(left + right) / 2], [(top + bottom) / 2], "+", color=colour, markersize=10)
    low_y, high_y = min(-0.5, top - 1), max(sides[0] - 0.5, bottom + 1)
    low_x = min(-0.5, left - 1)
    high_x = max(sides[1] - 0.5, right + 1 + float(field.stride[1]))
    axes.set_xlim(low_x, high_x)
    axes.set_ylim(high_y, low_y)
    axes.set_facecolor("#dddddd")  # outside the image: zeros of the padding
    size, stride, padding = (
        "x".join(map(str, part)) for part in (field.size, field.stride, field.padding)
    )
    first = _("{title} at {place}: {size} pixels").format(
        title=title or _("receptive field"), place=at, size=size
    )
    second = _("effective stride {stride} (dashed: the neighbour), padding {padding}")
    axes.set_title(f"{first}\n{second.format(stride=stride, padding=padding)}", fontsize=9)
    save_figure(figure, path, _DOTS, tight=True)


def draw_receptive_fields(
    image: Array, fields: Mapping[str, ReceptiveField], path: str | pathlib.Path, title: str = ""
) -> None:
    """Draws the receptive field of the middle value of several end points over an image.

    Args:
      image: uint8 or float in [0, 1], [H, W, 3] or [H, W].
      fields: fields of two axes with known padding.

    Raises: BadInputError as ``draw_receptive_field``.
    """
    figure = Figure(figsize=(7.6, 5.6))
    axes = figure.subplots()
    _show_picture(axes, image)
    colours = colormaps["plasma"](np.linspace(0, 0.9, len(fields)))
    height, width = image.shape[:2]
    corners = [(-0.5, -0.5), (width - 0.5, height - 0.5)]
    for (name, field), colour in zip(fields.items(), colours, strict=True):
        at = _check_field(field, (height, width))
        left, top, right, bottom = _find_edges(field, at)
        corners += [(left, top), (right, bottom)]
        size = "x".join(map(str, field.size))
        axes.add_patch(
            Rectangle(
                (left, top),
                right - left,
                bottom - top,
                fill=False,
                edgecolor=colour,
                linewidth=2,
                label=_("{name}: {size} pixels").format(name=name, size=size),
            )
        )
    (low_x, low_y), (high_x, high_y) = np.min(corners, axis=0), np.max(corners, axis=0)
    margin = 0.02 * (high_x - low_x)
    axes.set_xlim(low_x - margin, high_x + margin)
    axes.set_ylim(high_y + margin, low_y - margin)
    axes.set_facecolor("#dddddd")  # outside the image: zeros of the padding
    axes.legend(fontsize=8, loc="upper left", bbox_to_anchor=(1.02, 1))
    axes.set_title(title or _("receptive fields of the middle values"), fontsize=9)
    save_figure(figure, path, _DOTS, tight=True)


def _check_field(field: ReceptiveField, sides: tuple[int, int]) -> tuple[int, int]:
    """Returns the index of the value nearest to the image's centre.

    Raises: BadInputError for a field without two axes or with unknown padding.
    """
    if len(field.size) != 2 or None in field.padding:
        raise BadInputError(
            "only a receptive field of two axes with known padding can be drawn: give --size"
        )
    return _find_centre(field, 0, sides[0]), _find_centre(field, 1, sides[1])


def _find_edges(field: ReceptiveField, at: tuple[int, int]) -> tuple[float, float, float, float]:
    """Returns left, top, right and bottom of a field, in pixels whose middles are whole."""
    spans = [field.compute_span(axis, at[axis]) for axis in (0, 1)]
    (top, bottom), (left, right) = ((float(s[0]), float(s[1])) for s in spans if s is not None)
    return left - 0.5, top - 0.5, right + 0.5, bottom + 0.5


def _find_centre(field: ReceptiveField, axis: int, side: int) -> int:
    stride, padding = field.stride[axis], field.padding[axis]
    if padding is None:
        return 0
    centre = (side - 1) / 2 + float(padding) - (field.size[axis] - 1) / 2
    return max(round(centre / float(stride)), 0)


class _Page:
    """A figure whose parts are placed in inches from its left and upper edge."""

    def __init__(self, width: float, height: float) -> None:
        self.figure = Figure(figsize=(width, height))
        self._width, self._height = width, height

    def add_axes(self, left: float, top: float, width: float, height: float) -> Axes:
        """Adds axes that fill a place."""
        bottom = self._height - top - height
        return self.figure.add_axes(
            (
                left / self._width,
                bottom / self._height,
                width / self._width,
                height / self._height,
            )
        )

    def add_text(self, left: float, top: float, text: str, size: float = 8) -> None:
        """Adds a line; ``top`` is that of its base line."""
        self.figure.text(left / self._width, 1 - top / self._height, text, fontsize=size)


def _show_picture(axes: Axes, picture: Array) -> None:
    """Shows uint8 or float in [0, 1], [H, W, 3] or [H, W]."""
    highest = 255 if picture.dtype == np.uint8 else 1
    axes.imshow(picture, cmap="gray", vmin=0, vmax=highest)


def _choose_scale(value: Array) -> tuple[Normalize, str]:
    """Chooses the range of a colour scale; "min", "max", "both" or "neither": values outside."""
    finite = value[np.isfinite(value)]
    if not finite.size:
        return Normalize(0, 1), "neither"
    low, high = (float(bound) for bound in np.percentile(finite, (1, 99)))
    if low == high:  # a map with few values that differ
        low, high = float(finite.min()), float(finite.max())
    if low == high:
        low, high = low - 0.5, high + 0.5
    below, above = bool((finite < low).any()), bool((finite > high).any())
    ends = {(True, True): "both", (True, False): "min", (False, True): "max"}
    return Normalize(low, high), ends.get((below, above), "neither")


def _draw_scale(
    figure: Figure, axes: Axes, mapped: ScalarMappable, extend: str = "neither", label: str = ""
) -> None:
    bar = figure.colorbar(mapped, cax=axes, extend=extend, extendfrac=0.05, format="{x:.3g}")
    bar.locator = MaxNLocator(3)
    bar.ax.tick_params(labelsize=6, length=2)
    bar.set_label(label, fontsize=7)


def _check_map(name: str, value: Array) -> Array:
    """Returns a map as float [H, W, C]."""
    value = np.asarray(value, np.float32)
    if value.ndim == 4 and len(value) == 1:
        value = value[0]
    if value.ndim != 3:
        raise BadInputError(f"{name} of shape {value.shape} is not a map [H, W, C] of one image")
    return value
