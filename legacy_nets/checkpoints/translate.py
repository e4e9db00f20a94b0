"""Weights that bear foreign names and layouts (PyTorch, JAX, Caffe), both ways, by a table.

A net's module states one ``Entry`` a variable; ``Translated`` shows a foreign file under the
graph's names, ``translate_back`` gives graph weights their foreign names.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator, Mapping, Sequence

import numpy as np

from legacy_nets.checkpoints.optimizer_slots import is_slot
from legacy_nets.checkpoints.source import Source, TensorSpec, TensorSpecLike, WrappedSource


@dataclasses.dataclass(frozen=True)
class Layout:
    """How the axes of a tensor lie there and here; ``back`` undoes ``here``.

    For an entry that several stored tensors make up, ``here`` takes and ``back`` returns them all.
    """

    name: str
    here: Callable[..., np.ndarray]
    back: Callable[[np.ndarray], np.ndarray | tuple[np.ndarray, ...]]


SAME = Layout("same", lambda x: x, lambda x: x)
DENSE = Layout("dense", np.transpose, np.transpose)  # [out, in] <-> [in, out]
CONV = Layout(  # [out, in, *window] <-> [*window, in, out], of any rank
    "conv",
    lambda x: np.moveaxis(x, (0, 1), (-1, -2)),
    lambda x: np.moveaxis(x, (-1, -2), (0, 1)),
)
DEPTHWISE = Layout(  # [channels, 1, *window] <-> [*window, channels, 1]
    "depthwise",
    lambda x: np.moveaxis(x, (0, 1), (-2, -1)),
    lambda x: np.moveaxis(x, (-2, -1), (0, 1)),
)


def dense_after_flatten(height: int, width: int, channels: int) -> Layout:
    """The first dense layer after a flattened map: rows there go C, H, W; here H, W, C."""
    return Layout(
        f"dense after {height}x{width}x{channels}",
        lambda x: x.reshape(-1, channels, height, width).transpose(2, 3, 1, 0).reshape(-1, len(x)),
        lambda x: (
            x.reshape(height, width, channels, -1).transpose(3, 2, 0, 1).reshape(x.shape[1], -1)
        ),
    )


def reshaped(there: Sequence[int], here: Sequence[int]) -> Layout:
    """The same values in the same order, under another shape."""
    return Layout(
        f"{list(there)} as {list(here)}", lambda x: x.reshape(here), lambda x: x.reshape(there)
    )


@dataclasses.dataclass(frozen=True)
class Entry:
    """One variable of the graph and the foreign tensor, or tensors, that hold it."""

    name: str  # of the variable, without ":0"
    stored: str | tuple[str, ...]
    layout: Layout = SAME

    @property
    def parts(self) -> tuple[str, ...]:
        """The stored names, also where there is but one."""
        return (self.stored,) if isinstance(self.stored, str) else self.stored


# PyTorch's batch norm counts its steps; neither training nor inference reads the count unless
# its momentum is None, and no graph has a variable for it.
_UNREAD = (".num_batches_tracked", "/mean_rgb")


class Translated(WrappedSource):
    """A foreign source under the graph's names. What no entry names keeps its own name.

    PyTorch's ``*.num_batches_tracked`` and slim's ``mean_rgb`` (the pixel means, which are the
    preprocessing's) are left out: no variable is read from them.

    Entries whose tensor the file lacks are left out: ``match`` reports them as missing. Optimizer
    slots and moving averages follow their variables to the graph's names.
    """

    def __init__(self, source: Source, entries: Sequence[Entry]) -> None:
        super().__init__(source)
        found = [entry for entry in entries if source.tensors.keys() >= set(entry.parts)]
        self.entries = {entry.name: entry for entry in (*found, *_training(source, found))}
        named = {part for entry in self.entries.values() for part in entry.parts}
        rest = {
            name: info
            for name, info in source.tensors.items()
            if name not in named and not name.endswith(_UNREAD)
        }
        self.tensors = {
            name: _described([source.tensors[part] for part in entry.parts], entry.layout)
            for name, entry in self.entries.items()
        } | rest

    def read(self, name: str) -> np.ndarray:
        """One tensor, its axes as the graph has them."""
        entry = self.entries.get(name)
        if entry is None:
            return self.source.read(name)
        return entry.layout.here(*(self.source.read(part) for part in entry.parts))


def _training(source: Source, entries: Sequence[Entry]) -> Iterator[Entry]:
    """Entries of slots and moving averages, whose names are their variables' and a part more."""
    alone = {entry.parts[0]: entry for entry in entries if len(entry.parts) == 1}
    for name in source.tensors:
        *scopes, last = name.split("/")
        for start in range(len(scopes)):  # an optimizer's scopes may stand before the name
            part = "/".join(scopes[start:])
            if part in alone and is_slot(name, alone):
                if source.tensors[name].shape == source.tensors[part].shape:
                    here = "/".join((*scopes[:start], alone[part].name, last))
                    yield Entry(here, name, alone[part].layout)
                break


def translate_back(
    values: Mapping[str, np.ndarray], entries: Sequence[Entry]
) -> dict[str, np.ndarray]:
    """Graph weights by variable name -> foreign names and layouts, in the table's order.

    Raises KeyError for a variable of the table that ``values`` lacks.
    """
    stored: dict[str, np.ndarray] = {}
    for entry in entries:
        back = entry.layout.back(values[entry.name])
        arrays = back if isinstance(back, tuple) else (back,)
        stored |= zip(entry.parts, map(np.ascontiguousarray, arrays), strict=True)
    return stored


def _described(parts: Sequence[TensorSpecLike], layout: Layout) -> TensorSpec:
    """Shape and dtype in the layout here, without the values."""
    try:
        shape = layout.here(*(np.empty(part.shape, np.bool_) for part in parts)).shape
    except (ValueError, MemoryError, np.exceptions.AxisError):  # of another net: match says so
        shape = parts[0].shape
    return TensorSpec(shape, parts[0].dtype)
