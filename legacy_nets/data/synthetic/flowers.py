"""Generates five kinds of flowers: a replacement for the photographs of document 004.

Source:  document 004 trains on ``flower_data/train`` and ``val``, five classes of photographs,
         which cannot be shipped; these pictures imitate the classes, in the same folders.
Output:  JPEG files of 96x96, one sub-folder per class.

A flower is a list of shapes in its own frame: the head is about one unit in radius, y points
down. It is turned, tilted, scaled and placed in front of a blurred garden. Colours overlap between
the classes (white tulips, yellow roses, pink daisies), so a net has to learn the form.
"""

from __future__ import annotations

import pathlib

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

from legacy_nets.data.synthetic.folders import create_data_folder
from legacy_nets.errors import BadInputError
from legacy_nets.types import Array

NAMES = ("daisy", "dandelion", "roses", "sunflowers", "tulips")
SYNTHETIC = "synthetic flowers, drawn by legacy_nets"  # written into data sets: keep it
SIZE = 96
SUPERSAMPLING = 3
QUALITY = 90  # of the JPEG files

Colour = Array  # float64 [3], red, green, blue from 0 to 255
Shapes = list[tuple[Array, Colour]]  # polygons float64 [n, 2], painted in this order

YELLOW, GOLD, WHITE = np.array([[246, 208, 40], [236, 160, 24], [240, 238, 232]], float)
RED, PINK, VIOLET = np.array([[196, 24, 40], [232, 128, 160], [136, 56, 150]], float)
BROWN, GREEN, GREY = np.array([[74, 46, 28], [70, 124, 52], [196, 198, 194]], float)
PALETTES = {  # the usual colour first, and how often each occurs
    "daisy": ((WHITE, PINK, YELLOW), (0.7, 0.2, 0.1)),
    "dandelion": ((YELLOW, GREY), (0.7, 0.3)),
    "roses": ((RED, PINK, WHITE, YELLOW), (0.4, 0.3, 0.15, 0.15)),
    "sunflowers": ((GOLD, YELLOW), (0.5, 0.5)),
    "tulips": ((RED, PINK, YELLOW, WHITE, VIOLET), (0.25, 0.2, 0.2, 0.15, 0.2)),
}
BLADES = (0.5, 0.3, 0.08, 0.06, 0.06)  # how often each colour lies behind the flower


def _make_petal(length: float, width: float, root: float, turn: float) -> Array:
    """Makes a leaf-shaped polygon [18, 2] from radius ``root`` outward, at angle ``turn``."""
    along = np.linspace(0, 1, 9)
    half = width / 2 * np.sin(np.pi * along**0.8) ** 0.7
    side = np.stack([half, -(root + length * along)], 1)
    return _rotate(np.concatenate([side, (side * (-1, 1))[::-1]]), turn)


def _make_disc(radius: float, x: float = 0.0, y: float = 0.0, flat: float = 1.0) -> Array:
    """Makes a polygon [24, 2] of a circle, flattened by ``flat``."""
    turn = np.linspace(0, 2 * np.pi, 24, endpoint=False)
    return np.stack([x + radius * np.cos(turn), y + flat * radius * np.sin(turn)], 1)


def _rotate(points: Array, angle: float) -> Array:
    """Rotates points [n, 2] about the origin."""
    cos, sin = np.cos(angle), np.sin(angle)
    return points @ np.array([[cos, sin], [-sin, cos]])


def _vary_colour(colour: Colour, rng: np.random.Generator, spread: float = 0.1) -> Colour:
    """Changes a colour a little at random."""
    return colour * (1 + rng.normal(0, spread)) + rng.normal(0, 6, 3)


def _make_ring(
    count: int, length: float, width: float, root: float, colour: Colour, rng: np.random.Generator
) -> Shapes:
    """Makes a ring of petals at slightly irregular angles."""
    start = rng.uniform(0, 2 * np.pi)
    turns = start + 2 * np.pi * (np.arange(count) + rng.normal(0, 0.12, count)) / count
    return [
        (_make_petal(length * rng.normal(1, 0.06), width, root, turn), _vary_colour(colour, rng))
        for turn in rng.permutation(turns)
    ]


