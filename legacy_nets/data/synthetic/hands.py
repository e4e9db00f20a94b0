"""Generates hands that show 0 to 5 fingers: a replacement for the hand-sign photographs.

Source:  document 001 trains on 64x64 photographs of one hand in front of a light wall, six classes;
         these cannot be shipped, so these pictures imitate their composition and light.
Output:  uint8 RGB, label = number of raised fingers (0 is an O of thumb and fingers).

A hand is built in its own frame, then posed, painted and photographed. Hand frame: the wrist is
at (0, 0), x points to the thumb, y down the forearm, and the palm is about one unit long. All
limbs are chains of circles: float64 [n, 3] rows (x, y, radius), painted as tapered capsules.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

from legacy_nets.errors import BadInputError
from legacy_nets.types import Array

SUPERSAMPLING = 4
LABEL_STREAM = 1  # separates the random numbers of the label order from those of the images

THUMB, INDEX, MIDDLE, RING, LITTLE = range(5)
# Raised fingers per class, as nearly all photographs show them.
RAISED: dict[int, tuple[int, ...]] = {
    0: (),
    1: (INDEX,),
    2: (INDEX, MIDDLE),
    3: (THUMB, INDEX, MIDDLE),
    4: (INDEX, MIDDLE, RING, LITTLE),
    5: (THUMB, INDEX, MIDDLE, RING, LITTLE),
}
# The O seen from the palm and from the side: tops of the palm; a finger; the thumb; next finger.
O_FRONT = (
    np.array([(-0.36, -0.9), (-0.16, -0.74), (0.06, -0.66), (0.26, -0.6)]),
    np.array([(-0.37, -0.8, 0.14), (-0.42, -1.2, 0.15), (-0.12, -1.36, 0.12), (0.14, -1.28, 0.09)]),
    np.array([(0.2, -0.4, 0.18), (0.4, -0.85, 0.14), (0.43, -1.16, 0.115), (0.2, -1.34, 0.085)]),
    np.array([0.035, -0.065, 0.0]),
)
O_SIDE = (
    np.array([(-0.22, -0.95), (-0.14, -0.98), (-0.06, -0.9), (0.06, -0.7)]),
    np.array([(-0.1, -0.9, 0.2), (0.1, -1.22, 0.13), (0.4, -1.25, 0.1), (0.54, -1.03, 0.08)]),
    np.array([(0.14, -0.3, 0.18), (0.38, -0.5, 0.13), (0.55, -0.7, 0.105), (0.58, -0.92, 0.08)]),
    np.array([-0.035, -0.02, 0.0]),
)

# Per finger: x, y where it leaves the palm; length; radius at root, at tip; degrees from upright.
FINGERS = {
    INDEX: (0.37, -1.0, 0.84, 0.125, 0.09, 12.0),
    MIDDLE: (0.12, -1.05, 0.93, 0.125, 0.092, -1.0),
    RING: (-0.13, -1.0, 0.86, 0.12, 0.088, -12.0),
    LITTLE: (-0.37, -0.89, 0.68, 0.105, 0.076, -27.0),
}
PHALANXES = (0.45, 0.3, 0.25)  # parts of the finger's length
THUMB_ROOT = (0.19, -0.27, 0.19)
THUMB_PHALANXES = ((0.34, 0.15), (0.32, 0.118), (0.27, 0.088))  # length, radius at the end

# Each chain is painted once per inset, from its dark rim to its bright middle (picture = 1).
INSETS = (0.0, 0.005, 0.01, 0.0175, 0.026)
MIDDLE_AT, MIDDLE_SPREAD = (0.49, 0.48), (0.03, 0.025)  # middle of the hand, x and y
BRIGHTEST = 1.18
FLUSH = np.array([1.05, 0.95, 0.98])  # fingertips are redder
SKIN_TONES = np.array([[108, 70, 50], [152, 104, 78], [168, 116, 92], [206, 156, 132]], float)
SKIN_SHARES = (0.12, 0.46, 0.34, 0.08)
WALL = np.array([219.0, 213.0, 204.0])


@dataclass
class Part:
    """Chains painted as one surface, of brightness ``tone`` in the middle, ``rim`` at the edge."""

    chains: list[Array]
    tone: float = 1.0
    rim: float = 0.5
    tint: Array | float = 1.0


def _make_chain(*circles: tuple[float, float, float]) -> Array:
    return np.array(circles, float)


def _make_unit_vector(degrees: float) -> Array:
    """Makes the unit vector [2] at an angle from upright, towards the thumb."""
    return np.array([np.sin(np.radians(degrees)), -np.cos(np.radians(degrees))])


def _make_palm(bend: float, tops: Array, rng: np.random.Generator) -> list[Part]:
    """Makes the palm and forearm (bent at the wrist by ``bend`` degrees), and the thumb's ball."""
    elbow, wrist = -4.0 * _make_unit_vector(bend), rng.uniform(0.24, 0.3)
    arm = _make_chain((0.0, -0.1, wrist), (*(elbow * 0.12), wrist), (*elbow, wrist + 0.3))
    fan = [_make_chain((0.0, -0.22, 0.27), (x * 0.86, y + 0.1, 0.15)) for x, y in tops]
    heel = _make_chain((-0.12, -0.2, 0.22), (-0.28, -0.5, 0.19))
    ball = _make_chain(THUMB_ROOT, (0.27, -0.5, 0.13))
    thenar = _make_chain((0.15, -0.28, 0.17), (0.24, -0.5, 0.1))
    hypothenar = _make_chain((-0.2, -0.3, 0.14), (-0.28, -0.6, 0.1))
    return [Part([arm, *fan, heel, ball], 0.94, 0.6), Part([thenar, hypothenar], 1.0, 1.03)]


