"""Finds what is to be scored, and cuts it into shards: the units of work.

A TFRecord file is a shard. Pictures become shards of a number of files each, in order.
"""

from __future__ import annotations

import dataclasses
import glob
import hashlib
import itertools
import os
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from legacy_nets.data.image_files import SUFFIXES, list_images
from legacy_nets.data.records.load import is_records
from legacy_nets.data.records.tfrecord import starts_with_record
from legacy_nets.errors import BadInputError, list_first
from legacy_nets.files import suggest_paths

STDIN = "-"
LIST_SUFFIX = ".txt"
_PATTERN_MARKS = "*?["


@dataclasses.dataclass(frozen=True)
class Shard:
    """One unit of work: a TFRecord file, or some pictures."""

    name: str  # of its output, below the destination, without the format's ending
    files: tuple[Path, ...]
    is_records: bool

    def measure(self) -> Size:
        """Measures the files; a missing one counts as empty."""
        count, digest = 0, hashlib.sha256()
        for file in self.files:
            try:
                status = file.stat()
                size, modified = status.st_size, status.st_mtime_ns
            except OSError:
                size, modified = 0, 0
            count += size
            digest.update(f"{os.fspath(file)}\0{size}\0{modified}\0".encode("utf-8", "replace"))
        return Size(count, digest.hexdigest()[:32])


@dataclasses.dataclass(frozen=True)
class Size:
    """How large a shard's input is, and a digest that shows whether it has changed."""

    bytes: int
    digest: str


@dataclasses.dataclass(frozen=True)
class Inputs:
    """What was found. ``others``: files of folders and patterns that are neither."""

    shards: tuple[Shard, ...]
    others: tuple[Path, ...]


def find_shards(given: Sequence[str], pictures: int, stdin: Iterable[str] = ()) -> Inputs:
    """Finds the shards of TFRecord files, pictures, folders, patterns and lists of paths.

    Args:
      given: paths; patterns; .txt files with a path a line; "-", whose paths are ``stdin``.
      pictures: files of one shard, at most.
      stdin: lines.

    Raises BadInputError: one gives nothing, or two shards would have the same output.
    """
    shards: list[Shard] = []
    others: list[Path] = []
    for text in given:
        found = _find(text, stdin)
        if not (found.records or found.pictures):
            what = f" ({len(found.others)} other files)" if found.others else ""
            source = "standard input" if text == STDIN else text
            raise BadInputError(
                f"--input {source}: neither TFRecords nor pictures{what}: give files, a folder, a "
                "pattern in quotes or a .txt file of paths"
            )
        shards += [Shard(_name_below(path, found.root), (path,), True) for path in found.records]
        starts = range(0, len(found.pictures), pictures)
        shards += [
            Shard(
                f"{found.name}-{number:05}", tuple(found.pictures[start : start + pictures]), False
            )
            for number, start in enumerate(starts)
        ]
        others += found.others
    _refuse_clashes(shards)
    return Inputs(tuple(shards), tuple(others))


@dataclasses.dataclass
class _Found:
    """What one --input gives. Outputs of records have names below ``root``."""

    name: str  # of the shards of pictures
    root: Path
    records: list[Path] = dataclasses.field(default_factory=list)
    pictures: list[Path] = dataclasses.field(default_factory=list)
    others: list[Path] = dataclasses.field(default_factory=list)

    def sort_in(self, path: Path) -> None:
        """Sorts in a file, or the files of a folder."""
        if path.is_dir():
            for inner in _list_folder(path):
                self.sort_in(inner)
        elif path.suffix.lower() in SUFFIXES:
            self.pictures.append(path)
        elif is_records(path) or starts_with_record(path):
            self.records.append(path)
        else:
            self.others.append(path)


def _find(text: str, stdin: Iterable[str]) -> _Found:
    """Finds what one --input gives."""
    path = Path(text)
    if text == STDIN:
        return _find_listed("stdin", stdin)
    if path.is_dir():
        found = _Found(path.resolve().name or "pictures", path)
        found.sort_in(path)
        return found
    if path.exists():
        if path.suffix == LIST_SUFFIX and not starts_with_record(path):
            with open(path, encoding="utf-8", errors="surrogateescape") as lines:
                return _find_listed(path.stem, lines)
        found = _Found(path.stem, path.parent)
        found.sort_in(path)
        return found
    if any(mark in text for mark in _PATTERN_MARKS):
        fixed = itertools.takewhile(
            lambda part: not any(mark in part for mark in _PATTERN_MARKS), path.parts
        )
        root = Path(*fixed)
        found = _Found(root.resolve().name or "pictures", root)
        for name in sorted(glob.glob(text, recursive=True)):
            found.sort_in(Path(name))
        return found
    raise BadInputError(f"--input {text}: no such file or folder{suggest_paths(path)}")


def _find_listed(name: str, lines: Iterable[str]) -> _Found:
    """Finds the files that lines name: TFRecords by their names, all others are pictures."""
    paths = [Path(line.rstrip("\r\n")) for line in lines if line.strip()]
    records = [path for path in paths if is_records(path) and path.is_file()]
    folders = [os.path.abspath(path.parent) for path in records]
    root = Path(os.path.commonpath(folders)) if folders else Path()
    known = set(records)
    return _Found(name, root, records, [path for path in paths if path not in known])


def _list_folder(folder: Path) -> Iterator[Path]:
    """Lists the TFRecords of a folder that has some, else its pictures, with sub-folders."""
    if is_records(folder):
        return (path for path in sorted(folder.iterdir()) if path.is_file())
    return iter(list_images(folder))


def _name_below(path: Path, root: Path) -> str:
    """Names a file by its path from a folder; ".." is left out, so that no output is elsewhere."""
    parts = Path(os.path.relpath(path, root)).parts
    return "/".join(part for part in parts if part != os.pardir)


def _refuse_clashes(shards: Sequence[Shard]) -> None:
    """Raises BadInputError where two shards would have the same output."""
    by_name: dict[str, Shard] = {}
    for shard in shards:
        other = by_name.setdefault(shard.name, shard)
        if other is not shard:
            paths = [str(one.files[0]) for one in (other, shard)]
            raise BadInputError(
                f"--input gives two shards the output {shard.name} ({list_first(paths)}): score "
                "them into two folders"
            )