def _make_daisy(colour: Colour, rng: np.random.Generator) -> Shapes:
    """Makes narrow petals about a small yellow disc."""
    count = int(rng.integers(12, 22))
    disc = rng.uniform(0.2, 0.3)
    petals = _make_ring(count, 0.95 - disc, rng.uniform(3.4, 4.4) / count, disc * 0.8, colour, rng)
    return [
        *petals,
        (_make_disc(disc), _vary_colour(GOLD, rng)),
        (_make_disc(disc * 0.6), _vary_colour(YELLOW, rng)),
    ]


def _make_dandelion(colour: Colour, rng: np.random.Generator) -> Shapes:
    """Makes rings of many thin petals without a disc; a grey seed head is fainter."""
    shapes: Shapes = []
    for reach in (1.0, 0.8, 0.6, 0.4, 0.2):
        tone = colour * (1.1 - 0.25 * reach)
        shapes += _make_ring(int(34 * reach) + 6, reach, 0.09, 0.0, tone, rng)
    if colour is GREY:
        shapes.append((_make_disc(0.14), _vary_colour(BROWN, rng)))
    return shapes


def _make_rose(colour: Colour, rng: np.random.Generator) -> Shapes:
    """Makes broad petals in a spiral towards a dark middle."""
    shapes: Shapes = []
    turn = rng.uniform(0, 2 * np.pi)
    for radius in np.linspace(0.62, 0.08, 14):
        turn += 2.4 + rng.normal(0, 0.15)  # about the golden angle
        x, y = 0.55 * radius * np.cos(turn), 0.55 * radius * np.sin(turn)
        tone = _vary_colour(colour * (0.62 + 0.55 * radius), rng, 0.05)
        shapes.append((_make_disc(radius * 1.06, x, y), tone * 0.66))  # the rim in shadow
        shapes.append((_make_disc(radius * 0.97, x * 1.1, y * 1.1), tone))
    return shapes


def _make_sunflower(colour: Colour, rng: np.random.Generator) -> Shapes:
    """Makes pointed petals in two rings about a large brown disc."""
    disc = rng.uniform(0.4, 0.55)
    shapes: Shapes = []
    for length, tone in ((1.0, 0.85), (0.92, 1.0)):
        count = int(rng.integers(14, 20))
        shapes += _make_ring(count, length - disc, 0.24, disc * 0.9, colour * tone, rng)
    shapes += [
        (_make_disc(disc), _vary_colour(BROWN, rng)),
        (_make_disc(disc * 0.55), _vary_colour(BROWN * 0.7, rng)),
    ]
    spots = rng.normal(0, disc * 0.45, (24, 2))
    return shapes + [
        (_make_disc(0.025, x, y), GOLD * 0.7) for x, y in spots if np.hypot(x, y) < disc * 0.95
    ]


def _make_tulip(colour: Colour, rng: np.random.Generator) -> Shapes:
    """Makes a cup seen from the side, on its stem, between long leaves."""
    top, wide = rng.uniform(0.7, 0.9), rng.uniform(0.85, 1.05)
    stem = np.array([(-0.06, 0.6), (0.06, 0.6), (0.12, 3.0), (0.0, 3.0)])
    shapes: Shapes = [(stem, _vary_colour(GREEN, rng))]
    for side in (-1, 1):
        leaf = _make_petal(2.0, 0.4, 0.0, side * rng.uniform(0.15, 0.5)) + (0, 2.6)
        shapes.append((leaf, _vary_colour(GREEN, rng)))
    for x, tilt, tone in ((0.0, 0.0, 0.72), (-0.28, -0.22, 0.9), (0.28, 0.22, 1.0), (0, 0, 1.12)):
        height = top + 0.75 - 0.25 * (tone > 1.1)
        petal = _make_petal(height, 0.78 * wide, 0.0, tilt + rng.normal(0, 0.05)) + (x * wide, 0.72)
        shapes.append((petal, _vary_colour(colour * tone, rng, 0.04)))
    return shapes


