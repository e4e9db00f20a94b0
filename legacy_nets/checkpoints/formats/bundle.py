"""Reads TensorFlow checkpoints ("tensor bundles", Saver V2) without TensorFlow.

A checkpoint is a prefix: ``prefix.index`` is an SSTable of tensor name -> BundleEntryProto
(dtype, shape, location, checksum); ``prefix.data-0000i-of-0000n`` are the tensors' bytes.
Source: the comments of tensorflow/core/util/tensor_bundle/tensor_bundle.h.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

import numpy as np

from legacy_nets.checkpoints.formats.sstable import read_table
from legacy_nets.checkpoints.formats.tensor_info import (
    TensorInfo,
    decode_strings,
    decode_tensor_info,
    find_numpy_dtype,
)
from legacy_nets.checkpoints.source import Source, read_json_file, unknown_tensor_error
from legacy_nets.crc32c import compute_crc32c, mask_crc
from legacy_nets.errors import CheckpointError, suggest_names
from legacy_nets.files import explain_other_format, suggest_paths
from legacy_nets.types import Array, NumpyDtype
from legacy_nets.wire import FormatError, Message

_SUFFIX = re.compile(r"\.(index|meta|data-\d{5}-of-\d{5})$")
_STEP = re.compile(r"-(\d+)$")


class ByteRange(NamedTuple):
    """Bytes in a file, and their masked CRC-32C."""

    path: Path
    offset: int
    size: int
    crc: int


class Bundle(Source):
    """A checkpoint whose index is in memory: ``tensors``, sorted by name, and ``shards``."""

    def __init__(self, prefix: str, shards: list[Path], tensors: dict[str, TensorInfo]) -> None:
        self.prefix = prefix
        self.shards = shards
        self.tensors: dict[str, TensorInfo] = tensors

    @property
    def metadata(self) -> Mapping[str, object]:
        """The settings that ``port`` wrote next to the checkpoint, or into its SavedModel."""
        path = Path(self.prefix)
        settings = Path(f"{path}.json")
        if path.parts[-2:] == ("variables", "variables") and not settings.exists():
            settings = path.parent.with_name("assets.extra") / "metadata.json"
        return read_json_file(settings)

    def check_complete(self) -> None:
        """Raises CheckpointError if a shard is missing, or shorter than the index says."""
        needed_sizes = [0] * len(self.shards)
        for info in self.tensors.values():
            for part in [part for _, part in info.slices] or [info]:
                end = part.offset + part.size
                needed_sizes[part.shard] = max(needed_sizes[part.shard], end)
        for number, size in enumerate(needed_sizes):
            self._check_shard(number, size)

    def read(self, name: str, verify: bool = True) -> Array:
        """Reads one tensor, [*shape]: read-only and memory-mapped, unless it is partitioned.

        Strings are an array of bytes objects.

        Args:
          name: a key of ``tensors``.
          verify: compare the bytes with their CRC-32C.

        Raises CheckpointError: no such tensor, a dtype without NumPy counterpart, a shard
        missing or too short, a bad checksum.
        """
        if name not in self.tensors:
            raise unknown_tensor_error(self.prefix, name, self.tensors)
        info = self.tensors[name]
        dtype = np.dtype(object) if info.dtype == "string" else find_numpy_dtype(info.dtype)
        if dtype is None:
            raise CheckpointError(
                f"{self.prefix}: {name} is of type {info.dtype}, which is not an array of numbers"
            )
        if not info.slices:
            return self._read_part(info, dtype, verify)
        for _, part in info.slices:  # before memory is allocated for them
            self._check_shard(part.shard, part.offset + part.size)
        tensor = np.zeros(info.shape, dtype)
        for starts, part in info.slices:
            index = tuple(
                slice(start, start + size) for start, size in zip(starts, part.shape, strict=True)
            )
            tensor[index] = self._read_part(part, dtype, verify)
        return tensor

    def locate(self, name: str) -> ByteRange | None:
        """Locates a tensor's bytes in NumPy's order; None if they are in several places."""
        info = self.tensors[name]
        if info.slices or find_numpy_dtype(info.dtype) is None:
            return None
        return ByteRange(self.shards[info.shard], info.offset, info.size, info.crc)

    def _read_part(self, info: TensorInfo, dtype: NumpyDtype, verify: bool) -> Array:
        """Reads a tensor that is not partitioned, or one part: [*info.shape]."""
        if info.dtype != "string":
            return self._read_bytes(info, verify).view(dtype).reshape(info.shape)
        try:
            return decode_strings(self._read_bytes(info, False).tobytes(), info, verify)
        except FormatError as error:
            raise _make_damage_error(self.shards[info.shard], str(error)) from error

    def _read_bytes(self, info: TensorInfo, verify: bool) -> Array:
        """Reads the bytes of a tensor or part: uint8 [size]."""
        self._check_shard(info.shard, info.offset + info.size)
        if info.size == 0:  # mmap refuses an empty range
            return np.empty(0, np.uint8)
        shard = self.shards[info.shard]
        data = np.memmap(shard, np.uint8, "r", info.offset, (info.size,))
        if verify and mask_crc(compute_crc32c(data)) != info.crc:
            raise _make_damage_error(shard, f"bad checksum of {info.name}")
        return data

    def _check_shard(self, number: int, needed: int) -> None:
        """Raises CheckpointError if a shard is missing or has fewer bytes than needed."""
        path = self.shards[number]
        if not path.is_file():
            raise CheckpointError(
                f"{self.prefix}: shard {number + 1} of {len(self.shards)} is missing "
                f"({path.name}); copy it next to the .index"
            )
        size = path.stat().st_size
        if size < needed:
            raise _make_damage_error(path, f"too short, has {size} bytes and needs {needed}")


def _make_damage_error(shard: Path, reason: str) -> CheckpointError:
    """Makes the error of a data file; it names a git-LFS pointer or web page in its place."""
    with open(shard, "rb") as file:
        first_bytes = file.read(64)
    explanation = explain_other_format(first_bytes) if first_bytes.isascii() else ""
    return CheckpointError(
        f"{shard}: {explanation or f'{reason}; copy or download the checkpoint again'}"
    )


def read_bundle(prefix: str | Path) -> Bundle:
    """Reads ``prefix.index``. Raises CheckpointError: missing, not an index, damaged, V1."""
    prefix = str(prefix)
    if _SUFFIX.search(prefix):
        raise CheckpointError(
            f"{prefix}: a checkpoint is named by its prefix, here {_SUFFIX.sub('', prefix)}"
        )
    index = Path(f"{prefix}.index")
    if not index.is_file():
        raise _make_missing_error(prefix)
    pairs = dict(read_table(index))
    try:
        header = Message(pairs.pop(b"", b""))
        if header.has_bytes(1):
            raise _make_v1_error(index)
        if header.get_int(2) != 0:
            raise CheckpointError(f"{index}: written on a big-endian machine, which is not read")
        count = header.get_int(1)
        if not 0 < count < 100_000:
            raise FormatError(f"{count} shards")
        shards = [Path(f"{prefix}.data-{number:05d}-of-{count:05d}") for number in range(count)]
        tensors = {
            info.name: info
            for name in pairs
            if name[0] != 0  # else a part of a partitioned tensor
            for info in [decode_tensor_info(name, pairs, count)]
        }
    except (FormatError, UnicodeDecodeError) as error:
        raise CheckpointError(
            f"{index}: damaged ({error}); copy or download the checkpoint again"
        ) from error
    return Bundle(prefix, shards, tensors)


def find_checkpoint(path: str | Path) -> str:
    """Finds the prefix that a user means by a prefix, one of a checkpoint's files, or a folder.

    In a folder, the ``checkpoint`` state file names the newest checkpoint, even if the folder was
    moved. If that one is not complete, the complete one of the highest step is taken.

    Raises CheckpointError.
    """
    path = Path(path)
    if path.name == "checkpoint" and path.is_file():
        path = path.parent
    if path.is_dir() and not Path(f"{path}.index").is_file():
        return _find_newest(path)
    prefix = _SUFFIX.sub("", str(path))
    if not Path(f"{prefix}.index").is_file():
        raise _make_missing_error(prefix)
    return prefix


def list_complete_checkpoints(folder: str | Path) -> list[tuple[int, str]]:
    """Lists (step, prefix) of the complete checkpoints ``<anything>-<step>``, oldest first."""
    return _sort_by_step(_scan(Path(folder))[0])


def explain_incomplete_checkpoints(folder: str | Path) -> dict[str, str]:
    """Explains prefix -> reason why ``list_complete_checkpoints`` leaves a checkpoint out."""
    return _scan(Path(folder))[1]


def _make_missing_error(prefix: str) -> CheckpointError:
    """Makes the error for a missing ``prefix.index``: a V1 file, another file, or nothing."""
    path = Path(prefix)
    tables = [path, *_list_siblings(path, re.compile(r"-\d{5}-of-\d{5}"))]
    for file in tables:
        if file.is_file():
            _, value = next(read_table(file), (b"", b""))  # raises for a file of another format
            is_v1 = Message(value).has_bytes(1)
            return _make_v1_error(file) if is_v1 else _make_index_error(prefix)
    if _list_siblings(path, _SUFFIX):
        return _make_index_error(prefix)
    prefixes = [_SUFFIX.sub("", file.name) for file in path.parent.glob("*.index")]
    near = suggest_names(path.name, prefixes) or suggest_paths(path)
    return CheckpointError(f"{prefix}: no such checkpoint or weight file{near}")


def _list_siblings(path: Path, suffix: re.Pattern[str]) -> list[Path]:
    """Lists the files whose names are the prefix and the suffix."""
    if not path.parent.is_dir():
        return []
    pattern = re.compile(re.escape(path.name) + suffix.pattern.removesuffix("$"))
    return sorted(file for file in path.parent.iterdir() if pattern.fullmatch(file.name))


def _make_index_error(prefix: str) -> CheckpointError:
    return CheckpointError(f"{prefix}: its .index is missing; copy it next to the other files")


def _make_v1_error(path: Path) -> CheckpointError:
    return CheckpointError(
        f"{path}: a V1 checkpoint (Saver V1, no .index) where a V2 one is needed: open_weights, "
        "--checkpoint and --warm-start read it"
    )


def _scan(folder: Path) -> tuple[list[str], dict[str, str]]:
    """Scans a folder: prefixes of complete checkpoints, and prefix -> reason of the others."""
    if not folder.exists():
        return [], {}
    try:
        files = sorted(file for file in folder.iterdir() if _SUFFIX.search(file.name))
    except OSError as error:
        raise CheckpointError(f"{folder}: cannot be listed ({error.strerror}); check it") from error
    complete, incomplete = [], {}
    for prefix in dict.fromkeys(
        _SUFFIX.sub("", str(file)) for file in files if file.suffix != ".meta"
    ):
        try:
            read_bundle(prefix).check_complete()
            complete.append(prefix)
        except CheckpointError as error:
            incomplete[prefix] = str(error)
    return complete, incomplete


def _find_newest(folder: Path) -> str:
    """Finds the newest complete checkpoint of a folder. Raises CheckpointError."""
    for prefix in _read_state(folder):
        try:
            read_bundle(prefix).check_complete()
            return prefix
        except CheckpointError:  # another checkpoint of the folder may be complete
            continue
    complete, incomplete = _scan(folder)
    numbered = _sort_by_step(complete)
    if numbered:
        return numbered[-1][1]
    if len(complete) == 1:
        return complete[0]
    if complete:
        names = ", ".join(Path(prefix).name for prefix in complete)
        raise CheckpointError(
            f"{folder}: holds {len(complete)} checkpoints without step numbers; name one of {names}"
        )
    if incomplete:
        reasons = "; ".join(list(incomplete.values())[:2])
        more = f" (and {len(incomplete) - 2} more)" if len(incomplete) > 2 else ""
        raise CheckpointError(f"{folder}: no complete checkpoint: {reasons}{more}")
    for prefix in _read_state(folder):
        if Path(prefix).is_file():  # a V1 checkpoint
            raise _make_missing_error(prefix)
    subfolders = sorted({file.parent.name for file in folder.glob("*/*.index")})[:5]
    hint = "name a folder that has one, or a weight file"
    if subfolders:
        hint = f"there are some in {', '.join(subfolders)}"
    raise CheckpointError(f"{folder}: no checkpoint in this folder (no .index file); {hint}")


def _sort_by_step(prefixes: list[str]) -> list[tuple[int, str]]:
    """Sorts prefixes called ``<anything>-<step>``, oldest first: (step, prefix)."""
    return sorted((int(step[1]), prefix) for prefix in prefixes if (step := _STEP.search(prefix)))


def _read_state(folder: Path) -> list[str]:
    """Reads the state file ``checkpoint``: where the newest checkpoint may be."""
    try:
        state = (folder / "checkpoint").read_text(encoding="utf-8")
        match = re.search(r"""^\s*model_checkpoint_path:\s*(["'])(.*)\1\s*$""", state, re.M)
        if not match:
            return []
        name = match[2].encode().decode("unicode_escape").encode("latin-1").decode("utf-8")
    except (OSError, UnicodeError):
        return []
    local = str(folder / re.split(r"[\\/]", name)[-1])  # the folder may have been moved or copied
    recorded = str(folder / name)
    return [local, recorded] if Path(name).is_absolute() else [recorded, local]
