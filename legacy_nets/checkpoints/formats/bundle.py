"""Reads TensorFlow checkpoints ("tensor bundles", Saver V2) without TensorFlow.

A checkpoint is a prefix: ``prefix.index`` is an SSTable of tensor name -> BundleEntryProto
(dtype, shape, place, checksum); ``prefix.data-0000i-of-0000n`` are the tensors' bytes.
Source: the comments of tensorflow/core/util/tensor_bundle/tensor_bundle.h.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

import numpy as np

from legacy_nets.checkpoints.formats.crc32c import crc32c, masked
from legacy_nets.checkpoints.formats.sstable import read_table
from legacy_nets.checkpoints.formats.tensor_info import (
    TensorInfo,
    numpy_dtype,
    strings,
    tensor_info,
)
from legacy_nets.checkpoints.formats.wire import Damaged, Message
from legacy_nets.checkpoints.source import Source, read_json_file, unknown_tensor_error
from legacy_nets.errors import CheckpointError, suggest_names
from legacy_nets.files import explain_other_format, suggest_paths

_SUFFIX = re.compile(r"\.(index|meta|data-\d{5}-of-\d{5})$")
_STEP = re.compile(r"-(\d+)$")


class Place(NamedTuple):
    """Bytes in a file, and their masked CRC-32C."""

    path: Path
    offset: int
    size: int
    crc: int


class Bundle(Source):
    """An index that has been read: ``tensors`` in sorted order of names, and ``shards``."""

    def __init__(self, prefix: str, shards: list[Path], tensors: dict[str, TensorInfo]) -> None:
        self.prefix = prefix
        self.shards = shards
        self.tensors: dict[str, TensorInfo] = tensors

    @property
    def metadata(self) -> Mapping[str, object]:
        """What ``port`` wrote beside the checkpoint, or into the SavedModel that it lies in."""
        path = Path(self.prefix)
        beside = Path(f"{path}.json")
        if path.parts[-2:] == ("variables", "variables") and not beside.exists():
            return read_json_file(path.parent.with_name("assets.extra") / "metadata.json")
        return read_json_file(beside)

    def check_complete(self) -> None:
        """Raises CheckpointError if a shard is missing, or shorter than the index says."""
        needs = [0] * len(self.shards)
        for info in self.tensors.values():
            for part in [part for _, part in info.slices] or [info]:
                needs[part.shard] = max(needs[part.shard], part.offset + part.size)
        for number, needed in enumerate(needs):
            self._check_shard(number, needed)

    def read(self, name: str, verify: bool = True) -> np.ndarray:
        """One tensor, read-only and memory-mapped (a partitioned one: put together in memory).

        Strings come as an array of bytes objects.

        Args:
          name: a key of ``tensors``.
          verify: hold the bytes against their CRC-32C.

        Raises CheckpointError: no such tensor, a dtype without numpy counterpart, a shard
        missing or too short, a bad checksum.
        """
        if name not in self.tensors:
            raise unknown_tensor_error(self.prefix, name, self.tensors)
        info = self.tensors[name]
        dtype = np.dtype(object) if info.dtype == "string" else numpy_dtype(info.dtype)
        if dtype is None:
            raise CheckpointError(
                f"{self.prefix}: {name} is of type {info.dtype}, which is no array of numbers"
            )
        if not info.slices:
            return self._read_part(info, dtype, verify)
        for _, part in info.slices:  # before memory is taken for what they are said to hold
            self._check_shard(part.shard, part.offset + part.size)
        whole = np.zeros(info.shape, dtype)
        for starts, part in info.slices:
            place = tuple(
                slice(start, start + size) for start, size in zip(starts, part.shape, strict=True)
            )
            whole[place] = self._read_part(part, dtype, verify)
        return whole

    def place(self, name: str) -> Place | None:
        """Where a tensor's bytes lie in a row, as numpy would have them; None: nowhere so."""
        info = self.tensors[name]
        if info.slices or numpy_dtype(info.dtype) is None:
            return None
        return Place(self.shards[info.shard], info.offset, info.size, info.crc)

    def _read_part(self, info: TensorInfo, dtype: np.dtype, verify: bool) -> np.ndarray:
        """A tensor that is no partitioned one, or a part of one."""
        if info.dtype != "string":
            return self._read_bytes(info, verify).view(dtype).reshape(info.shape)
        try:
            return strings(self._read_bytes(info, False).tobytes(), info, verify)
        except Damaged as error:
            raise _damaged(self.shards[info.shard], str(error)) from error

    def _read_bytes(self, info: TensorInfo, verify: bool) -> np.ndarray:
        """uint8 [size]: the bytes of a tensor or part."""
        self._check_shard(info.shard, info.offset + info.size)
        if info.size == 0:  # nothing can be mapped, nothing can be wrong
            return np.empty(0, np.uint8)
        shard = self.shards[info.shard]
        data = np.memmap(shard, np.uint8, "r", info.offset, (info.size,))
        if verify and masked(crc32c(data)) != info.crc:
            raise _damaged(shard, f"bad checksum of {info.name}")
        return data

    def _check_shard(self, number: int, needed: int) -> None:
        path = self.shards[number]
        if not path.is_file():
            raise CheckpointError(
                f"{self.prefix}: shard {number + 1} of {len(self.shards)} is missing "
                f"({path.name}); put it beside the .index"
            )
        size = path.stat().st_size
        if size < needed:
            raise _damaged(path, f"too short, has {size} bytes and needs {needed}")