FLOWERS = {
    "daisy": _make_daisy,
    "dandelion": _make_dandelion,
    "roses": _make_rose,
    "sunflowers": _make_sunflower,
    "tulips": _make_tulip,
}


def _draw_garden(side: int, rng: np.random.Generator) -> Image.Image:
    """Draws blurred leaves, earth or sky behind the flower."""
    base = (GREEN, GREEN * 0.6, BROWN * 1.3, np.array([136, 168, 204.0]))[rng.choice(4)]
    image = Image.new("RGB", (side, side), _convert_colour(_vary_colour(base, rng)))
    draw = ImageDraw.Draw(image)
    for _ in range(int(rng.integers(8, 26))):
        blade = _make_petal(rng.uniform(0.3, 1), rng.uniform(0.05, 0.3), 0, rng.uniform(0, 7))
        colour = _vary_colour((GREEN, base, YELLOW, WHITE, PINK)[rng.choice(5, p=BLADES)], rng)
        draw.polygon([*(side * (blade + rng.uniform(0, 1, 2))).ravel()], _convert_colour(colour))
    return image.filter(ImageFilter.GaussianBlur(side * rng.uniform(0.008, 0.04)))


def _convert_colour(colour: Colour) -> tuple[int, ...]:
    """Converts a colour to the integers that Pillow takes."""
    return tuple(int(part) for part in np.clip(colour, 0, 255))


def draw_flower(name: str, rng: np.random.Generator, size: int = SIZE) -> Array:
    """Draws one or two flowers of a class: uint8 [size, size, 3], RGB.

    Raises BadInputError for a name that is not among ``NAMES``.
    """
    if name not in FLOWERS:
        raise BadInputError(f"no such flower: {name!r}; choose one of {', '.join(NAMES)}")
    side = size * SUPERSAMPLING
    image = _draw_garden(side, rng)
    draw = ImageDraw.Draw(image)
    colours, shares = PALETTES[name]
    upright = name == "tulips"
    for _ in range(1 + int(rng.uniform() < 0.3)):
        colour = colours[rng.choice(len(colours), p=shares)]
        shapes = FLOWERS[name](colour, rng)
        angle = rng.normal(0, 0.25) if upright else rng.uniform(0, 2 * np.pi)
        tilt = (1.0, 1.0 if upright else rng.uniform(0.6, 1.0))  # seen somewhat from the side
        lean = 0.0 if upright else rng.uniform(-1, 1)
        scale = side * rng.uniform(0.22, 0.4)
        centre = side * rng.uniform(0.35, 0.65, 2)
        for points, tone in shapes:
            placed = _rotate(_rotate(points, angle) * tilt, lean) * scale + centre
            draw.polygon([*placed.ravel()], _convert_colour(tone))
    picture = np.asarray(image.reduce(SUPERSAMPLING), float)
    slope = np.linspace(-1, 1, size)
    light = 1 + rng.normal(0, 0.1) * slope[:, None, None] + rng.normal(0, 0.1) * slope[:, None]
    picture = picture * light * rng.normal(1, 0.12) * rng.normal(1, 0.03, 3)
    picture = picture + rng.normal(0, rng.uniform(1, 7), picture.shape)
    return np.clip(np.rint(picture), 0, 255).astype(np.uint8)


def make_flowers(
    folder: str | pathlib.Path, per_class: tuple[int, int] = (160, 40), seed: int = 0
) -> None:
    """Writes folders ``train`` and ``val`` with ``per_class`` JPEG files of each class.

    A file depends only on the seed, its split, its class and its number. Raises BadInputError
    where the folder exists already, or cannot be written.
    """
    with create_data_folder(pathlib.Path(folder), SYNTHETIC) as unfinished:
        for split, count in enumerate(per_class):
            for label, name in enumerate(NAMES):
                class_folder = unfinished / ("train", "val")[split] / name
                class_folder.mkdir(parents=True)
                for number in range(count):
                    picture = draw_flower(name, np.random.default_rng([seed, split, label, number]))
                    Image.fromarray(picture).save(
                        class_folder / f"{number:04}.jpg", quality=QUALITY
                    )
