"""What every readable weight file looks like to the code that restores from it.

``Bundle`` (Saver V2), ``WeightFile`` (every other format) and ``Translated`` (foreign names) are
sources; ``read.open_weights`` gives the one that fits a path.
"""

from __future__ import annotations

import contextlib
import difflib
import json
import struct
import zipfile
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple, Protocol

import numpy as np

from legacy_nets.checkpoints.formats.wire import Damaged
from legacy_nets.errors import CheckpointError, one_line

_LARGEST_TABLE = 1 << 24  # bytes of JSON; of 21,000 named classes it is half a million


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


class WeightFile:
    """A source made of a list of tensors and a function that loads one of them.

    ``apart`` are tensors that no net needs (an optimizer's): ``read`` takes their names too.
    ``notes`` say what the reader did beyond reading, a line each. ``unfit`` says why the tensors
    are no net's variables, whatever they are called. ``metadata`` are those of ``port``.
    """

    def __init__(
        self,
        prefix: str,
        tensors: Mapping[str, Described],
        load: Callable[[str], np.ndarray],
        apart: Mapping[str, Described] | None = None,
        notes: tuple[str, ...] = (),
        unfit: str = "",
        metadata: Mapping[str, Any] | None = None,
    ) -> None:
        self.prefix = prefix
        self.tensors = tensors
        self.apart = apart or {}
        self.notes = notes
        self.unfit = unfit
        self.metadata = metadata or {}
        self._load = load

    def read(self, name: str) -> np.ndarray:
        """One tensor. Raises CheckpointError: no such tensor, or its bytes are damaged."""
        if name not in self.tensors and name not in self.apart:
            raise no_tensor(self.prefix, name, self.tensors)
        with reading(self.prefix):
            return self._load(name)

    def check_complete(self) -> None:
        """Nothing to do: the sizes were held against the file when it was opened."""


def table_of(text: Any) -> dict[str, Any]:
    """A table in JSON; {} for any other text, and for what is none."""
    try:
        table = json.loads(text)
    except (ValueError, TypeError, RecursionError):
        return {}
    return table if isinstance(table, dict) else {}


def table_in(archive: zipfile.ZipFile, name: str) -> dict[str, Any]:
    """The table in JSON that is a member of an archive; {} where there is none."""
    if name not in archive.namelist() or archive.getinfo(name).file_size > _LARGEST_TABLE:
        return {}
    return table_of(archive.read(name))


def table_at(path: Path) -> dict[str, Any]:
    """The table in JSON that is a file; {} where there is none. Raises CheckpointError."""
    with reading(path):
        if not path.is_file() or path.stat().st_size > _LARGEST_TABLE:
            return {}
        return table_of(path.read_bytes())


def no_tensor(prefix: str, name: str, names: Iterable[str]) -> CheckpointError:
    """The error of a name that is not there, with the nearest that are."""
    known = list(names)
    near = difflib.get_close_matches(name, known, n=3) or known[:3]
    return CheckpointError(f"{prefix}: no tensor {name!r}; nearest: {', '.join(near)}")


@contextlib.contextmanager
def reading(path: object) -> Iterator[None]:
    """Turns what a damaged file raises into a CheckpointError that names it, in one line."""
    try:
        yield
    except OSError as error:
        reason = error.strerror or one_line(error)[:200]
        raise CheckpointError(f"{path}: cannot be read ({reason})") from error
    except MemoryError as error:
        raise CheckpointError(f"{path}: needs more memory than there is ({error})") from error
    except (
        *(Damaged, UnicodeError, RuntimeError, OverflowError, EOFError, struct.error),
        *(zipfile.BadZipFile, zlib.error),
    ) as error:
        raise CheckpointError(
            f"{path}: damaged ({one_line(error)[:200]}); copy or download it again"
        ) from error
