"""A labelled data set: its two splits, the names of its classes, and notes for the user."""

from __future__ import annotations

import dataclasses

from legacy_nets.data.splits import ResizedImages, Split
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
    def unit(self) -> str:
        """What messages count: "clips" or "images"."""
        return "clips" if self.clip_lengths else "images"


def resize_data(data: ImageData, preprocessing: str, size: Shape, channels: int = 3) -> ImageData:
    """Crops and resizes the data to a net's size: (height, width), or (frames, height, width).

    The training split is rounded to uint8. The test split stays exact: float32 where resized.
    The notes of the result tell of changed colours and of clips that are too short.
    """
    notes = list(data.notes)
    if channels != data.channels:
        change = "colour pictures are made grey" if channels == 1 else "grey pictures are made RGB"
        notes.append(f"{change}: the net takes {channels} channel{'s' if channels > 1 else ''}")
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
