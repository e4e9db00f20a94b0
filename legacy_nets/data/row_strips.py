"""Video clips as images: T frames below one another, for nets that read a map row by row.

``cnn_lstm`` (document 000) takes 28x28 grey images, and its LSTM reads the four rows of the last
map. With a clip in four strips of 7x28, these rows become moments in time. Parts that do not move
tell nothing about a motion: each strip shows how its frame differs from the clip's mean, on grey.
"""

from __future__ import annotations

import pathlib

import numpy as np
from PIL import Image

from legacy_nets.data.clips import load_clips, read_clip
from legacy_nets.data.splits import FileSplit
from legacy_nets.data.synthetic.folders import create_data_folder
from legacy_nets.errors import BadInputError
from legacy_nets.types import Array

GREY = 128
CONTRAST = 2  # differences are small: a hand rarely takes a pixel from black to white


def arrange_row_strips(clip: pathlib.Path, frames: int, size: tuple[int, int]) -> Array:
    """Arranges T frames of a clip, each squeezed to H/T x W, in one image: uint8 [H, W], grey.

    ``size`` is (H, W) of the image. Raises BadInputError where T does not divide H, and for a
    clip that cannot be read.
    """
    height, width = size
    if not 0 < frames <= height or height % frames:
        raise BadInputError(
            f"{frames} frames do not fit in {height} rows: give a number that divides it"
        )
    strips = read_clip(clip, "unit", (frames, height // frames, width), channels=1)
    motion = GREY + CONTRAST * (strips - strips.mean(axis=0))  # [T, H/T, W, 1]
    return np.clip(np.rint(motion), 0, 255).astype(np.uint8).reshape(size)


def write_row_strips(
    clips: str | pathlib.Path,
    folder: str | pathlib.Path,
    frames: int = 4,
    size: tuple[int, int] = (28, 28),
    holdout: float | None = None,
    seed: int = 0,
) -> None:
    """Writes a folder of clips (``clips.load_clips``) as PNG images, with train and test folders.

    Raises BadInputError for clips that cannot be used, and where ``folder`` exists already.
    """
    data = load_clips(clips, holdout, seed)
    with create_data_folder(pathlib.Path(folder), f"{data.name}, in {frames} strips") as unfinished:
        for name, split in (("train", data.train), ("test", data.test)):
            assert isinstance(split, FileSplit)  # clips stay in their files
            for clip, label in zip(split.paths, split.labels.tolist(), strict=True):
                class_folder = unfinished / name / data.class_names[label]
                class_folder.mkdir(parents=True, exist_ok=True)
                image = Image.fromarray(arrange_row_strips(clip, frames, size))
                image.save(class_folder / f"{clip.name}.png")
