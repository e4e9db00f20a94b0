"""Finds the models below a folder by names and first bytes. No file is parsed here.

A checkpoint of several files is one model: the index, shards and .meta of a prefix, a SavedModel's
folder. What looks like a model and is a data set is told apart later, when the file is opened in a
process of its own (``unit``).
"""

from __future__ import annotations

import os
import stat
from collections import defaultdict, deque
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from legacy_nets.checkpoints.formats.sstable import TABLE_MAGIC
from legacy_nets.checkpoints.open import CHECKPOINT_FILE, ENDINGS, read_tail, strip_part
from legacy_nets.port.jobs import SAVED_MODEL

_ZIP, _PICKLE, _HDF5, _NPY = b"PK\3\4", b"\x80", b"\x89HDF\r\n\x1a\n", b"\x93NUMPY"
_META = (b"\x0a", b"meta_info_def")  # how a MetaGraphDef begins, binary and text
_MODEL_ENDINGS = {*ENDINGS, ".ckpt", ".pbtxt", ".onnx", ".tflite"}
_PARTS = ("variables", "assets", "assets.extra")  # folders of a SavedModel
_PART_FILES = ("tfhub_module.pb", "fingerprint.pb", "keras_metadata.pb")
_VARIABLES = (b"VariableV2", b"VarHandleOp", b'"Variable"')  # operations that need a checkpoint
_HEAD = 256  # bytes; they hold the dtype in the header of a .npy


class Model(NamedTuple):
    """A model below a folder."""

    name: str  # path of its folder or main file below the folder, with "/"
    location: str  # what ``port`` takes
    files: tuple[Path, ...]  # what it consists of


class Contents(NamedTuple):
    """What is below a folder."""

    models: tuple[Model, ...]  # sorted by name
    unreadable: tuple[tuple[str, str], ...]  # (path below the folder, reason)
    others: int  # files that are no part of a model


def find_models(folder: Path, without: Path | None = None) -> Contents:
    """Finds the models below a folder, except below ``without``.

    Links are followed, each folder is visited once. Files and folders that cannot be read are
    listed; pipes and devices are not opened.
    """
    models: list[Model] = []
    unreadable: list[tuple[str, str]] = []
    others = 0
    for directory, names, error in _walk(folder, without):
        if error:
            unreadable.append((_name_below(directory, folder), error))
            continue
        found, others_here, errors = _find_in_directory(directory, names)
        models += [
            Model(_name_below(Path(location), folder), location, files) for location, files in found
        ]
        unreadable += [(_name_below(path, folder), reason) for path, reason in errors]
        others += others_here
    return Contents(tuple(sorted(models)), tuple(sorted(unreadable)), others)


def _name_below(path: Path, folder: Path) -> str:
    return path.relative_to(folder).as_posix()


def _walk(folder: Path, without: Path | None) -> Iterator[tuple[Path, list[str], str]]:
    """Yields (folder, names of its files, "" or why it cannot be read), each folder once.

    Links to folders come last: a folder has its own path where it has one below ``folder``.
    """
    waiting = deque([folder])
    links: deque[Path] = deque()
    visited = {_identify(without)} if without is not None and without.is_dir() else set()
    while waiting or links:
        directory = waiting.popleft() if waiting else links.popleft()
        try:
            identity = _identify(directory)
            if identity in visited:
                continue
            visited.add(identity)
            with os.scandir(directory) as scan:
                entries = sorted(scan, key=lambda entry: entry.name)
        except OSError as error:
            yield directory, [], f"cannot be read ({error.strerror})"
            continue
        folders = {entry.name for entry in entries if os.path.isdir(entry)}  # no errors
        files = [entry.name for entry in entries if entry.name not in folders]
        for entry in entries:
            if entry.name in folders and not (SAVED_MODEL in files and entry.name in _PARTS):
                (links if entry.is_symlink() else waiting).append(directory / entry.name)
        yield directory, files, ""