def _damaged(shard: Path, reason: str) -> CheckpointError:
    """The error of a data file; of a text in its place (a git-LFS pointer, a web page), which."""
    with open(shard, "rb") as file:
        start = file.read(64)
    what = explain_other_format(start) if start.isascii() else ""
    return CheckpointError(f"{shard}: {what or f'{reason}; copy or download the checkpoint again'}")


def read_bundle(prefix: str | Path) -> Bundle:
    """Reads ``prefix.index``. Raises CheckpointError: missing, no index, damaged, V1."""
    prefix = str(prefix)
    if _SUFFIX.search(prefix):
        raise CheckpointError(
            f"{prefix}: a checkpoint goes by its prefix, here {_SUFFIX.sub('', prefix)}"
        )
    index = Path(f"{prefix}.index")
    if not index.is_file():
        raise _missing(prefix)
    pairs = dict(read_table(index))
    try:
        header = Message(pairs.pop(b"", b""))
        if header.is_bytes(1):
            raise _version_1(index)
        if header.number(2) != 0:
            raise CheckpointError(f"{index}: written on a big-endian machine, which is not read")
        count = header.number(1)
        if not 0 < count < 100_000:
            raise Damaged(f"{count} shards")
        shards = [Path(f"{prefix}.data-{number:05d}-of-{count:05d}") for number in range(count)]
        tensors = {
            info.name: info
            for name in pairs
            if name[0] != 0  # else a part of a partitioned tensor
            for info in [tensor_info(name, pairs, count)]
        }
    except (Damaged, UnicodeDecodeError) as error:
        raise CheckpointError(
            f"{index}: damaged ({error}); copy or download the checkpoint again"
        ) from error
    return Bundle(prefix, shards, tensors)


def find_checkpoint(path: str | Path) -> str:
    """The prefix that a user means by a prefix, one of a checkpoint's files, or a folder.

    In a folder: the one that the ``checkpoint`` state file names, wherever it was written,
    if it is complete here; else the complete one of the highest step. Raises CheckpointError.
    """
    path = Path(path)
    if path.name == "checkpoint" and path.is_file():
        path = path.parent
    if path.is_dir() and not Path(f"{path}.index").is_file():
        return _newest(path)
    prefix = _SUFFIX.sub("", str(path))
    if not Path(f"{prefix}.index").is_file():
        raise _missing(prefix)
    return prefix


def complete_checkpoints(folder: str | Path) -> list[tuple[int, str]]:
    """(step, prefix) of the complete checkpoints called ``<anything>-<step>``, oldest first."""
    return _numbered(_scan(Path(folder))[0])


def incomplete_checkpoints(folder: str | Path) -> dict[str, str]:
    """Prefix -> reason of the checkpoints that ``complete_checkpoints`` leaves out."""
    return _scan(Path(folder))[1]


