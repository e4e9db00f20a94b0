"""An image set in memory, its batches, and augmentation. Knows nothing of what is pictured."""

from __future__ import annotations

import dataclasses
import queue
import threading
from collections.abc import Generator
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from PIL import Image

from legacy_nets.data.pixels import frame


class Images(NamedTuple):
    """Pictures [N, H, W, C] from 0 to 255 (uint8 from a file) and their int64 [N] classes."""

    pictures: np.ndarray
    labels: np.ndarray


@dataclasses.dataclass(frozen=True)
class ImageData:
    """A labelled image set: the half to train on, the half held out, and what it is called."""

    name: str  # says "synthetic" where the pictures are drawn
    train: Images
    test: Images
    class_names: tuple[str, ...]
    mirror_classes: frozenset[int]  # classes that stay what they are in a mirror


@dataclasses.dataclass(frozen=True)
class Augment:
    """How far a training picture may be changed; zeros change nothing."""

    shift: float = 0.05  # of the width and height
    zoom: float = 0.0  # 0.1: between 0.9 and 1.1
    rotate: float = 0.0  # degrees to either side
    flip: bool = True  # left to right, in the classes that allow it
    brightness: float = 0.1  # gain and offset, of the full range


def framed(data: ImageData, kind: str, height: int, width: int) -> ImageData:
    """The data at a net's size, cut and resized as its pixels say (``pixels.frame``).

    The half to train on is rounded to uint8; the other stays exact (float32 where resized).
    """
    if kind == "unit" and data.train.pictures.shape[1:3] == (height, width):
        return data
    halves = [
        np.stack([frame(picture, kind, height, width) for picture in half.pictures])
        for half in (data.train, data.test)
    ]
    train = np.rint(halves[0]).astype(np.uint8)
    return dataclasses.replace(
        data,
        train=Images(train, data.train.labels),
        test=Images(halves[1], data.test.labels),
    )


def split(images: Images, holdout: float, seed: int) -> tuple[Images, Images]:
    """Splits off ``holdout`` of each class (rounded, at least one): (train, held out)."""
    rng = np.random.default_rng(seed)
    held = np.zeros(len(images.labels), bool)
    for label in np.unique(images.labels):
        members = rng.permutation(np.flatnonzero(images.labels == label))
        held[members[: max(1, round(holdout * len(members)))]] = True
    return (
        Images(images.pictures[~held], images.labels[~held]),
        Images(images.pictures[held], images.labels[held]),
    )


def training_batches(
    images: Images,
    batch_size: int,
    seed: int,
    augment: Augment | None = None,
    mirror_classes: frozenset[int] = frozenset(),
    first_step: int = 0,
) -> Iterator[Images]:
    """Endless batches, shuffled anew every epoch; the last one of an epoch may be smaller.

    The batch of a step depends on ``seed`` and the step alone, so that a run which starts at
    ``first_step`` sees what an uninterrupted one would have seen.
    """
    size = len(images.labels)
    steps_per_epoch = -(-size // batch_size)
    order = np.arange(size)
    step = first_step
    while True:
        epoch, position = divmod(step, steps_per_epoch)
        if position == 0 or step == first_step:
            order = np.random.default_rng([seed, 0, epoch]).permutation(size)
        chosen = order[position * batch_size : (position + 1) * batch_size]
        pictures, labels = images.pictures[chosen], images.labels[chosen]
        if augment is not None:
            rng = np.random.default_rng([seed, 1, step])
            pictures = np.stack(
                [
                    _augmented(picture, augment, augment.flip and label in mirror_classes, rng)
                    for picture, label in zip(pictures, labels.tolist(), strict=True)
                ]
            )
        yield Images(pictures, labels)
        step += 1


def _augmented(
    picture: np.ndarray, augment: Augment, may_flip: bool, rng: np.random.Generator
) -> np.ndarray:
    height, width = picture.shape[:2]
    across, down, zoom, turn, gain, offset, flip = rng.uniform(-1, 1, 7)
    # The inverse map, output pixel to input pixel, about the centre of the picture.
    scale = 1 / (1 + augment.zoom * zoom)
    angle = np.deg2rad(augment.rotate * turn)
    mirror = -1.0 if may_flip and flip > 0 else 1.0
    a, b = mirror * scale * np.cos(angle), scale * np.sin(angle)
    d, e = -mirror * scale * np.sin(angle), scale * np.cos(angle)
    x0, y0 = (width - 1) / 2, (height - 1) / 2
    c = x0 - a * x0 - b * y0 + across * augment.shift * width
    f = y0 - d * x0 - e * y0 + down * augment.shift * height
    margin = max(height, width) // 2  # the border is repeated, as behind a real hand
    padded = np.pad(picture, [(margin, margin), (margin, margin), (0, 0)], mode="edge")
    # Pillow maps pixel centres (x + 0.5, y + 0.5).
    c, f = c + margin + 0.5 - 0.5 * (a + b), f + margin + 0.5 - 0.5 * (d + e)
    image = Image.fromarray(padded.squeeze()).transform(
        (width, height), Image.Transform.AFFINE, (a, b, c, d, e, f), Image.Resampling.BILINEAR
    )
    moved = np.asarray(image, np.float32).reshape(picture.shape)
    lit = moved * (1 + augment.brightness * gain) + 255 * augment.brightness * offset
    return np.clip(np.rint(lit), 0, 255).astype(np.uint8)


def prefetch(batches: Iterator[Images], depth: int = 2) -> Generator[Images, None, None]:
    """Prepares the next batches in a thread; ends it when the caller closes the iterator."""
    ready: queue.Queue[Images | BaseException] = queue.Queue(depth)
    stopped = threading.Event()

    def put(item: Images | BaseException) -> None:
        while not stopped.is_set():
            try:
                return ready.put(item, timeout=0.1)
            except queue.Full:
                continue

    def work() -> None:
        try:
            for batch in batches:
                put(batch)
                if stopped.is_set():
                    return
        except BaseException as error:  # raised again where the batch is wanted
            put(error)

    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    try:
        while True:
            item = ready.get()
            if isinstance(item, BaseException):
                raise item
            yield item
    finally:
        stopped.set()
        thread.join()
