"""Shapes and windows as text: in options, in tables on the screen and on pages."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction


def format_shape(shape: Sequence[int | None] | None) -> str:
    """Formats a tensor's shape, with ? for an unknown side: (?, 35, 35, 288)."""
    if shape is None:
        return "?"
    return "(" + ", ".join("?" if side is None else str(side) for side in shape) + ")"


def format_axes(numbers: Sequence[int | Fraction | None] | None) -> str:
    """Formats one number per spatial axis: 3x3."""
    if numbers is None:
        return ""
    return "x".join("?" if number is None else str(number) for number in numbers)


def parse_sides(text: str) -> list[int | None]:
    """Parses the sides of an image or clip: "96x128", "16x112x112"; "?" is an unknown side.

    Raises ValueError for any other text.
    """
    sides = [None if side == "?" else int(side) for side in text.lower().split("x")]
    if any(side is not None and side < 1 for side in sides):
        raise ValueError(f"{text}: a side is at least 1")
    return sides


def format_window(
    kernel: Sequence[int] | None, stride: Sequence[int] | None, padding: str | None
) -> str:
    """Formats kernel, stride and padding: 3x3 / 2x2 SAME; "" for a layer without a window."""
    if not kernel:
        return ""
    return f"{format_axes(kernel)} / {format_axes(stride)} {padding}"
