"""Gives graph variables the values of a weight file that TensorFlow cannot read itself."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from legacy_nets.checkpoints.source import Source
from legacy_nets.types import Array, GraphVariable, Operation, Session, Tensor, Variable

_BYTES_PER_RUN = 1 << 27  # that one session.run assigns


def assign_values(
    session: Session, source: Source, items: Iterable[tuple[GraphVariable, str, int]]
) -> None:
    """Sets variables to stored tensors, without the first classes of their last axis.

    Values are fed to the variables' own initializers, which adds nothing to the graph. Each
    session.run assigns about 128 MB, so that a file need not fit into memory.

    Args:
      session: holds the variables.
      source: holds the tensors.
      items: a variable, the name of its tensor, and how many of the first classes to drop.
    """
    feed: dict[Tensor, Array] = {}
    operations: list[Operation] = []
    size = 0

    def run() -> None:
        session.run(operations, {key.deref(): value for key, value in feed.items()})

    for variable, stored, offset in items:
        value = source.read(stored)
        value = value[..., offset:] if offset else value
        for part, piece in _split(variable, value):
            initial = part.initializer.inputs[1]
            if operations and (size + piece.nbytes > _BYTES_PER_RUN or initial.ref() in feed):
                run()
                feed, operations, size = {}, [], 0
            feed[initial.ref()] = piece
            operations.append(part.initializer)
            size += piece.nbytes
    if operations:
        run()


def _split(variable: GraphVariable, value: Array) -> Iterator[tuple[Variable, Array]]:
    """Gives a variable with its value, or each part of a partitioned one with its own piece."""
    for part in variable if isinstance(variable, list) else [variable]:
        info = part._get_save_slice_info() if isinstance(variable, list) else None
        if info is None:
            yield part, value
        else:
            bounds = zip(info.var_offset, info.var_shape, strict=True)
            yield part, value[tuple(slice(start, start + size) for start, size in bounds)]
