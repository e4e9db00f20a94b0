"""What every readable weight file looks like to the code that restores from it.

``Bundle`` (Saver V2), ``WeightFile`` (every other format) and ``WrappedSource`` (another source
under other names or shapes) are sources. ``open.open_weights`` opens the right one for a path.
"""

from __future__ import annotations

import abc
import contextlib
import json
import struct
import types
import zipfile
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import NamedTuple, Protocol

from legacy_nets.errors import CheckpointError, join_lines, suggest_names
from legacy_nets.types import Array
from legacy_nets.wire import FormatError

_LARGEST_TABLE = 1 << 24  # bytes of JSON; of 21,000 named classes it is half a million


class TensorSpecLike(Protocol):
    """Shape and dtype of a stored tensor. Reading them reads no weights."""

    @property
    def shape(self) -> tuple[int, ...]:
        """Sizes of the dimensions."""
        ...

    @property
    def dtype(self) -> str:
        """NumPy's name, or "bfloat16", "string"."""
        ...


class TensorSpec(NamedTuple):
    """Shape and dtype of a stored tensor, and nothing else."""

    shape: tuple[int, ...]
    dtype: str  # NumPy's name, or "bfloat16", "string"


class Quantization(NamedTuple):
    """How the integers of a tensor stand for real numbers: scale * (integer - zero point)."""

    scales: tuple[float, ...]  # one, or one for each index of the axis
    zero_points: tuple[int, ...]  # as many; or none, for zeros
    axis: int

    def __str__(self) -> str:
        if len(self.scales) > 1:
            low, high = min(self.scales), max(self.scales)
            return f"{len(self.scales)} scales {low:.3g} to {high:.3g} on axis {self.axis}"
        return f"scale {self.scales[0]:.3g}, zero point {(*self.zero_points, 0)[0]}"


class GraphValue(NamedTuple):
    """An input or output of a graph. A side is a number, a name, or None where it is unknown."""

    name: str
    dtype: str
    shape: tuple[int | str | None, ...] | None  # None: unknown
    quantization: Quantization | None = None  # None: the values are what they are


class GraphSummary(NamedTuple):
    """What a file says about the graph that its weights are in."""

    format: str  # with its versions: "ONNX, opset 17"
    inputs: tuple[GraphValue, ...]
    outputs: tuple[GraphValue, ...]


class Source(abc.ABC):
    """An open weight file: its index is in memory, its weights are on the disk.

    Attributes:
      prefix: the path, as messages print it.
      tensors: name -> shape and dtype, in the file's order.
      other_tensors: tensors that no net needs, such as an optimizer's. ``read`` reads them too.
      others_are_constants: the other tensors are constants of a graph (shapes, axes, bounds).
      graph: inputs, outputs and versions of the graph in the file; None where that is not read.
      quantization: of the tensors whose integers stand for real numbers, by name.
      notes: what the reader did besides reading, one line each.
      unsupported: why these tensors are the variables of no net; "" where they may be.
    """

    prefix: str
    tensors: Mapping[str, TensorSpecLike]
    other_tensors: Mapping[str, TensorSpecLike] = types.MappingProxyType({})
    others_are_constants: bool = False
    graph: GraphSummary | None = None
    quantization: Mapping[str, Quantization] = types.MappingProxyType({})
    notes: tuple[str, ...] = ()
    unsupported: str = ""

    @property
    def metadata(self) -> Mapping[str, object]:
        """The settings that ``port`` wrote into the file; {} where it wrote none."""
        return {}

    @abc.abstractmethod
    def read(self, name: str) -> Array:
        """Reads one tensor. Raises CheckpointError: no such tensor, or its bytes are damaged."""

    @abc.abstractmethod
    def check_complete(self) -> None:
        """Raises CheckpointError if a part of the file is missing."""


