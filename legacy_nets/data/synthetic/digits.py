"""Generates digits 0 to 9: a synthetic replacement for MNIST, in the files of MNIST.

Source:  document 004's demo trains on MNIST, 28x28 grey, white on black; these digits are pen
         strokes, bent, slanted and placed at random, centred as in MNIST.
Output:  uint8, label = digit.
"""

from __future__ import annotations

import pathlib

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

from legacy_nets.data.mnist import IDX, write_idx
from legacy_nets.data.synthetic.folders import create_data_folder
from legacy_nets.errors import BadInputError
from legacy_nets.types import Array

SYNTHETIC = "synthetic digits, drawn by legacy_nets"  # written into data sets: keep it
SIZE = 28
SUPERSAMPLING = 4
PLACES = ((0, 0), (0, 1), (1, 0), (0, -1), (-1, 0), (1, 1), (1, -1), (-1, 1), (-1, -1), (0, 2))
INK = 20  # side of the box in pixels that holds a digit, as in MNIST


def _draw_arc(x: float, y: float, wide: float, tall: float, start: float, end: float) -> Array:
    """Makes points [17, 2] on an ellipse about (x, y), from ``start`` to ``end`` turns.

    0 turns point to the right.
    """
    turn = 2 * np.pi * np.linspace(start, end, 17)
    return np.stack([x + wide * np.cos(turn), y + tall * np.sin(turn)], 1)


def _draw_line(*points: tuple[float, float]) -> Array:
    """Makes points [n, 2] on straight strokes, each cut in four so that it can bend."""
    path = np.array(points, float)
    positions = np.arange(0, len(path) - 1 + 0.01, 0.25)
    return np.stack(
        [np.interp(positions, np.arange(len(path)), path[:, axis]) for axis in (0, 1)], 1
    )


# Ways to write each digit: strokes in a box from -0.5 to 0.5 across, -1 to 1 down.
_TOP = _draw_arc(0, -0.5, 0.45, 0.5, 0.6, 1.25)  # upper bow of 2 and 3
DIGITS: tuple[tuple[tuple[Array, ...], ...], ...] = (
    ((_draw_arc(0, 0, 0.5, 1, 0.7, 1.7),),),
    ((_draw_line((0, -1), (0, 1)),), (_draw_line((-0.3, -0.6), (0.05, -1), (0.05, 1)),)),
    (
        (_draw_arc(0, -0.5, 0.45, 0.5, 0.55, 1.1), _draw_line((0.36, -0.2), (-0.5, 1), (0.5, 1))),
        (
            _draw_arc(0, -0.45, 0.45, 0.55, 0.6, 1.15),
            _draw_line((0.28, 0), (-0.45, 0.9), (0.5, 0.95)),
        ),
    ),
    (
        (_TOP, _draw_arc(0, 0.5, 0.5, 0.5, 0.75, 1.4)),
        (_draw_line((-0.45, -1), (0.45, -1), (0, -0.2)), _draw_arc(0, 0.4, 0.5, 0.6, 0.75, 1.4)),
    ),
    (
        (_draw_line((0.15, -1), (-0.5, 0.3), (0.5, 0.3)), _draw_line((0.2, -0.3), (0.2, 1))),
        (_draw_line((-0.4, -1), (-0.4, 0), (0.4, 0)), _draw_line((0.4, -1), (0.4, 1))),
    ),
    (
        (
            _draw_line((0.45, -1), (-0.35, -1), (-0.4, -0.15)),
            _draw_arc(-0.05, 0.4, 0.5, 0.6, 0.65, 1.4),
        ),
    ),
    (
        (_draw_arc(0.3, 0.3, 0.8, 1.3, 0.75, 0.5), _draw_arc(0, 0.5, 0.5, 0.5, 0, 1)),
        (_draw_line((0.2, -1), (-0.42, 0.2)), _draw_arc(0, 0.45, 0.48, 0.55, 0.5, 1.5)),
    ),
    (
        (_draw_line((-0.5, -1), (0.5, -1), (-0.15, 1)),),
        (_draw_line((-0.5, -1), (0.5, -1), (-0.1, 1)), _draw_line((-0.25, 0), (0.4, 0))),
    ),
    ((_draw_arc(0, -0.5, 0.4, 0.48, 0.25, 1.25), _draw_arc(0, 0.5, 0.48, 0.5, 0.75, 1.75)),),
    (
        (_draw_arc(0, -0.45, 0.45, 0.52, 0, 1), _draw_line((0.45, -0.45), (0.4, 1))),
        (_draw_arc(0, -0.45, 0.45, 0.52, 0, 1), _draw_arc(-0.2, 0, 0.65, 1, 0, 0.3)),
    ),
)


