"""Shapes and windows as text, as tables on the screen and on pages show them."""

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


def format_window(
    kernel: Sequence[int] | None, stride: Sequence[int] | None, padding: str | None
) -> str:
    """Formats kernel, stride and padding: 3x3 / 2x2 SAME; "" for a layer without a window."""
    if not kernel:
        return ""
    return f"{format_axes(kernel)} / {format_axes(stride)} {padding}"
