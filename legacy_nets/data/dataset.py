"""A labelled image set, its batches, and augmentation. Knows nothing of what is pictured."""

from __future__ import annotations

import dataclasses
import queue
import threading
from collections.abc import Generator, Iterable, Iterator
from typing import NamedTuple, Protocol

import numpy as np
from PIL import Image

from legacy_nets.data.preprocessing import frame_all


class Half(Protocol):
    """One half of a set: its classes at hand, its pictures in memory or still in files.

    Pictures are [N, H, W, C], or [N, T, H, W, C] of clips; C is 1 (grey) or 3 (RGB).
    """

    @property
    def labels(self) -> np.ndarray:
        """int64 [N]."""

    def read(self, batches: Iterable[np.ndarray]) -> Iterator[Images]:
        """The pictures of each index array in turn, read ahead where they lie in files."""

    def framed(self, kind: str, size: tuple[int, ...], channels: int) -> Half:
        """The half at a net's size, cut and resized as its pixels say (``pixels.frame``)."""


class Images(NamedTuple):
    """A ``Half`` in memory, or a batch: pictures from 0 to 255 (uint8 from a file) and classes."""

    pictures: np.ndarray
    labels: np.ndarray  # int64 [N]

    def read(self, batches: Iterable[np.ndarray]) -> Iterator[Images]:
        """See ``Half``."""
        for chosen in batches:
            yield Images(self.pictures[chosen], self.labels[chosen])

    def framed(self, kind: str, size: tuple[int, ...], channels: int = 3) -> Images | Framed:
        """See ``Half``; pictures that have that size, kind "unit", stay what they are."""
        if kind == "unit" and self.pictures.shape[1:] == (*size, channels):
            return self
        return Framed(self, kind, size, channels)


@dataclasses.dataclass(frozen=True)
class Framed:
    """A ``Half`` in memory as it came, at a net's size one batch at a time.

    MNIST is 47 MB; at 224x224 it would be 36 GB.
    """

    raw: Images
    kind: str
    size: tuple[int, ...]
    channels: int
    exact: bool = True  # float32 as resized (to evaluate), not rounded to uint8 (to train)

    @property
    def labels(self) -> np.ndarray:
        """See ``Half``."""
        return self.raw.labels

    def read(self, batches: Iterable[np.ndarray]) -> Iterator[Images]:
        """See ``Half``."""
        for raw, labels in self.raw.read(batches):
            framed = [frame_all(picture, self.kind, self.size, self.channels) for picture in raw]
            pictures = np.stack(framed)
            yield Images(pictures if self.exact else np.rint(pictures).astype(np.uint8), labels)

    def framed(self, kind: str, size: tuple[int, ...], channels: int = 3) -> Images | Framed:
        """See ``Half``; from the pictures as they came."""
        return self.raw.framed(kind, size, channels)


@dataclasses.dataclass(frozen=True)
class ImageData:
    """A labelled set: the half to train on, the half held out, and what it is called."""

    name: str  # says "synthetic" where the pictures are drawn
    train: Half
    test: Half
    class_names: tuple[str, ...]
    mirror_classes: frozenset[int]  # classes that stay what they are in a mirror
    channels: int = 3  # of its pictures: 1 is grey
    frames: tuple[tuple[str, int], ...] = ()  # of clips: the path and length of each
    notes: tuple[str, ...] = ()  # what was done to the pictures that their owner should know


@dataclasses.dataclass(frozen=True)
class Augment:
    """How far a training picture may be changed; zeros change nothing."""

    shift: float = 0.05  # of the width and height
    zoom: float = 0.0  # 0.1: between 0.9 and 1.1
    rotate: float = 0.0  # degrees to either side
    flip: bool = True  # left to right, in the classes that allow it
    brightness: float = 0.1  # gain and offset, of the full range


