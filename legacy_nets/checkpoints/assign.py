"""Gives graph variables the values of a weight file that TensorFlow cannot read itself."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np

from legacy_nets.checkpoints.source import Source

_AT_ONCE = 1 << 27  # bytes that one session.run assigns


def assign(session: Any, source: Source, items: Iterable[tuple[Any, str, int]]) -> None:
    """Sets variables to stored tensors, without their first so many classes.

    Values are fed to the variables' own initializers, which adds nothing to the graph; a few
    runs of about 128 MB each, so that a file need not fit into memory.
    """
    feed: dict[Any, np.ndarray] = {}
    operations: list[Any] = []
    size = 0
    for variable, stored, offset in items:
        value = source.read(stored)
        value = value[..., offset:] if offset else value
        for part, piece in _pieces(variable, value):
            initial = part.initializer.inputs[1]
            if operations and (size + piece.nbytes > _AT_ONCE or initial.ref() in feed):
                session.run(operations, {key.deref(): fed for key, fed in feed.items()})
                feed, operations, size = {}, [], 0
            feed[initial.ref()] = piece
            operations.append(part.initializer)
            size += piece.nbytes
    if operations:
        session.run(operations, {key.deref(): fed for key, fed in feed.items()})


def _pieces(variable: Any, value: np.ndarray) -> Iterator[tuple[Any, np.ndarray]]:
    """A variable with its value, or each part of a partitioned one with its own piece."""
    for part in variable if isinstance(variable, list) else [variable]:
        info = part._get_save_slice_info() if isinstance(variable, list) else None
        if info is None:
            yield part, value
        else:
            bounds = zip(info.var_offset, info.var_shape, strict=True)
            yield part, value[tuple(slice(start, start + size) for start, size in bounds)]