def _make_raised_finger(
    finger: int, spread: float, reach: float, rng: np.random.Generator
) -> list[Part]:
    """Makes a stretched finger of three phalanxes, slightly bent, with a crease at each joint."""
    x, y, length, wide, narrow, angle = FINGERS[finger]
    at, radius, creases = np.array([x, y]), wide, []
    length *= reach * rng.uniform(0.93, 1.05)
    angle = angle * spread + rng.normal(0.0, 3.0)
    bend = rng.normal(0.0, 5.0)
    circles = [(x, y + 0.12, wide)]  # rooted inside the palm
    for part in PHALANXES:
        at = at + length * part * _make_unit_vector(angle)
        radius += (narrow - wide) * part
        circles.append((*at, radius))
        side = 0.6 * radius * _make_unit_vector(angle + 90.0)
        creases.append(_make_chain((*(at - side), 0.01), (*(at + side), 0.01)))
        angle += bend
    tone = rng.uniform(0.94, 1.02)
    tip = Part([_make_chain(*circles[2:]) * (1.0, 1.0, 0.7)], tone, 1.05, FLUSH)
    return [Part([_make_chain(*circles)], tone), tip, Part(creases[:2], 1.0, 0.8)]


def _make_folded_finger(finger: int, rng: np.random.Generator) -> Part:
    """Makes a finger folded onto the palm: a knuckle on top, the tip pointing down."""
    x, y, _, wide, narrow, _ = FINGERS[finger]
    x, y = (x, y) + rng.normal(0.0, 0.015, 2)
    tip = (x * 0.8 + 0.02, y + rng.uniform(0.24, 0.4), narrow * 1.12)
    return Part([_make_chain((x * 0.95, y + 0.03, wide * 1.1), tip)], rng.uniform(0.9, 1.0))


def _make_raised_thumb(rng: np.random.Generator) -> Part:
    angle, at = rng.uniform(40.0, 68.0), np.array(THUMB_ROOT[:2])
    points = [THUMB_ROOT]
    for length, radius in THUMB_PHALANXES:
        at = at + length * _make_unit_vector(angle)
        points.append((*at, radius))
        angle -= rng.uniform(-2.0, 15.0)
    return Part([_make_chain(*points[1:]), _make_chain(*points[:2])], 1.0, 0.72)


def _make_folded_thumb(folded: list[int], rng: np.random.Generator) -> Part:
    """Makes the thumb across the palm; it holds the nearest folded finger if there is one."""
    x = FINGERS[min(folded)][0] - 0.08 if folded else 0.0
    tip = np.array([min(x, 0.12), -0.72]) + rng.normal(0.0, 0.05, 2)
    bow = np.array([0.36, -0.5]) + rng.normal(0.0, 0.03, 2)
    thumb = _make_chain((0.24, -0.36, 0.14), (*bow, 0.135), (*tip, 0.09))
    return Part([thumb], 1.0, 0.66)


def _make_o_sign(bend: float, rng: np.random.Generator) -> list[Part]:
    """Makes zero as an O: four stacked fingers over the top meet the thumb around a hole."""
    side = rng.beta(0.5, 0.5)
    palm, finger, thumb, step = (a + side * (b - a) for a, b in zip(O_FRONT, O_SIDE, strict=True))
    for limb in (finger, thumb):
        limb[:, :2] += rng.normal(0.0, 0.025, (4, 2))
    inside = finger * (1.0, 1.0, 0.85) + (0.02 + 0.02 * side, 0.1, 0.0)
    shade = Part([inside], rng.uniform(0.42, 0.62), 0.75)
    stack = [Part([finger + i * step], 1.0 - 0.03 * i, 0.62) for i in (3, 2, 1, 0)]  # far to near
    seam = np.stack([finger[0] + (0.04, 0.12, -0.03), (0.0, -0.4, 0.2)])  # no edge at the root
    stack += [Part([seam], 0.94, BRIGHTEST), Part([thumb], 1.0, 0.7)]
    return [*_make_palm(bend, palm, rng), shade, *stack]


