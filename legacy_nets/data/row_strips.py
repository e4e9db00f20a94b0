"""Clips as stills: T frames in strips, one below the other, for nets that read a map row by row.

``cnn_lstm`` (document 000) takes 28x28 grey images, and its LSTM reads the four rows of the last
map. A clip in four strips of 7x28 makes these rows moments in time. What does not move says
nothing about a motion: each strip shows how its frame differs from the clip's mean, about grey.
"""

from __future__ import annotations

import pathlib

import numpy as np
from PIL import Image

from legacy_nets.data.clips import load_clips, read_clip
from legacy_nets.data.synthetic.folders import drawn_whole
from legacy_nets.errors import BadInputError
from legacy_nets.train.stream import Files

GREY = 128
CONTRAST = 2  # differences are small: a hand rarely takes a pixel from black to white


def strips(clip: pathlib.Path, frames: int, size: tuple[int, int]) -> np.ndarray:
    """T frames of a clip, each squeezed to H/T x W, below one another: uint8 [H, W], grey.

    ``size``: (H, W) of the whole. Raises BadInputError where T does not divide H, and for a clip
    that cannot be read.
    """
    height, width = size
    if not 0 < frames <= height or height % frames:
        raise BadInputError(
            f"{frames} frames do not fit in {height} rows: give a number that divides it"
        )
    shown = read_clip(clip, "unit", (frames, height // frames, width), channels=1)
    moved = GREY + CONTRAST * (shown - shown.mean(axis=0))  # [T, H/T, W, 1]
    return np.clip(np.rint(moved), 0, 255).astype(np.uint8).reshape(size)


def make_strips(
    clips: str | pathlib.Path,
    folder: str | pathlib.Path,
    frames: int = 4,
    size: tuple[int, int] = (28, 28),
    holdout: float | None = None,
    seed: int = 0,
) -> None:
    """Writes a folder of clips (``clips.load_clips``) as PNG stills: train and test, same classes.

    Raises BadInputError for clips that cannot be used, and where ``folder`` is there already.
    """
    data = load_clips(clips, holdout, seed)
    with drawn_whole(pathlib.Path(folder), f"{data.name}, in {frames} strips") as unfinished:
        for name, half in (("train", data.train), ("test", data.test)):
            assert isinstance(half, Files)  # clips stay in their files
            for clip, label in zip(half.paths, half.labels.tolist(), strict=True):
                place = unfinished / name / data.class_names[label]
                place.mkdir(parents=True, exist_ok=True)
                Image.fromarray(strips(clip, frames, size)).save(place / f"{clip.name}.png")
