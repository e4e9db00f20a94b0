"""A net in an engine: called with images, and compared with itself in float32."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

import numpy as np

from legacy_nets.data.preprocessing import scale_pixels
from legacy_nets.data.splits import Split
from legacy_nets.engines.prepare import Run
from legacy_nets.engines.table import BATCH
from legacy_nets.train.graph import score_split
from legacy_nets.train.settings import Settings
from legacy_nets.types import Array

ENOUGH = 0.99  # share of the images with the class of fp32, below which there is a warning
COMPARED = 100  # images of a split whose classes are compared with fp32's


@dataclasses.dataclass(frozen=True)
class Agreement:
    """How near a net's probabilities are to those in float32."""

    images: int
    top1: float  # share of the images whose most probable class is the same
    largest_difference: float  # of a probability

    def describe(self) -> str:
        """Returns a line for people."""
        return (
            f"{self.top1:.1%} of {self.images} images have the class of fp32; the largest "
            f"difference of a probability is {self.largest_difference:.2g}"
        )

    def warn(self) -> str:
        """Returns the line of ``describe``, with a warning where too few images agree."""
        warning = ": below 99%, so do not trust it for this net" if self.top1 < ENOUGH else ""
        return self.describe() + warning


@dataclasses.dataclass(frozen=True)
class FastNet:
    """A net with its weights in an engine; call it with images."""

    settings: Settings  # size and classes
    preprocessing: str
    averaged: bool  # the weights are moving averages
    engine: str
    precision: str
    threads: int  # operations that TensorFlow runs at the same time; 0 for another engine
    _run: Run
    _run_fp32: Run

    def __call__(self, images: Array) -> Array:
        """Returns float32 probabilities [N, classes].

        ``images``: float32 [N, *image_size, channels], preprocessed (see ``scale``).
        """
        return self._run(np.ascontiguousarray(images, np.float32))

    def scale(self, pictures: Array) -> Array:
        """Preprocesses pictures of the net's size with values from 0 to 255."""
        return scale_pixels(pictures, self.preprocessing)

    def score(self, images: Split, report: Callable[[int], object] = lambda count: None) -> Array:
        """Runs the net over a split of the net's size, in batches: [N, classes].

        ``report`` receives the number of images of each batch after it was run.
        """
        return score_split(self, images, self.settings.image_size, self.preprocessing, report)

    def compare(self, images: Array) -> Agreement:
        """Compares the outputs with TensorFlow's in float32, on images as in a call."""
        return _compare(self(images), self._run_fp32(np.ascontiguousarray(images, np.float32)))

    def compare_first(self, images: Split, probabilities: Array) -> Agreement:
        """Compares the probabilities of a split's first 100 images with those in float32."""
        first = np.arange(min(COMPARED, len(images.labels)))
        wanted = [
            self._run_fp32(self.scale(batch.pictures))
            for batch in images.read(np.array_split(first, -(-len(first) // BATCH)))
        ]
        return _compare(probabilities[first], np.concatenate(wanted))


def _compare(got: Array, wanted: Array) -> Agreement:
    same = got.argmax(1) == wanted.argmax(1)
    return Agreement(len(same), float(same.mean()), float(np.abs(got - wanted).max()))
