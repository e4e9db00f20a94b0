"""The splits of a data set (train and test): labels in memory, pictures in memory or in files.

Pictures are [H, W, C], or [T, H, W, C] of video clips. C is 1 (grey) or 3 (RGB).
"""

from __future__ import annotations

import collections
import contextlib
import dataclasses
import functools
import itertools
import pathlib
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from typing import NamedTuple, Protocol

import numpy as np

from legacy_nets.data.ahead import call_ahead
from legacy_nets.data.preprocessing import resize_picture
from legacy_nets.errors import BadInputError, MissingHoldoutError
from legacy_nets.types import Array, Shape

TEST_SPLITS = ("validation", "valid", "val", "eval", "test")  # names of a split that is held out


class Split(Protocol):
    """One split of a data set."""

    @property
    def labels(self) -> Array:
        """int64 [N]."""

    def read(self, batches: Iterable[Array]) -> Iterator[Images]:
        """Reads the pictures of each array of indices in turn."""

    def resize(self, preprocessing: str, size: Shape, channels: int) -> Split:
        """Gives the split at a net's size, cropped and resized as its preprocessing asks."""


class Images(NamedTuple):
    """A split in memory, or a batch of one: pictures with values from 0 to 255, and classes."""

    pictures: Array  # uint8, or float32 where they were resized to evaluate
    labels: Array  # int64 [N]

    def read(self, batches: Iterable[Array]) -> Iterator[Images]:
        """See ``Split``."""
        for indices in batches:
            yield Images(self.pictures[indices], self.labels[indices])

    def resize(self, preprocessing: str, size: Shape, channels: int = 3) -> Images | ResizedImages:
        """See ``Split``. Under "unit", pictures that have the size already stay as they are."""
        if preprocessing == "unit" and self.pictures.shape[1:] == (*size, channels):
            return self
        return ResizedImages(self, preprocessing, size, channels)

    def hold_out(self, share: float, seed: int) -> tuple[Images, Images]:
        """Holds out a share of each class: (to train on, held out)."""
        held_out = choose_held_out(self.labels, share, seed)
        train, test = (
            Images(self.pictures[chosen], self.labels[chosen]) for chosen in (~held_out, held_out)
        )
        return train, test


@dataclasses.dataclass(frozen=True)
class ResizedImages:
    """A split in memory whose pictures are resized one batch at a time.

    MNIST takes 47 MB as it is; at 224x224 it would take 36 GB.
    """

    originals: Images
    preprocessing: str
    size: Shape
    channels: int
    exact: bool = True  # float32 as resized (to evaluate), not rounded to uint8 (to train)

    @property
    def labels(self) -> Array:
        """See ``Split``."""
        return self.originals.labels

    def read(self, batches: Iterable[Array]) -> Iterator[Images]:
        """See ``Split``."""
        for originals, labels in self.originals.read(batches):
            pictures = np.stack(
                [
                    resize_picture(picture, self.preprocessing, self.size, self.channels)
                    for picture in originals
                ]
            )
            yield Images(pictures if self.exact else np.rint(pictures).astype(np.uint8), labels)

    def resize(self, preprocessing: str, size: Shape, channels: int = 3) -> Images | ResizedImages:
        """See ``Split``. Starts from the originals."""
        return self.originals.resize(preprocessing, size, channels)


# (path, preprocessing, size, channels) -> a picture or clip of that size, values from 0 to 255
PictureLoader = Callable[[pathlib.Path, str, Shape, int], Array]