def draw_digit(digit: int, rng: np.random.Generator) -> Array:
    """Draws one digit: uint8 [28, 28], white on black.

    Raises BadInputError for a number that is no digit.
    """
    if digit not in range(len(DIGITS)):
        raise BadInputError(f"no such digit: {digit}; choose one from 0 to {len(DIGITS) - 1}")
    ways = DIGITS[digit]
    strokes = ways[rng.integers(len(ways))]
    turn, slant = rng.normal(0, 0.12), rng.normal(-0.15, 0.2)
    wide, tall = rng.uniform(0.75, 1.35), rng.uniform(0.85, 1.05)
    shape = np.array([[wide, slant], [0, tall]])  # column vectors (x, y)
    shape = np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]]) @ shape
    # A slow wave bends every stroke alike; each stroke is also shifted a little.
    phase, swing = rng.uniform(0, 2 * np.pi, 2), rng.normal(0, 0.07, 2)
    placed = []
    for stroke in strokes:
        bent = stroke + swing * np.sin(2.5 * stroke[:, ::-1] + phase) + rng.normal(0, 0.04, 2)
        placed.append((bent + rng.normal(0, 0.012, bent.shape)) @ shape.T)
    points = np.concatenate(placed)
    low, high = points.min(0), points.max(0)
    scale = min(INK / 2 * rng.uniform(0.85, 1.0), INK / max(high - low))
    side = SIZE * SUPERSAMPLING
    image = Image.new("L", (side, side), 0)
    draw = ImageDraw.Draw(image)
    pen = SUPERSAMPLING * rng.uniform(1.3, 3.4)
    shift = SIZE / 2 - scale * (low + high) / 2 + rng.normal(0, 0.8, 2)
    for stroke in placed:
        dots = SUPERSAMPLING * (scale * stroke + shift)
        draw.line([*dots.ravel()], 255, round(pen), joint="curve")
        for x, y in dots[[0, -1]]:
            draw.ellipse((x - pen / 2, y - pen / 2, x + pen / 2, y + pen / 2), 255)
    image = image.filter(ImageFilter.GaussianBlur(SUPERSAMPLING * rng.uniform(0.2, 0.6)))
    ink = np.asarray(image.reduce(SUPERSAMPLING), float) * rng.uniform(0.8, 1.25)
    return np.clip(np.rint(ink), 0, 255).astype(np.uint8)


def draw_digits(count: int, seed: int) -> tuple[Array, Array]:
    """Draws a balanced set: uint8 [count, 28, 28], int64 [count].

    Picture i depends on the seed and on i only. Raises BadInputError for a count below 1.
    """
    if count < 1 or seed < 0:
        raise BadInputError(f"draw_digits: {count=}, {seed=}; ask for >= 1 and >= 0")
    labels = np.arange(count) % len(DIGITS)
    return np.stack(
        [draw_digit(int(d), np.random.default_rng([seed, i])) for i, d in enumerate(labels)]
    ), labels


def draw_shifted_digits(count: int, seed: int) -> tuple[Array, Array]:
    """Draws ``count / 10`` digits in ten places each: uint8 [count, 28, 28], int64 [count].

    The places are at most two pixels apart. Labels count 0 to 9 again and again. ``count`` is a
    multiple of 100. Raises BadInputError for another one.
    """
    if count % (10 * len(PLACES)):
        raise BadInputError(f"draw_shifted_digits: {count=}; ask for a multiple of 100")
    drawn, labels = draw_digits(count // len(PLACES), seed)
    padded = np.pad(drawn, ((0, 0), (2, 2), (2, 2)))
    shifted = [padded[:, 2 - y : 2 - y + SIZE, 2 - x : 2 - x + SIZE] for y, x in PLACES]
    return np.concatenate(shifted), np.tile(labels, len(PLACES))


def make_digits(
    folder: str | pathlib.Path, count: tuple[int, int] = (6000, 1000), seed: int = 0
) -> None:
    """Writes ``count`` training and test digits into a new folder, as MNIST's four idx files.

    Raises BadInputError where the folder exists already, or cannot be written.
    """
    with create_data_folder(pathlib.Path(folder), SYNTHETIC) as unfinished:
        for number, (names, size) in enumerate(zip(IDX.values(), count, strict=True)):
            for name, array in zip(names, draw_digits(size, 2 * seed + number), strict=True):
                write_idx(unfinished / f"{name}.gz", array)
