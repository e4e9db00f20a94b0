"""A staging directory next to the destination, and publishing what was verified.

Whatever stops a port before ``publish`` leaves an older file, folder or checkpoint as it was.
"""

from __future__ import annotations

import contextlib
import glob
import os
import shutil
from collections.abc import Iterable, Iterator
from pathlib import Path

from legacy_nets.errors import BadInputError
from legacy_nets.files import lock
from legacy_nets.sigterm import clean_up

_SAVED_MODEL_FILES = {"saved_model.pb", "variables", "assets", "assets.extra", "fingerprint.pb"}


@contextlib.contextmanager
def open_staging(out: Path) -> Iterator[Path]:
    """Yields an empty folder on the destination's file system, and deletes it afterwards.

    Raises BadInputError where the destination's folder does not exist.
    """
    if not out.name or not out.parent.is_dir():
        raise BadInputError(f"--out {out}: {out.parent} is no folder; make it first")
    for leftover in out.parent.glob(f".*.{glob.escape(out.name)}.port"):
        with lock(leftover) as state:  # a killed process no longer holds its lock
            if state == "taken":
                _discard(leftover, out)
    folder = out.parent / f".{os.getpid()}.{out.name}.port"
    _discard(folder, out)  # of an earlier process with this id, where there are no locks
    with clean_up(lambda: _discard(folder, out)):
        while True:
            _make(folder, out)
            with lock(folder, wait=True):
                if folder.is_dir():  # else another port deleted it before it was locked
                    yield folder
                    break


def check_destination(out: Path, is_folder: bool, sources: Iterable[str | Path]) -> None:
    """Raises BadInputError for a destination that cannot be replaced safely.

    Args:
      out: the destination.
      is_folder: whether a folder is written, not a file.
      sources: the files that are ported.

    A destination may not be a checkpoint (its files cannot all be replaced at once), a device or
    a pipe, or a file where a folder is written and the reverse. A folder must be empty or a
    SavedModel, and must not contain the sources.
    """
    if Path(f"{out}.index").exists():
        raise BadInputError(f"--out {out} is a checkpoint already: name another, or remove it")
    if out.exists() and out.is_dir() != is_folder:
        present, wanted = ("file", "folder") if is_folder else ("folder", "file")
        raise BadInputError(f"--out {out} is a {present}, a {wanted} is written: name another")
    if out.exists() and not (out.is_dir() or out.is_file()):
        raise BadInputError(f"--out {out} is neither a file nor a folder: name another")
    if out.is_dir():
        names = {path.name for path in out.iterdir()}
        if names and not ("saved_model.pb" in names and names <= _SAVED_MODEL_FILES):
            first = min(names - _SAVED_MODEL_FILES or names)
            raise BadInputError(
                f"--out {out} holds other things than a SavedModel ({first}), which replacing it "
                "would delete: name a new folder"
            )
        if any(Path(source).resolve().is_relative_to(out.resolve()) for source in sources):
            raise BadInputError(f"--out {out} holds what is ported: name another folder")


def check_companion(out: Path, ending: str, companion: str) -> None:
    """Raises BadInputError for a target of two files that cannot be written safely.

    Args:
      out: the destination of the first.
      ending: that readers find the first by.
      companion: the ending of the second. A file of that name is replaced with the first alone.
    """
    if out.suffix != ending:
        raise BadInputError(f"--out {out}: end its name in {ending}, by which it is read")
    check_second_file(out, out.with_suffix(companion))


def check_second_file(out: Path, second: Path) -> None:
    """Raises BadInputError where a second file would replace somebody's: it is there alone."""
    if second.exists() and not out.exists():
        raise BadInputError(
            f"--out {out}: {second} is there without it and would be replaced: name another, or "
            f"remove {second.name}"
        )


def publish(folder: Path, out: Path) -> None:
    """Moves the contents of a staging directory next to ``out``.

    These are one file, one folder, a file and the code that loads it, a graph and its weights, or
    the files of a checkpoint. The code comes first, the index and the graph last: with them the
    target is complete.
    """
    order = {".py": 0, ".index": 2, ".xml": 2, ".onnx": 2}
    for path in sorted(folder.iterdir(), key=lambda path: order.get(path.suffix, 1)):
        destination = out.parent / path.name
        if path.is_dir() and destination.exists():
            _replace_folder(path, destination)
        else:
            os.replace(path, destination)


def _replace_folder(new: Path, destination: Path) -> None:
    """Renames a folder into the place of another; the old one comes back where that fails.

    The old folder waits in the staging directory and is deleted with it.
    """
    backup = _backup_path(new.parent, destination)
    os.rename(destination, backup)
    try:
        os.rename(new, destination)
    except BaseException:
        os.rename(backup, destination)
        raise


def _backup_path(folder: Path, destination: Path) -> Path:
    return folder / f"{destination.name}.old"


def _discard(folder: Path, out: Path) -> None:
    """Deletes a staging directory, if there is one.

    A process that was killed between the two renames of ``_replace_folder`` left the old folder
    in it: that one is restored first.
    """
    backup = _backup_path(folder, out)
    if backup.is_dir() and not out.exists():
        os.rename(backup, out)
    shutil.rmtree(folder, ignore_errors=True)


def _make(folder: Path, out: Path) -> None:
    try:
        folder.mkdir()
    except OSError as error:
        raise BadInputError(f"--out {out} cannot be written ({error.strerror})") from None