def _build_hand(fingers: int, rng: np.random.Generator) -> list[Part]:
    """Builds the parts of a hand in the order of painting, farthest first."""
    bend = rng.normal(-6.0, 6.0)
    if fingers == 0:
        return _make_o_sign(bend, rng)
    raised = RAISED[fingers]
    folded = [finger for finger in FINGERS if finger not in raised]
    spread = rng.uniform(0.85, 1.2) * (1.4 if len(raised) < 4 else 1.0)
    reach = rng.uniform(0.88, 1.06)
    parts = _make_palm(bend, np.array([finger[:2] for finger in FINGERS.values()]), rng)
    for finger in sorted(set(raised) - {THUMB}, reverse=True):
        parts += _make_raised_finger(finger, spread, reach, rng)
    parts += [_make_folded_finger(finger, rng) for finger in reversed(folded)]
    return [*parts, _make_raised_thumb(rng) if THUMB in raised else _make_folded_thumb(folded, rng)]


def _pose_hand(parts: list[Part], rng: np.random.Generator) -> None:
    """Turns, squeezes, mirrors, scales and moves the hand, in units of the picture's side."""
    turn = np.radians(np.clip(rng.normal(0.0, 6.0), -15.0, 15.0))
    mirror = rng.choice([-1.0, 1.0])
    scale = np.clip(0.36 * np.exp(rng.normal(0.0, 0.05)), 0.32, 0.41)
    rotate = np.array([[np.cos(turn), np.sin(turn)], [-np.sin(turn), np.cos(turn)]])
    squeeze = np.diag([mirror * rng.uniform(0.86, 1.04), rng.uniform(0.92, 1.03)])
    matrix = scale * np.eye(3)  # of x, y and radius
    matrix[:2, :2] = scale * squeeze @ rotate
    circles = np.concatenate([chain for part in parts for chain in part.chains])
    circles = circles[circles[:, 1] < -0.05] @ matrix  # all but the forearm
    low = (circles[:, :2] - circles[:, 2:]).min(0)
    half = ((circles[:, :2] + circles[:, 2:]).max(0) - low) / 2.0
    middle = np.clip(rng.normal(MIDDLE_AT, MIDDLE_SPREAD), 0.02 + half, 0.98 - half)
    move = np.array([*(middle - low - half), 0.0])
    for part in parts:
        part.chains = [chain @ matrix + move for chain in part.chains]


def _fill_stroke(draw: ImageDraw.ImageDraw, chain: Array, fill: tuple[int, ...]) -> None:
    """Fills the hull of each two neighbouring circles, given in pixels."""
    for x, y, radius in chain:
        draw.ellipse((x - radius, y - radius, x + radius, y + radius), fill)
    for (ax, ay, ar), (bx, by, br) in pairwise(chain):
        nx, ny = np.array([ay - by, bx - ax]) / np.hypot(bx - ax, by - ay)
        corners = [(ax + nx * ar, ay + ny * ar), (bx + nx * br, by + ny * br)]
        corners += [(bx - nx * br, by - ny * br), (ax - nx * ar, ay - ny * ar)]
        draw.polygon(corners, fill)


def _paint_parts(parts: list[Part], skin: Array, light: Array, size: int) -> Image.Image:
    """Paints the posed hand: an RGBA image of side ``size`` whose alpha is the hand's outline."""
    side = size * SUPERSAMPLING
    outline = Image.new("L", (side, side), 0)
    colours = Image.new("RGB", (side, side), tuple(int(c * 0.7) for c in skin))
    outline_draw, colour_draw = ImageDraw.Draw(outline), ImageDraw.Draw(colours)
    for part in parts:
        chains = [chain * side for chain in part.chains]
        for chain in chains:
            _fill_stroke(outline_draw, chain, (255,))
        for step, inset in enumerate(INSETS):
            depth = (step / (len(INSETS) - 1)) ** 0.6
            tone = part.tone * (part.rim + (BRIGHTEST - part.rim) * depth)
            fill = tuple(int(c) for c in np.clip(skin * part.tint * tone, 0.0, 255.0))
            shrink = inset * side
            lean = (*(0.9 * shrink * light), -shrink)  # the bright middle leans to the light
            for chain in chains:
                if (chain[:, 2] > shrink).all():
                    _fill_stroke(colour_draw, chain + lean, fill)
    colours = colours.filter(ImageFilter.GaussianBlur(side / 128)).reduce(SUPERSAMPLING)
    colours.putalpha(outline.reduce(SUPERSAMPLING))
    return colours


