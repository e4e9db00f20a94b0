"""What is in a weight file: tensors by purpose, parameters, step, digests.

Imports no TensorFlow.
"""

from __future__ import annotations

import dataclasses
import hashlib
import math
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import NamedTuple, TypeAlias

import numpy as np

from legacy_nets.checkpoints.formats.bundle import read_bundle
from legacy_nets.checkpoints.formats.v1 import read_v1
from legacy_nets.checkpoints.optimizer_slots import AVERAGE, list_slots
from legacy_nets.checkpoints.source import Source, TensorSpecLike
from legacy_nets.errors import CheckpointError
from legacy_nets.types import Array

_INCOMPLETE = "incomplete: "  # begins the note of a checkpoint that lacks data
_VALUE = "/.ATTRIBUTES/VARIABLE_VALUE"  # ends the keys of an object-based checkpoint
_STEP_NAMES = ("global_step", "iter", "iterations")


@dataclasses.dataclass(frozen=True)
class Contents:
    """The tensors of a source, sorted by purpose."""

    source: Source
    weights: Mapping[str, TensorSpecLike]
    averages: Mapping[str, TensorSpecLike]  # ExponentialMovingAverage
    training: Mapping[str, TensorSpecLike]  # optimizer slots, steps, other bookkeeping
    constants: Mapping[str, TensorSpecLike]  # shapes, axes and other constants of a graph
    notes: tuple[str, ...]  # about the file, and about other files next to it

    @property
    def parameters(self) -> int:
        """How many numbers ``weights`` hold."""
        return sum(math.prod(info.shape) for info in self.weights.values())

    @property
    def step(self) -> int | None:
        """The global step; None where the file has none."""
        for name in self.training:
            plain = name.removesuffix(_VALUE)
            if plain.rpartition("/")[2] in _STEP_NAMES:
                info = self.training[name]
                if math.prod(info.shape) == 1 and info.dtype in ("int64", "int32"):
                    return self._read_integer(name)
        return None

    def _read_integer(self, name: str) -> int | None:
        """Reads a stored number; None where the file is known to be incomplete and lacks it."""
        try:
            return int(self.source.read(name).reshape(-1)[0])
        except CheckpointError:
            if any(note.startswith(_INCOMPLETE) for note in self.notes):
                return None
            raise


class Folded(NamedTuple):
    """What a scope holds that is shown as one row."""

    tensors: int
    parameters: int


Tree: TypeAlias = "dict[str, Tree | TensorSpecLike | Folded]"  # "conv1/" -> tree; "weights" -> spec


def list_contents(source: Source) -> Contents:
    """Sorts the tensors of a source by purpose."""
    tensors = source.tensors
    averages = {name: info for name, info in tensors.items() if name.endswith(AVERAGE)}
    slots = list_slots(source)
    training = {
        name: info for name, info in tensors.items() if name in slots and name not in averages
    }
    weights = {
        name: info for name, info in tensors.items() if name not in averages | training
    }  # fmt: skip
    notes = (*source.notes, *_note_incomplete(source), *_note_twin(source))
    constants = source.other_tensors if source.others_are_constants else {}
    if not source.others_are_constants:
        training.update(source.other_tensors)
    return Contents(source, weights, averages, training, constants, notes)


def _note_incomplete(source: Source) -> Iterator[str]:
    """Notes that a part of the file is missing."""
    try:
        source.check_complete()
    except CheckpointError as error:
        yield f"{_INCOMPLETE}{error}"


def _note_twin(source: Source) -> Iterator[str]:
    """Notes that a V1 file and a V2 bundle share one prefix: TensorFlow reads the V2 one."""
    prefix = source.prefix
    if not (Path(prefix).is_file() and Path(f"{prefix}.index").is_file()):
        return
    try:
        v1, v2 = read_v1(Path(prefix)), read_bundle(prefix)
    except CheckpointError as error:
        yield f"{prefix} lies next to {prefix}.index, and one of them cannot be read: {error}"
        return
    different = [
        name
        for name in {*v1.tensors, *v2.tensors}
        if name not in v1.tensors
        or name not in v2.tensors
        or not are_equal(v1.read(name), v2.read(name))
    ]
    difference = "are the same"
    if different:
        difference = f"differ in {len(different)} tensors ({min(different)}, ...)"
    yield (
        f"a V1 file ({Path(prefix).name}) and a V2 checkpoint share this prefix, and {difference}: "
        "this is the V2 one, as RestoreV2 reads; Restore and RestoreSlice of older graphs read V1"
    )


def are_equal(first: Array, second: Array) -> bool:
    """Whether two arrays, of any shape, have the same shape, dtype and bytes."""
    return (
        first.shape == second.shape
        and first.dtype == second.dtype
        and compute_digest(first) == compute_digest(second)
    )


def compute_digest(value: Array) -> str:
    """Computes the SHA-256 of an array of any shape, as ``sha256sum`` of its bytes.

    The bytes are little-endian, in C order. Of strings, each item follows its length.
    """
    if value.dtype == object:
        digest = hashlib.sha256()
        for item in value.reshape(-1):
            digest.update(len(item).to_bytes(8, "little") + bytes(item))
        return digest.hexdigest()
    data = np.ascontiguousarray(value)
    if data.dtype.byteorder == ">":
        data = data.astype(data.dtype.newbyteorder("<"))
    return hashlib.sha256(data.reshape(-1).view(np.uint8).data).hexdigest()


def compute_statistics(value: Array) -> dict[str, float]:
    """Computes min, max, mean and std of an array of any shape, and how many are not finite.

    Gives {} for an empty array, for strings and for complex numbers.
    """
    if value.size == 0 or value.dtype == object or value.dtype.kind == "c":
        return {}
    numbers = value.astype(np.float64)
    finite = numbers[np.isfinite(numbers)]
    statistics = {"not_finite": float(numbers.size - finite.size)}
    if finite.size:
        statistics |= {
            "min": float(finite.min()),
            "max": float(finite.max()),
            "mean": float(finite.mean()),
            "std": float(finite.std()),
        }
    return statistics


def build_tree(tensors: Mapping[str, TensorSpecLike], depth: int | None = None) -> Tree:
    """Groups tensors by scope: {"conv1/": {"weights": spec}}; scopes below ``depth`` are folded."""
    root: Tree = {}
    for name, info in tensors.items():
        *scopes, last = name.split("/")
        branch = root
        for level, scope in enumerate(scopes, 1):
            key = scope + "/"
            if depth is not None and level >= depth:
                folded = branch.get(key)
                count, numbers = folded if isinstance(folded, Folded) else (0, 0)
                branch[key] = Folded(count + 1, numbers + math.prod(info.shape))
                break
            inner = branch.setdefault(key, {})
            assert isinstance(inner, dict)  # only scopes have names that end in a slash
            branch = inner
        else:
            branch[last] = info
    return root