@dataclasses.dataclass(frozen=True)
class FileSplit:
    """A split whose pictures stay in files (or folders of frames) until they are read.

    ``read`` raises what ``load`` raises. ``resize`` sets the size; call it before ``read``.
    """

    paths: tuple[pathlib.Path, ...]
    labels: Array  # int64 [N]
    load: PictureLoader
    read_file: Callable[[pathlib.Path], bytes] = pathlib.Path.read_bytes
    exact: bool = False  # float32 as resized (to evaluate), not rounded to uint8 (to train)
    preprocessing: str = "unit"
    size: Shape = ()
    channels: int = 3

    def resize(self, preprocessing: str, size: Shape, channels: int = 3) -> FileSplit:
        """See ``Split``."""
        return dataclasses.replace(self, preprocessing=preprocessing, size=size, channels=channels)

    def read(self, batches: Iterable[Array]) -> Iterator[Images]:
        """See ``Split``. Several files are decoded ahead, while the caller works on a batch."""
        requested: collections.deque[Array] = collections.deque()  # batches under way

        def list_loads() -> Iterator[Callable[[], Array]]:
            for indices in batches:
                requested.append(indices)
                for index in indices.tolist():
                    yield functools.partial(self.load_picture, index)

        with contextlib.closing(call_ahead(list_loads())) as pictures:
            for first in pictures:
                indices = requested.popleft()
                rest = itertools.islice(pictures, len(indices) - 1)
                yield Images(np.stack([first, *rest]), self.labels[indices])

    def load_picture(self, index: int) -> Array:
        """Loads one picture or clip: [..., C], uint8, or float32 where the split is exact."""
        picture = self.load(self.paths[index], self.preprocessing, self.size, self.channels)
        if self.exact:
            return picture.astype(np.float32, copy=False)
        return np.rint(picture).astype(np.uint8)

    def hold_out(self, share: float, seed: int) -> tuple[FileSplit, FileSplit]:
        """Holds out a share of each class: (to train on, held out and exact)."""
        held_out = choose_held_out(self.labels, share, seed)
        return self.select(~held_out), dataclasses.replace(self.select(held_out), exact=True)

    def keep_paths(self, paths: Collection[pathlib.Path]) -> FileSplit:
        """Keeps the files whose paths are among some."""
        return self.select(np.array([path in paths for path in self.paths], bool))

    def select(self, chosen: Array) -> FileSplit:
        """Keeps the files that are True in a bool [N]."""
        paths = tuple(path for path, kept in zip(self.paths, chosen, strict=True) if kept)
        return dataclasses.replace(self, paths=paths, labels=self.labels[chosen])


def choose_splits(
    source: pathlib.Path, splits: Mapping[str, FileSplit], holdout: float | None, seed: int
) -> tuple[FileSplit, FileSplit, list[str]]:
    """Chooses the splits to train on and to test (exact); lists the names of others.

    The split called "train" and the first of ``TEST_SPLITS``, or a share of the only split. Raises
    BadInputError where a share is missing, or given without need.
    """
    names = [name for name in TEST_SPLITS if name in splits]
    if "train" in splits and names:
        if holdout is not None:
            raise BadInputError(f"{source} has train and {names[0]} already: leave --holdout out")
        test = dataclasses.replace(splits[names[0]], exact=True)
        return splits["train"], test, sorted(splits.keys() - {"train", names[0]})
    if holdout is None:
        raise MissingHoldoutError(
            f"{source} has one split only: say what share of each class to hold out, for instance "
            "--holdout 0.2"
        )
    [name, *others] = splits
    train, test = splits[name].hold_out(holdout, seed)
    used_up = np.setdiff1d(test.labels, train.labels)
    if len(used_up):
        raise BadInputError(
            f"--holdout {holdout} leaves nothing of {len(used_up)} classes of {source} to train "
            "on: give more files, or a smaller share"
        )
    return train, test, others


def check_holdout(share: float) -> None:
    """Raises BadInputError where a share to hold out does not lie between 0 and 1."""
    if not 0 < share < 1:
        raise BadInputError(f"--holdout {share}: it must lie between 0 and 1")


def choose_held_out(labels: Array, share: float, seed: int) -> Array:
    """Chooses a share of each class (rounded, at least one): bool [N], True is held out."""
    check_holdout(share)
    rng = np.random.default_rng(seed)
    held_out = np.zeros(len(labels), bool)
    for label in np.unique(labels):
        members = rng.permutation(np.flatnonzero(labels == label))
        held_out[members[: max(1, round(share * len(members)))]] = True
    return held_out
