"""What every readable weight file looks like to the code that restores from it.

``Bundle`` (Saver V2), ``H5``, ``Arrays`` (.npz), ``Safetensors``, ``TorchZip`` and ``Translated``
all are sources.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple
from typing import Protocol

import numpy as np


class Described(Protocol):
    """Shape and dtype of a stored tensor; reading them reads no weights."""

    @property
    def shape(self) -> tuple[int, ...]:
        """Sizes of the dimensions."""
        ...

    @property
    def dtype(self) -> str:
        """numpy's name, or "bfloat16", "string"."""
        ...


class Stored(NamedTuple):
    """The plainest ``Described``."""

    shape: tuple[int, ...]
    dtype: str  # numpy's name, or "bfloat16", "string"


class Source(Protocol):
    """A weight file that has been opened: its index is in memory, its weights are not."""

    @property
    def prefix(self) -> str:
        """The path, as messages call it."""
        ...

    @property
    def tensors(self) -> Mapping[str, Described]:
        """Name -> shape and dtype, in the file's order."""
        ...

    def read(self, name: str) -> np.ndarray:
        """One tensor. Raises CheckpointError: no such tensor, or its bytes are damaged."""
        ...

    def check_complete(self) -> None:
        """Raises CheckpointError if a part of the file is missing."""
        ...