class WeightFile(Source):
    """A source made of a list of tensors and a function that loads one of them.

    See ``Source`` for the arguments.
    """

    def __init__(
        self,
        prefix: str,
        tensors: Mapping[str, TensorSpecLike],
        load: Callable[[str], Array],
        *,
        other_tensors: Mapping[str, TensorSpecLike] | None = None,
        others_are_constants: bool = False,
        graph: GraphSummary | None = None,
        notes: tuple[str, ...] = (),
        unsupported: str = "",
        metadata: Mapping[str, object] | None = None,
        quantization: Mapping[str, Quantization] | None = None,
    ) -> None:
        self.prefix = prefix
        self.tensors = tensors
        self.other_tensors = other_tensors or {}
        self.others_are_constants = others_are_constants
        self.graph = graph
        self.notes = notes
        self.unsupported = unsupported
        self.quantization = quantization or {}
        self._metadata = metadata or {}
        self._load = load

    @property
    def metadata(self) -> Mapping[str, object]:
        """The settings that ``port`` wrote into the file; {} where it wrote none."""
        return self._metadata

    def read(self, name: str) -> Array:
        """Reads one tensor. Raises CheckpointError: no such tensor, or its bytes are damaged."""
        if name not in self.tensors and name not in self.other_tensors:
            raise unknown_tensor_error(self.prefix, name, self.tensors)
        with report_damage(self.prefix):
            return self._load(name)

    def check_complete(self) -> None:
        """Does nothing: the sizes were compared with the file when it was opened."""


class WrappedSource(Source):
    """A source that shows another source differently. Everything is the other's by default."""

    def __init__(self, source: Source) -> None:
        self.source = source
        self.prefix = source.prefix
        self.tensors = source.tensors
        self.other_tensors = source.other_tensors
        self.others_are_constants = source.others_are_constants
        self.graph = source.graph
        self.quantization = source.quantization
        self.notes = source.notes
        self.unsupported = source.unsupported

    @property
    def metadata(self) -> Mapping[str, object]:
        """The settings that ``port`` wrote into the wrapped file."""
        return self.source.metadata

    def read(self, name: str) -> Array:
        """Reads one tensor of the wrapped source."""
        return self.source.read(name)

    def check_complete(self) -> None:
        """Checks that the wrapped source is complete."""
        self.source.check_complete()


def parse_json_table(text: object) -> dict[str, object]:
    """Parses a JSON object; gives {} for any other text."""
    if not isinstance(text, (str, bytes)):
        return {}
    try:
        table = json.loads(text)
    except (ValueError, RecursionError):
        return {}
    return table if isinstance(table, dict) else {}


def read_json_member(archive: zipfile.ZipFile, name: str) -> dict[str, object]:
    """Reads a JSON object from a member of an archive; gives {} where there is none."""
    if name not in archive.namelist() or archive.getinfo(name).file_size > _LARGEST_TABLE:
        return {}
    return parse_json_table(archive.read(name))


def read_json_file(path: Path) -> dict[str, object]:
    """Reads a JSON object from a file; gives {} where there is none. Raises CheckpointError."""
    with report_damage(path):
        if not path.is_file() or path.stat().st_size > _LARGEST_TABLE:
            return {}
        return parse_json_table(path.read_bytes())


def unknown_tensor_error(prefix: str, name: str, names: Iterable[str]) -> CheckpointError:
    """Makes the error for a missing name; it lists the nearest names in the file."""
    near = suggest_names(name, names, "tensors")
    return CheckpointError(f"{prefix}: no tensor {name!r}{near}")


@contextlib.contextmanager
def report_damage(path: object) -> Iterator[None]:
    """Turns any error of reading a damaged file into a one-line CheckpointError that names it."""
    try:
        yield
    except OSError as error:
        reason = error.strerror or join_lines(error)[:200]
        raise CheckpointError(f"{path}: cannot be read ({reason})") from error
    except MemoryError as error:
        raise CheckpointError(f"{path}: needs more memory than there is ({error})") from error
    except (
        *(FormatError, UnicodeError, RuntimeError, OverflowError, EOFError, struct.error),
        *(zipfile.BadZipFile, zlib.error),
    ) as error:
        raise CheckpointError(
            f"{path}: damaged ({join_lines(error)[:200]}); copy or download it again"
        ) from error
