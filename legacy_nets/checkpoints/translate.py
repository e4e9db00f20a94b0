"""Weights that bear foreign names and layouts (PyTorch, JAX, Caffe), both ways, by a table.

A net's module states one ``Entry`` a variable; ``Translated`` shows a foreign file under the
graph's names, ``translate_back`` gives graph weights their foreign names.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from collections.abc import Mapping
from collections.abc import Sequence

import numpy as np

from legacy_nets.checkpoints.source import Described
from legacy_nets.checkpoints.source import Source
from legacy_nets.checkpoints.source import Stored


@dataclasses.dataclass(frozen=True)
class Layout:
    """How the axes of a tensor lie there and here; ``back`` undoes ``here``."""

    name: str
    here: Callable[[np.ndarray], np.ndarray]
    back: Callable[[np.ndarray], np.ndarray]


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
    """One variable of the graph and the foreign tensor that holds it."""

    name: str  # of the variable, without ":0"
    stored: str
    layout: Layout = SAME


class Translated:
    """A foreign source under the graph's names. What no entry names keeps its own name.

    Entries whose tensor the file lacks are left out: ``match`` reports them as missing.
    """

    def __init__(self, source: Source, entries: Sequence[Entry]) -> None:
        self.source = source
        self.prefix = source.prefix
        self.entries = {entry.name: entry for entry in entries if entry.stored in source.tensors}
        named = {entry.stored for entry in self.entries.values()}
        rest = {name: info for name, info in source.tensors.items() if name not in named}
        self.tensors: Mapping[str, Described] = {
            name: _described(source.tensors[entry.stored], entry.layout)
            for name, entry in self.entries.items()
        } | rest

    def read(self, name: str) -> np.ndarray:
        """One tensor, its axes as the graph has them."""
        entry = self.entries.get(name)
        if entry is None:
            return self.source.read(name)
        return entry.layout.here(self.source.read(entry.stored))

    def check_complete(self) -> None:
        """As the source's."""
        self.source.check_complete()


def translate_back(
    values: Mapping[str, np.ndarray], entries: Sequence[Entry]
) -> dict[str, np.ndarray]:
    """Graph weights by variable name -> foreign names and layouts, in the table's order.

    Raises KeyError for a variable of the table that ``values`` lacks.
    """
    return {
        entry.stored: np.ascontiguousarray(entry.layout.back(values[entry.name]))
        for entry in entries
    }


def _described(stored: Described, layout: Layout) -> Stored:
    """Shape and dtype in the layout here, without the values."""
    try:
        shape = layout.here(np.empty(stored.shape, np.bool_)).shape
    except (ValueError, np.exceptions.AxisError):  # of another net: match says so
        shape = stored.shape
    return Stored(shape, stored.dtype)