def _identify(path: Path) -> tuple[int, int]:
    status = path.stat()
    return status.st_dev, status.st_ino


class _File(NamedTuple):
    """The first and the last bytes of a file."""

    path: Path
    head: bytes
    tail: bytes

    @property
    def is_checkpoint_part(self) -> bool:
        """Whether name and bytes are those of a TensorFlow checkpoint's part."""
        match = CHECKPOINT_FILE.search(self.path.name)
        if match and match[1] == "meta":
            return self.head.startswith(_META)
        return (match is not None and match[1] != "index") or self.tail == TABLE_MAGIC

    @property
    def is_model(self) -> bool:
        """Whether name and bytes are those of another model, or its name alone promises one."""
        ending = self.path.suffix
        if ending == ".pbtxt":  # of labels and pipelines, too
            return self.head.lstrip().startswith(b"node")
        if ending == ".npy" and self.head.startswith(_NPY):
            return b"|O" in self.head  # a pickled dictionary; other arrays have no names
        if ending == ".bin":  # of anything
            return self.head.startswith((_ZIP, _PICKLE))
        return ending in _MODEL_ENDINGS or self.head.startswith(_HDF5)


class _Found(NamedTuple):
    models: list[tuple[str, tuple[Path, ...]]]  # (what port takes, its files)
    others: int
    unreadable: list[tuple[Path, str]]


def _find_in_directory(directory: Path, names: list[str]) -> _Found:
    """Finds the models among the files of one folder."""
    models: list[tuple[str, tuple[Path, ...]]] = []
    if SAVED_MODEL in names:
        models.append((str(directory), _list_saved_model(directory)))
        names = [name for name in names if name not in (SAVED_MODEL, *_PART_FILES)]
    files: list[_File] = []
    unreadable: list[tuple[Path, str]] = []
    for name in names:
        try:
            files += _open(directory / name)
        except OSError as error:
            if _may_be_model(name):
                unreadable.append((directory / name, f"cannot be read ({error.strerror})"))
    groups: dict[str, list[_File]] = defaultdict(list)  # prefix -> files of a checkpoint
    for file in files:
        groups[strip_part(file.path.name)].append(file)
    for prefix, group in groups.items():
        if any(file.is_checkpoint_part for file in group):
            paths = tuple(file.path for file in group)
            main = [directory / f"{prefix}{ending}" for ending in (".meta", ".index", "")]
            models.append((str(next((path for path in main if path in paths), paths[0])), paths))
    taken = {path for _, paths in models for path in paths}
    has_checkpoint = bool(taken)
    for file in files:
        if file.path not in taken and file.is_model:
            # Next to a checkpoint, a graph that needs weights is no model of its own.
            if not (has_checkpoint and _has_variables(file.path)):
                models.append((str(file.path), (file.path,)))
    taken.update(path for _, paths in models for path in paths)
    others = sum(directory / name not in taken for name in names) - len(unreadable)
    return _Found(models, others, unreadable)


def _list_saved_model(folder: Path) -> tuple[Path, ...]:
    return (folder / SAVED_MODEL, *sorted((folder / "variables").glob("*")))


def _open(path: Path) -> list[_File]:
    """Reads both ends of a regular file; [] for a pipe or a device. Raises OSError."""
    if not stat.S_ISREG(path.stat().st_mode):
        return []
    with open(path, "rb") as file:
        head = file.read(_HEAD)
    return [_File(path, head, read_tail(path))]


def _may_be_model(name: str) -> bool:
    path = Path(name)
    is_part = CHECKPOINT_FILE.search(name) is not None
    return is_part or not path.suffix or path.suffix in _MODEL_ENDINGS


def _has_variables(path: Path) -> bool:
    """Whether a graph has variables, which a checkpoint restores."""
    if path.suffix not in (".pb", ".pbtxt"):
        return False
    content = path.read_bytes()
    return any(op_type in content for op_type in _VARIABLES)
