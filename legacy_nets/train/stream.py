"""The half of a set whose pictures stay in files: read and decoded a few ahead of their use."""

from __future__ import annotations

import collections
import contextlib
import dataclasses
import pathlib
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import numpy as np

from legacy_nets.data.dataset import Images, held_out

READERS = 2  # files decoded at the same time
AHEAD = 8  # pictures or clips decoded before they are asked for
Load = Callable[[pathlib.Path, str, "tuple[int, ...]", int], np.ndarray]


@dataclasses.dataclass(frozen=True)
class Files:
    """A ``Half`` of files (or folders of frames): memory holds a batch and ``AHEAD`` more.

    ``load(path, kind, size, channels)`` reads one of them at a net's size, values from 0 to 255;
    what it raises, ``read`` raises. ``framed`` says which size; before, there is nothing to read.
    """

    paths: tuple[pathlib.Path, ...]
    labels: np.ndarray  # int64 [N]
    load: Load
    exact: bool = False  # float32 as resized (to evaluate), not rounded to uint8 (to train)
    kind: str = "unit"
    size: tuple[int, ...] = ()
    channels: int = 3

    def framed(self, kind: str, size: tuple[int, ...], channels: int = 3) -> Files:
        """See ``dataset.Half``."""
        return dataclasses.replace(self, kind=kind, size=size, channels=channels)

    def read(self, batches: Iterable[np.ndarray]) -> Iterator[Images]:
        """See ``dataset.Half``. Pictures are [..., C], uint8, or float32 where ``exact``."""
        from legacy_nets import tf1 as tf

        asked: collections.deque[np.ndarray] = collections.deque()  # batches under way
        failed: list[BaseException] = []  # TensorFlow would keep their text alone, and print it

        def indices() -> Iterator[int]:
            try:
                for chosen in batches:
                    asked.append(chosen)
                    yield from chosen.tolist()
            except BaseException as error:
                failed.append(error)

        def load(index: Any) -> np.ndarray:
            try:
                return self._load(int(index))
            except BaseException as error:
                failed.append(error)
                return np.zeros(0, np.float32 if self.exact else np.uint8)

        dtype = tf.float32 if self.exact else tf.uint8
        graph = tf.Graph()  # left before the first batch: its user has a graph of his own
        with graph.as_default():
            dataset = tf.data.Dataset.from_generator(
                indices, output_signature=tf.TensorSpec([], tf.int64)
            )
            dataset = dataset.map(
                lambda index: tf.numpy_function(load, [index], dtype), num_parallel_calls=READERS
            ).prefetch(AHEAD)
            iterator = tf.data.make_initializable_iterator(dataset)
            following = iterator.get_next()
        with contextlib.closing(tf.Session(graph=graph)) as session:
            session.run(iterator.initializer)
            try:
                while True:
                    pictures = [session.run(following)]
                    chosen = asked.popleft()
                    pictures += [session.run(following) for _ in chosen[1:]]
                    if not all(picture.size for picture in pictures):
                        raise failed[0]
                    yield Images(np.stack(pictures), self.labels[chosen])
            except tf.errors.OutOfRangeError:
                if failed:
                    raise failed[0] from None

    def _load(self, index: int) -> np.ndarray:
        picture = self.load(self.paths[index], self.kind, self.size, self.channels)
        if self.exact:
            return picture.astype(np.float32)
        return np.rint(picture).astype(np.uint8)

    def split(self, holdout: float, seed: int) -> tuple[Files, Files]:
        """Splits off ``holdout`` of each class: (to train on, held out and exact)."""
        held = held_out(self.labels, holdout, seed)
        return self._take(~held), dataclasses.replace(self._take(held), exact=True)

    def _take(self, chosen: np.ndarray) -> Files:
        paths = tuple(path for path, kept in zip(self.paths, chosen, strict=True) if kept)
        return dataclasses.replace(self, paths=paths, labels=self.labels[chosen])
