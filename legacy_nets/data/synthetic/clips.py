"""Generates video clips of moving hands: a synthetic set that only motion can classify.

A hand has four numbers: position across, position down, size, turn. Each number swings as
sin(phase + speed * time), with a phase of its own. The class selects the numbers that move; the
others rest at their phase. So a single frame is equally likely in every class.
"""

from __future__ import annotations

import pathlib

import numpy as np
from PIL import Image

from legacy_nets.data.clips import SYNTHETIC
from legacy_nets.data.synthetic import hands
from legacy_nets.data.synthetic.folders import create_data_folder
from legacy_nets.errors import BadInputError
from legacy_nets.types import Array

ACROSS, DOWN, SIZE, TURN = range(4)
SWINGS = (0.2, 0.2, 0.25, 35.0)  # parts of the picture, of the size; degrees
MOTIONS: dict[str, tuple[int, ...]] = {  # class -> the numbers that swing
    "circle": (ACROSS, DOWN),
    "left_right": (ACROSS,),
    "nearer_farther": (SIZE,),
    "still": (),
    "tilt": (TURN,),
    "up_down": (DOWN,),
}
SHRINK = 0.62  # scale of the hand, so that it has room to move
TURNS = (0.8, 1.3)  # swings in a clip
SIDE, FRAMES = 32, 12  # of the clips that make_clips writes
CLIPS_PER_CLASS = {"train": 50, "test": 15}


def generate_motion(name: str, frames: int, rng: np.random.Generator) -> Array:
    """Generates across, down, size, turn of each frame, from -1 to 1: float64 [frames, 4]."""
    phases = rng.uniform(0, 2 * np.pi, 4)
    speed = 2 * np.pi * rng.uniform(*TURNS) * rng.choice([-1.0, 1.0])
    moving = np.isin(np.arange(4), MOTIONS[name])
    if name == "circle":
        phases[DOWN] = phases[ACROSS] + np.pi / 2
    time = np.arange(frames)[:, None] / frames
    return np.sin(phases + speed * time * moving)


def draw_clip(name: str, rng: np.random.Generator, frames: int = FRAMES, size: int = SIDE) -> Array:
    """Draws one clip of a class of ``MOTIONS``: uint8 [frames, size, size, 3], RGB.

    Raises BadInputError for an unknown class, no frames, or a size below 16.
    """
    if name not in MOTIONS or frames < 1 or size < 16:
        raise BadInputError(
            f"draw_clip: {name!r}, {frames=}, {size=}; ask for one of {', '.join(MOTIONS)}, at "
            "least 1 frame and a size of at least 16"
        )
    hand, light = hands.paint_hand(int(rng.integers(6)), rng, size)
    wall = int(rng.integers(2**32))  # the same wall and light in every frame
    return np.stack(
        [
            hands.photograph(_move_hand(hand, state), light, np.random.default_rng(wall))
            for state in generate_motion(name, frames, rng)
        ]
    )


def _move_hand(hand: Image.Image, state: Array) -> Image.Image:
    """Shifts, scales and turns a painted hand about its middle."""
    size = hand.width
    across, down, larger, turn = state * SWINGS
    scale, angle = SHRINK * (1 + larger), np.deg2rad(turn)
    a, b = np.cos(angle) / scale, np.sin(angle) / scale  # the inverse map, output to input
    middle, x, y = size / 2, size * (0.5 + across), size * (0.5 + down)
    inverse = (a, b, middle - a * x - b * y, -b, a, middle + b * x - a * y)
    return hand.transform(hand.size, Image.Transform.AFFINE, inverse, Image.Resampling.BILINEAR)


def make_clips(folder: str | pathlib.Path, seed: int = 0) -> None:
    """Writes the synthetic set (deterministic) as frame folders: train and test, 6 classes.

    Raises BadInputError where the folder exists already, or cannot be written.
    """
    with create_data_folder(pathlib.Path(folder), SYNTHETIC) as unfinished:
        for split_number, (split, count) in enumerate(CLIPS_PER_CLASS.items()):
            for label, name in enumerate(MOTIONS):
                for number in range(count):
                    rng = np.random.default_rng([seed, split_number, label, number])
                    clip = unfinished / split / name / f"{number:03d}"
                    clip.mkdir(parents=True)
                    for index, picture in enumerate(draw_clip(name, rng)):
                        Image.fromarray(picture).save(clip / f"{index:02d}.png")
