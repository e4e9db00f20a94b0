"""A labelled data set: its two splits, the names of its classes, and notes for the user."""

from __future__ import annotations

import dataclasses
import re

from legacy_nets.data.class_indices import number_classes
from legacy_nets.data.splits import ResizedImages, Split
from legacy_nets.errors import BadInputError
from legacy_nets.types import Shape


@dataclasses.dataclass(frozen=True)
class ImageData:
    """A labelled data set of images or video clips."""

    name: str  # contains "synthetic" where the pictures are synthetic
    train: Split
    test: Split  # held out from training
    class_names: tuple[str, ...]
    mirror_classes: frozenset[int]  # classes that stay the same class in a mirror
    channels: int = 3  # of the pictures: 1 is grey
    clip_lengths: tuple[tuple[str, int], ...] = ()  # path and frames of each clip; () for images
    notes: tuple[str, ...] = ()  # what was done to the pictures, for the user

    @property
    def file_name(self) -> str:
        """Its name in names of files: letters, digits and underscores."""
        return re.sub(r"\W+", "_", self.name.partition(", drawn by ")[0]).strip("_") or "data"

    @property
    def unit(self) -> str:
        """What messages count: "clips" or "images"."""
        return "clips" if self.clip_lengths else "images"


def widen_classes(data: ImageData, num_classes: int) -> ImageData:
    """Adds classes without images up to a number; 0 adds none.

    They are named by their numbers. Raises BadInputError where the data have more classes.
    """
    names = data.class_names
    if num_classes == 0:
        return data
    if num_classes < len(names):
        raise BadInputError(
            f"--num-classes {num_classes}: {data.name} has {len(names)} classes; give that number, "
            "a larger one, or none"
        )
    numbers = number_classes(num_classes)
    added = numbers if names == numbers[: len(names)] else [f"class {n}" for n in numbers]
    return dataclasses.replace(data, class_names=(*names, *added[len(names) :]))


def resize_data(data: ImageData, preprocessing: str, size: Shape, channels: int = 3) -> ImageData:
    """Crops and resizes the data to a net's size: (height, width), or (frames, height, width).

    The training split is rounded to uint8. The test split stays exact: float32 where resized.
    The notes of the result tell of changed colours and of clips that are too short.
    """
    notes = list(data.notes)
    if channels != data.channels:
        note = f"grey pictures are made RGB: the net takes {channels} channels"
        if channels == 1:
            note = "colour pictures are made grey: the net takes 1 channel"
        notes.append(note)
    short_clips = [clip for clip in data.clip_lengths if clip[1] < size[0]]
    if short_clips:
        path, length = short_clips[0]
        notes.append(
            f"{len(short_clips)} of {len(data.clip_lengths)} clips have fewer than {size[0]} "
            f"frames (the first is {path} with {length}): their frames are repeated evenly"
        )
    train = data.train.resize(preprocessing, size, channels)
    if isinstance(train, ResizedImages):
        train = dataclasses.replace(train, exact=False)
    return dataclasses.replace(
        data,
        train=train,
        test=data.test.resize(preprocessing, size, channels),
        channels=channels,
        notes=tuple(notes),
    )
