"""Batches: in order for evaluation; shuffled, augmented and prefetched for training."""

from __future__ import annotations

import dataclasses
import queue
import threading
from collections.abc import Generator, Iterator
from typing import TypeVar

import numpy as np

from legacy_nets.data.augmentation import Augmentation, augment_picture
from legacy_nets.data.records.split import RecordSplit
from legacy_nets.data.splits import Images, Split
from legacy_nets.errors import BadInputError
from legacy_nets.train.record_pipeline import read_records
from legacy_nets.types import Array

Batch = TypeVar("Batch")


def iterate_in_order(count: int, batch_size: int) -> Iterator[Array]:
    """Generates index arrays that run through a split once; the last one may be smaller."""
    for start in range(0, count, batch_size):
        yield np.arange(start, min(start + batch_size, count))


@dataclasses.dataclass(frozen=True)
class Share:
    """The share of each epoch that one of several replicas takes: every ``count``-th picture."""

    index: int
    count: int
    steps: int = 1  # of all replicas, in which this one takes a batch


WHOLE = Share(0, 1)


def _iterate_shuffled(
    count: int, batch_size: int, seed: int, first_step: int, share: Share
) -> Iterator[Array]:
    """Generates endless index arrays, shuffled again every epoch.

    The shares of all replicas make up the epoch: each picture is in one of them. All take as many
    steps to an epoch. Raises BadInputError where the share holds no picture.
    """
    if count < share.count:
        raise BadInputError(
            f"{count} pictures are too few for {share.count} workers: start fewer of them"
        )
    steps_per_epoch = -(-len(range(0, count, share.count)) // batch_size)  # of the largest share
    order = np.arange(count)
    step = first_step
    while True:
        epoch, position = divmod(step, steps_per_epoch)
        if position == 0 or step == first_step:
            order = np.random.default_rng([seed, 0, epoch]).permutation(count)
            order = order[share.index :: share.count]
        yield _cut_batch(order, position, steps_per_epoch, batch_size)
        step += 1


def _cut_batch(order: Array, position: int, steps: int, batch_size: int) -> Array:
    """Cuts the batch at a position out of a share's epoch.

    Where the largest share has a picture more, which takes a step of its own, the others divide
    their last batch in two; a last batch of one picture is given twice.
    """
    full = (steps - 1) * batch_size
    if len(order) == full and position == steps - 1:
        return order[-1:]
    end = (position + 1) * batch_size
    if len(order) == full == end and batch_size > 1:
        end -= 1
    return order[position * batch_size : end]


def read_training_batches(
    split: Split,
    batch_size: int,
    seed: int,
    augmentation: Augmentation | None = None,
    mirror_classes: frozenset[int] = frozenset(),
    first_step: int = 0,
    share: Share = WHOLE,
) -> Iterator[Images]:
    """Reads endless batches, shuffled again every epoch; an epoch's last one may be smaller.

    The batch of a step depends only on ``seed`` and the step. A run that starts at
    ``first_step`` therefore sees the batches of an uninterrupted run. All frames of a clip are
    changed alike. ``share``: of a replica that trains together with others.
    """
    indices = _iterate_shuffled(len(split.labels), batch_size, seed, first_step, share)
    images = read_records(split, indices) if isinstance(split, RecordSplit) else split.read(indices)
    for step, (pictures, labels) in enumerate(images, first_step):
        if augmentation is not None:
            rng = np.random.default_rng([seed, 1, step, *((share.index,) if share.index else ())])
            pictures = np.stack(
                [
                    augment_picture(
                        picture, augmentation, augmentation.flip and label in mirror_classes, rng
                    )
                    for picture, label in zip(pictures, labels.tolist(), strict=True)
                ]
            )
        yield Images(pictures, labels)


def prefetch(batches: Iterator[Batch], depth: int = 2) -> Generator[Batch, None, None]:
    """Prepares the next batches in a thread, which ends when the caller closes the generator."""
    ready: queue.Queue[Batch | BaseException | None] = queue.Queue(depth)  # None: no more
    stopped = threading.Event()

    def put(item: Batch | BaseException | None) -> None:
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
            put(None)
        except BaseException as error:  # raised again where the batch is wanted
            put(error)

    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    try:
        while True:
            item = ready.get()
            if item is None:
                return
            if isinstance(item, BaseException):
                raise item
            yield item
    finally:
        stopped.set()
        thread.join()