def _draw_shadow(outline: Image.Image, light: Array, rng: np.random.Generator) -> Array:
    """Draws the hand's soft shadow, away from the light: float64 [size, size, 1] from 0 to 1."""
    size = outline.width
    dx, dy = -light * size * rng.uniform(0.03, 0.15)
    moved = outline.transform(outline.size, Image.Transform.AFFINE, (1, 0, -dx, 0, 1, -dy))
    soft = moved.filter(ImageFilter.GaussianBlur(size * rng.uniform(0.025, 0.06)))
    return np.asarray(soft, float)[:, :, None] / 255.0


def _make_noise(size: int, cells: int, rng: np.random.Generator) -> Array:
    """Makes smooth noise: float64 [size, size, 1], standard deviation about 1."""
    coarse = Image.fromarray(rng.normal(0.0, 1.0, (cells, cells)).astype(np.float32))
    return np.asarray(coarse.resize((size, size), Image.Resampling.BICUBIC), float)[:, :, None]


def photograph(hand: Image.Image, light: Array, rng: np.random.Generator) -> Array:
    """Photographs a painted hand in front of a wall: uint8 [size, size, 3], with noise."""
    size = hand.width
    y, x = np.mgrid[0:size, 0:size] / size - 0.5
    towards_light = (x * light[0] + y * light[1])[:, :, None]
    wall = (WALL + rng.normal(0.0, 3.0)) * (1.0 + rng.uniform(0.0, 0.16) * towards_light)
    wall = wall * (1.0 - rng.uniform(0.0, 0.22) * (y[:, :, None] + 0.5) ** 2)
    wall = wall + rng.choice([0.0, 0.5, 2.0]) * _make_noise(size, 9, rng)
    wall = wall * (1.0 - rng.uniform(0.1, 0.45) * _draw_shadow(hand.getchannel("A"), light, rng))
    dim_arm = 0.5 * np.maximum(y - 0.1, 0.0)[:, :, None]
    colours, cover = np.split(np.asarray(hand, float), [3], axis=2)
    colours = colours * (1.0 + 0.7 * towards_light - dim_arm) + 3.0 * _make_noise(size, 16, rng)
    picture = wall + cover / 255.0 * (colours - wall)
    picture = picture * rng.normal(1.0, 0.04) * rng.normal(1.0, 0.008, 3)
    picture = picture + rng.normal(0.0, rng.uniform(0.4, 2.0), picture.shape)
    return np.clip(np.rint(picture), 0, 255).astype(np.uint8)


def draw_hand(fingers: int, rng: np.random.Generator, size: int = 64) -> Array:
    """Draws one hand with 0 to 5 raised fingers: uint8 [size, size, 3], RGB.

    Raises BadInputError for other fingers, and for a size below 16.
    """
    hand, light = paint_hand(fingers, rng, size)
    return photograph(hand, light, rng)


def paint_hand(fingers: int, rng: np.random.Generator, size: int) -> tuple[Image.Image, Array]:
    """Paints a posed hand: RGBA with its outline as alpha, and the light's direction [2].

    Raises BadInputError for fingers other than 0 to 5, and for a size below 16.
    """
    if fingers not in RAISED or size < 16:
        raise BadInputError(f"draw_hand: {fingers=}, {size=}; ask for 0 to 5 fingers, size >= 16")
    skin = rng.choice(SKIN_TONES, p=SKIN_SHARES) * rng.normal(1.0, 0.05) * rng.normal(1.0, 0.02, 3)
    light = _make_unit_vector(rng.uniform(-80.0, 80.0)) * rng.uniform(0.4, 1.0)  # towards the light
    parts = _build_hand(fingers, rng)
    _pose_hand(parts, rng)
    return _paint_parts(parts, skin, light, size), light


def draw_signs(count_per_class: int, seed: int, size: int = 64) -> tuple[Array, Array]:
    """Draws a balanced set: uint8 [6 * count, size, size, 3], int64 [6 * count] labels.

    Every six images hold each class once, in a shuffled order. Picture i depends on the seed
    and on i only, so a longer data set begins with the shorter one. Raises BadInputError when
    the count is below 1, the seed below 0 or the size below 16.
    """
    if count_per_class < 1 or seed < 0:
        raise BadInputError(f"draw_signs: {count_per_class=}, {seed=}; ask for >= 1 and >= 0")
    blocks = range(count_per_class)
    order = [
        np.random.default_rng([seed, b, LABEL_STREAM]).permutation(len(RAISED)) for b in blocks
    ]
    labels = np.concatenate(order).astype(np.int64)
    images = [
        draw_hand(int(fingers), np.random.default_rng([seed, index]), size)
        for index, fingers in enumerate(labels)
    ]
    return np.stack(images), labels
