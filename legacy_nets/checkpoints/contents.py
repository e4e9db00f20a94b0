"""What is in a weight file: tensors by kind, parameters, step, digests. No TensorFlow needed."""

from __future__ import annotations

import dataclasses
import hashlib
import math
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from legacy_nets.checkpoints.formats.bundle import read_bundle
from legacy_nets.checkpoints.optimizer_slots import AVERAGE, is_slot
from legacy_nets.checkpoints.source import Source, TensorSpecLike
from legacy_nets.errors import CheckpointError

_LACKS = "incomplete: "  # begins the note of a checkpoint that lacks data
_VALUE = "/.ATTRIBUTES/VARIABLE_VALUE"  # behind the keys of an object-based checkpoint


@dataclasses.dataclass(frozen=True)
class Contents:
    """The tensors of a source: those of the net, and those that only training needs."""

    source: Source
    weights: Mapping[str, TensorSpecLike]
    averages: Mapping[str, TensorSpecLike]  # ExponentialMovingAverage
    training: Mapping[str, TensorSpecLike]  # optimizer slots, steps, other bookkeeping
    notes: tuple[str, ...]  # what the reader, or the files beside it, have to say

    @property
    def parameters(self) -> int:
        """Numbers in ``weights``."""
        return sum(math.prod(info.shape) for info in self.weights.values())

    @property
    def step(self) -> int | None:
        """The global step, where the file has one."""
        for name in self.training:
            plain = name.removesuffix(_VALUE)
            if plain.rpartition("/")[2] in ("global_step", "iter", "iterations"):
                info = self.training[name]
                if math.prod(info.shape) == 1 and info.dtype in ("int64", "int32"):
                    return self._integer(name)
        return None

    def _integer(self, name: str) -> int | None:
        """A stored number; None where the file is known to be incomplete and lacks it."""
        try:
            return int(self.source.read(name).reshape(-1)[0])
        except CheckpointError:
            if any(note.startswith(_LACKS) for note in self.notes):
                return None
            raise


def contents(source: Source) -> Contents:
    """Sorts the tensors of a source by what they are for."""
    tensors = source.tensors
    averages = {name: info for name, info in tensors.items() if name.endswith(AVERAGE)}
    training = {
        name: info
        for name, info in tensors.items()
        if name not in averages and is_slot(name, tensors)
    }
    weights = {
        name: info for name, info in tensors.items() if name not in averages | training
    }  # fmt: skip
    training |= source.other_tensors
    return Contents(source, weights, averages, training, (*_notes(source),))


def _notes(source: Source) -> Iterator[str]:
    yield from source.notes
    missing = _incomplete(source)
    if missing:
        yield missing
    yield from _twin(source)


def _incomplete(source: Source) -> str:
    try:
        source.check_complete()
    except CheckpointError as error:
        return f"{_LACKS}{error}"
    return ""


def _twin(source: Source) -> Iterator[str]:
    """A V1 file and a V2 bundle of one prefix: TensorFlow reads the V2 one."""
    prefix = source.prefix
    if not (Path(prefix).is_file() and Path(f"{prefix}.index").is_file()):
        return
    from legacy_nets.checkpoints.formats.v1 import read_v1

    try:
        old, new = read_v1(Path(prefix)), read_bundle(prefix)
    except CheckpointError as error:
        yield f"{prefix} lies beside {prefix}.index, and one of them cannot be read: {error}"
        return
    differ = [
        name
        for name in {*old.tensors, *new.tensors}
        if name not in old.tensors
        or name not in new.tensors
        or not same(old.read(name), new.read(name))
    ]
    what = f"differ in {len(differ)} tensors ({min(differ)}, ...)" if differ else "are the same"
    yield (
        f"a V1 file ({Path(prefix).name}) and a V2 checkpoint share this prefix, and {what}: this "
        "is the V2 one, which TensorFlow prefers"
    )


def same(one: np.ndarray, other: np.ndarray) -> bool:
    """Whether two arrays have the same shape, dtype and bytes."""
    return one.shape == other.shape and one.dtype == other.dtype and digest(one) == digest(other)


def digest(value: np.ndarray) -> str:
    """SHA-256 of a tensor's bytes, little-endian, in C order; of its items, each with its length
    ahead, for strings."""
    if value.dtype == object:
        whole = hashlib.sha256()
        for item in value.reshape(-1):
            whole.update(len(item).to_bytes(8, "little") + bytes(item))
        return whole.hexdigest()
    data = np.ascontiguousarray(value)
    if data.dtype.byteorder == ">":
        data = data.astype(data.dtype.newbyteorder("<"))
    return hashlib.sha256(data.reshape(-1).view(np.uint8).data).hexdigest()


def statistics(value: np.ndarray) -> dict[str, float]:
    """Least, largest, mean and standard deviation of a tensor, and how many are not finite."""
    if value.size == 0 or value.dtype == object or value.dtype.kind == "c":
        return {}
    numbers = value.astype(np.float64)
    finite = numbers[np.isfinite(numbers)]
    found: dict[str, float] = {"not_finite": float(numbers.size - finite.size)}
    if finite.size:
        found |= {
            "min": float(finite.min()),
            "max": float(finite.max()),
            "mean": float(finite.mean()),
            "std": float(finite.std()),
        }
    return found


def tree(tensors: Mapping[str, TensorSpecLike], depth: int | None = None) -> dict[str, Any]:
    """Tensors by scope: {"conv1/": {"weights": info}}; below ``depth``: (tensors, numbers)."""
    root: dict[str, Any] = {}
    for name, info in tensors.items():
        *scopes, last = name.split("/")
        place = root
        for level, scope in enumerate(scopes, 1):
            if depth is not None and level >= depth:
                count, numbers = place.get(scope + "/", (0, 0))
                place[scope + "/"] = (count + 1, numbers + math.prod(info.shape))
                break
            place = place.setdefault(scope + "/", {})
        else:
            place[last] = info
    return root
