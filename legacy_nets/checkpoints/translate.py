"""Translates names and axes of other frameworks (PyTorch, JAX, Caffe) both ways, by a table.

The table has an ``Entry`` for each variable (``legacy_nets/nets/weights``). ``Translated`` shows a
file of another framework under the graph's names; ``translate_back`` does the reverse.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TypeAlias

import numpy as np

from legacy_nets.checkpoints.optimizer_slots import is_slot
from legacy_nets.checkpoints.source import Source, TensorSpec, TensorSpecLike, WrappedSource
from legacy_nets.types import Array

# Takes one stored tensor, or as many as make up a variable.
ToGraph: TypeAlias = Callable[..., Array]  # type: ignore[explicit-any]


@dataclasses.dataclass(frozen=True)
class Transform:
    """How the axes of a stored tensor become those of the variable, and back.

    Where several stored tensors make up a variable, ``to_graph`` takes and ``to_file`` returns all
    of them.
    """

    name: str
    to_graph: ToGraph
    to_file: Callable[[Array], Array | tuple[Array, ...]]


SAME = Transform("same", lambda x: x, lambda x: x)
DENSE = Transform("dense", np.transpose, np.transpose)  # [out, in] <-> [in, out]
CONV = Transform(  # [out, in, *window] <-> [*window, in, out], of any rank
    "conv",
    lambda x: np.moveaxis(x, (0, 1), (-1, -2)),
    lambda x: np.moveaxis(x, (-1, -2), (0, 1)),
)
DEPTHWISE = Transform(  # [channels, 1, *window] <-> [*window, channels, 1]
    "depthwise",
    lambda x: np.moveaxis(x, (0, 1), (-2, -1)),
    lambda x: np.moveaxis(x, (-2, -1), (0, 1)),
)


def dense_after_flatten(height: int, width: int, channels: int) -> Transform:
    """Makes the transform of the first dense layer after a flattened map.

    The rows of the kernel are in the order C, H, W in PyTorch, and H, W, C here.
    """
    return Transform(
        f"dense after {height}x{width}x{channels}",
        lambda x: x.reshape(-1, channels, height, width).transpose(2, 3, 1, 0).reshape(-1, len(x)),
        lambda x: (
            x.reshape(height, width, channels, -1).transpose(3, 2, 0, 1).reshape(x.shape[1], -1)
        ),
    )


def reshape_transform(stored: Sequence[int], wanted: Sequence[int]) -> Transform:
    """Makes the transform of the same values in the same order under another shape."""
    return Transform(
        f"{list(stored)} as {list(wanted)}",
        lambda x: x.reshape(wanted),
        lambda x: x.reshape(stored),
    )


@dataclasses.dataclass(frozen=True)
class Entry:
    """A variable of the graph and the stored tensor, or tensors, that hold it."""

    name: str  # of the variable, without ":0"
    stored: str | tuple[str, ...]
    transform: Transform = SAME

    @property
    def parts(self) -> tuple[str, ...]:
        """The stored names, also where there is only one."""
        return (self.stored,) if isinstance(self.stored, str) else self.stored


# PyTorch's batch norm counts its steps. Nothing reads the count unless its momentum is None, and
# no graph has a variable for it. slim's mean_rgb are pixel means, which belong to preprocessing.
_UNREAD = (".num_batches_tracked", "/mean_rgb")


class Translated(WrappedSource):
    """A source of another framework under the graph's names.

    Tensors that no entry names keep their own names. Entries whose tensor the file lacks are left
    out: ``match`` reports them as missing. Optimizer slots and moving averages follow their
    variables to the graph's names. PyTorch's ``*.num_batches_tracked`` and slim's ``mean_rgb`` are
    left out: no variable is read from them.
    """

    def __init__(self, source: Source, entries: Sequence[Entry]) -> None:
        super().__init__(source)
        present = [entry for entry in entries if source.tensors.keys() >= set(entry.parts)]
        training = _map_training_tensors(source, present)
        self.entries = {entry.name: entry for entry in (*present, *training)}
        translated = {part for entry in self.entries.values() for part in entry.parts}
        rest = {
            name: info
            for name, info in source.tensors.items()
            if name not in translated and not name.endswith(_UNREAD)
        }
        self.tensors = {
            name: _describe([source.tensors[part] for part in entry.parts], entry.transform)
            for name, entry in self.entries.items()
        } | rest

    def read(self, name: str) -> Array:
        """Reads one tensor, its axes as the graph has them."""
        entry = self.entries.get(name)
        if entry is None:
            return self.source.read(name)
        return entry.transform.to_graph(*(self.source.read(part) for part in entry.parts))


def _map_training_tensors(source: Source, entries: Sequence[Entry]) -> Iterator[Entry]:
    """Maps slots and moving averages, whose names extend those of their variables."""
    single = {entry.parts[0]: entry for entry in entries if len(entry.parts) == 1}
    for name in source.tensors:
        *scopes, last = name.split("/")
        for start in range(len(scopes)):  # an optimizer's scopes may precede the name
            part = "/".join(scopes[start:])
            if part in single and is_slot(name, single):
                if source.tensors[name].shape == source.tensors[part].shape:
                    variable = "/".join((*scopes[:start], single[part].name, last))
                    yield Entry(variable, name, single[part].transform)
                break


def translate_back(values: Mapping[str, Array], entries: Sequence[Entry]) -> dict[str, Array]:
    """Gives graph weights the names and axes of the other framework, in the table's order.

    Args:
      values: a variable's name -> its value, in the variable's shape.
      entries: the table.

    Raises KeyError for a variable of the table that ``values`` lacks.
    """
    stored: dict[str, Array] = {}
    for entry in entries:
        back = entry.transform.to_file(values[entry.name])
        arrays = back if isinstance(back, tuple) else (back,)
        stored |= zip(entry.parts, map(np.ascontiguousarray, arrays), strict=True)
    return stored


def _describe(parts: Sequence[TensorSpecLike], transform: Transform) -> TensorSpec:
    """Gives the shape and dtype that the variable has, without reading values."""
    try:
        shape = transform.to_graph(*(np.empty(part.shape, np.bool_) for part in parts)).shape
    except (ValueError, MemoryError, np.exceptions.AxisError):  # another net's: match reports it
        shape = parts[0].shape
    return TensorSpec(shape, parts[0].dtype)