def _missing(prefix: str) -> CheckpointError:
    """Why there is no ``prefix.index``: a V1 file, another file, an orphan, or nothing."""
    path = Path(prefix)
    alone = [path, *_siblings(path, re.compile(r"-\d{5}-of-\d{5}"))]
    for file in alone:
        if file.is_file():
            _, first = next(read_table(file), (b"", b""))  # another kind of file raises here
            return _version_1(file) if Message(first).is_bytes(1) else _no_index(prefix)
    if _siblings(path, _SUFFIX):
        return _no_index(prefix)
    there = [_SUFFIX.sub("", file.name) for file in path.parent.glob("*.index")]
    near = suggest_names(path.name, there) or suggest_paths(path)
    return CheckpointError(f"{prefix}: no such checkpoint or weight file{near}")


def _siblings(path: Path, suffix: re.Pattern[str]) -> list[Path]:
    """The files beside a prefix whose names are its name and the suffix."""
    if not path.parent.is_dir():
        return []
    pattern = re.compile(re.escape(path.name) + suffix.pattern.removesuffix("$"))
    return sorted(file for file in path.parent.iterdir() if pattern.fullmatch(file.name))


def _no_index(prefix: str) -> CheckpointError:
    return CheckpointError(f"{prefix}: its .index is missing; copy it beside the other files")


def _version_1(path: Path) -> CheckpointError:
    return CheckpointError(
        f"{path}: a V1 checkpoint (Saver V1, no .index) where a V2 one is needed: open_weights, "
        "--checkpoint and --warm-start read it"
    )


def _scan(folder: Path) -> tuple[list[str], dict[str, str]]:
    """Prefixes of the complete checkpoints of a folder, and prefix -> reason of the others."""
    if not folder.exists():
        return [], {}
    try:
        files = sorted(file for file in folder.iterdir() if _SUFFIX.search(file.name))
    except OSError as error:
        raise CheckpointError(f"{folder}: cannot be listed ({error.strerror})") from error
    good, bad = [], {}
    for prefix in dict.fromkeys(
        _SUFFIX.sub("", str(file)) for file in files if file.suffix != ".meta"
    ):
        try:
            read_bundle(prefix).check_complete()
            good.append(prefix)
        except CheckpointError as error:
            bad[prefix] = str(error)
    return good, bad


def _newest(folder: Path) -> str:
    for prefix in _stated(folder):
        try:
            read_bundle(prefix).check_complete()
            return prefix
        except CheckpointError:  # the folder's other checkpoints may be whole
            continue
    good, bad = _scan(folder)
    numbered = _numbered(good)
    if numbered:
        return numbered[-1][1]
    if len(good) == 1:
        return good[0]
    if good:
        names = ", ".join(Path(prefix).name for prefix in good)
        raise CheckpointError(
            f"{folder}: holds {len(good)} checkpoints without step numbers; name one of {names}"
        )
    if bad:
        reasons = "; ".join(list(bad.values())[:2])
        more = f" (and {len(bad) - 2} more)" if len(bad) > 2 else ""
        raise CheckpointError(f"{folder}: no complete checkpoint: {reasons}{more}")
    for prefix in _stated(folder):
        if Path(prefix).is_file():  # a V1 checkpoint
            raise _missing(prefix)
    below = sorted({file.parent.name for file in folder.glob("*/*.index")})[:5]
    hint = f"; there are some in {', '.join(below)}" if below else ""
    raise CheckpointError(f"{folder}: no checkpoint in this folder (no .index file){hint}")


def _numbered(prefixes: list[str]) -> list[tuple[int, str]]:
    """(step, prefix) of those called ``<anything>-<step>``, oldest first."""
    return sorted((int(step[1]), prefix) for prefix in prefixes if (step := _STEP.search(prefix)))


def _stated(folder: Path) -> list[str]:
    """Where the checkpoint may be that the state file ``checkpoint`` calls the newest."""
    try:
        state = (folder / "checkpoint").read_text(encoding="utf-8")
        found = re.search(r"""^\s*model_checkpoint_path:\s*(["'])(.*)\1\s*$""", state, re.M)
        if not found:
            return []
        name = found[2].encode().decode("unicode_escape").encode("latin-1").decode("utf-8")
    except (OSError, UnicodeError):
        return []
    base = folder / re.split(r"[\\/]", name)[-1]  # the folder may have been moved or copied
    stated = folder / name
    return [str(base), str(stated)] if Path(name).is_absolute() else [str(stated), str(base)]