def framed(data: ImageData, kind: str, size: tuple[int, ...], channels: int = 3) -> ImageData:
    """The data at a net's size: (height, width), or (frames, height, width) of clips.

    The half to train on is rounded to uint8; the other stays exact (float32 where resized).
    What is done to colours and to clips that are too short is added to the notes.
    """
    notes = list(data.notes)
    if channels != data.channels:
        what = "colour pictures are made grey" if channels == 1 else "grey pictures are made RGB"
        notes.append(f"{what}: the net takes {channels} channel{'s' if channels > 1 else ''}")
    short = [clip for clip in data.frames if clip[1] < size[0]]
    if short:
        notes.append(
            f"{len(short)} of {len(data.frames)} clips have fewer than {size[0]} frames (the first "
            f"is {short[0][0]} with {short[0][1]}): their frames are repeated evenly"
        )
    train, test = (half.framed(kind, size, channels) for half in (data.train, data.test))
    if isinstance(train, Framed):
        train = dataclasses.replace(train, exact=False)
    return dataclasses.replace(data, train=train, test=test, channels=channels, notes=tuple(notes))


def held_out(labels: np.ndarray, holdout: float, seed: int) -> np.ndarray:
    """Chooses ``holdout`` of each class (rounded, at least one): bool [N], True is held out."""
    rng = np.random.default_rng(seed)
    held = np.zeros(len(labels), bool)
    for label in np.unique(labels):
        members = rng.permutation(np.flatnonzero(labels == label))
        held[members[: max(1, round(holdout * len(members)))]] = True
    return held


def split(images: Images, holdout: float, seed: int) -> tuple[Images, Images]:
    """Splits off ``holdout`` of each class: (train, held out)."""
    held = held_out(images.labels, holdout, seed)
    return (
        Images(images.pictures[~held], images.labels[~held]),
        Images(images.pictures[held], images.labels[held]),
    )


def in_order(count: int, batch_size: int) -> Iterator[np.ndarray]:
    """Index arrays that run through a half once; the last one may be smaller."""
    for start in range(0, count, batch_size):
        yield np.arange(start, min(start + batch_size, count))


def _shuffled(size: int, batch_size: int, seed: int, first_step: int) -> Iterator[np.ndarray]:
    """Endless index arrays, shuffled anew every epoch."""
    steps_per_epoch = -(-size // batch_size)
    order = np.arange(size)
    step = first_step
    while True:
        epoch, position = divmod(step, steps_per_epoch)
        if position == 0 or step == first_step:
            order = np.random.default_rng([seed, 0, epoch]).permutation(size)
        yield order[position * batch_size : (position + 1) * batch_size]
        step += 1


def training_batches(
    images: Half,
    batch_size: int,
    seed: int,
    augment: Augment | None = None,
    mirror_classes: frozenset[int] = frozenset(),
    first_step: int = 0,
) -> Iterator[Images]:
    """Endless batches, shuffled anew every epoch; the last one of an epoch may be smaller.

    The batch of a step depends on ``seed`` and the step alone, so that a run which starts at
    ``first_step`` sees what an uninterrupted one would have seen. All frames of a clip are
    changed alike.
    """
    chosen = _shuffled(len(images.labels), batch_size, seed, first_step)
    for step, (pictures, labels) in enumerate(images.read(chosen), first_step):
        if augment is not None:
            rng = np.random.default_rng([seed, 1, step])
            pictures = np.stack(
                [
                    _augmented(picture, augment, augment.flip and label in mirror_classes, rng)
                    for picture, label in zip(pictures, labels.tolist(), strict=True)
                ]
            )
        yield Images(pictures, labels)


def _augmented(
    picture: np.ndarray, augment: Augment, may_flip: bool, rng: np.random.Generator
) -> np.ndarray:
    """A picture [H, W, C] or a clip [T, H, W, C], changed by one draw of chance."""
    draw = rng.uniform(-1, 1, 7)
    if picture.ndim == 3:
        return _changed(picture, augment, may_flip, draw)
    return np.stack([_changed(frame, augment, may_flip, draw) for frame in picture])


def _changed(picture: np.ndarray, augment: Augment, may_flip: bool, draw: np.ndarray) -> np.ndarray:
    height, width, channels = picture.shape
    across, down, zoom, turn, gain, offset, flip = draw
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
    image = Image.fromarray(padded[..., 0] if channels == 1 else padded).transform(
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
