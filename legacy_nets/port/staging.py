"""A folder to work in beside the target, and moving what was verified into place.

Whatever stops a port before ``move`` leaves an older file, folder or checkpoint as it was.
"""

from __future__ import annotations

import contextlib
import ctypes
import glob
import os
import shutil
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

from legacy_nets.errors import BadInputError

_HERE, _EXCHANGE = -100, 2  # AT_FDCWD and RENAME_EXCHANGE of <linux/fs.h>


@contextlib.contextmanager
def workshop(out: Path) -> Iterator[Path]:
    """Yields an empty folder on the target's file system; it is gone afterwards.

    Raises BadInputError where the target's own folder is not there.
    """
    if not out.name or not out.parent.is_dir():
        raise BadInputError(f"--out {out}: {out.parent} is no folder; make it first")
    for left in out.parent.glob(f".*.{glob.escape(out.name)}.port"):
        with _locked(left) as free:  # a killed process no longer holds its own
            if free:
                shutil.rmtree(left, ignore_errors=True)
    folder = out.parent / f".{os.getpid()}.{out.name}.port"
    shutil.rmtree(folder, ignore_errors=True)  # of one that had our number, where nothing locks
    try:
        while True:
            _make(folder, out)
            with _locked(folder, wait=True):
                if folder.is_dir():  # else another port found it before it was locked
                    yield folder
                    break
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _make(folder: Path, out: Path) -> None:
    try:
        folder.mkdir()
    except OSError as error:
        raise BadInputError(f"--out {out} cannot be written ({error.strerror})") from None


@contextlib.contextmanager
def _locked(folder: Path, wait: bool = False) -> Iterator[bool]:
    """Holds the lock of a folder, which goes when its process ends; False: another holds it.

    False, too, where there are no such locks (Windows, some network file systems). ``wait``: until
    another holds it no more.
    """
    try:
        import fcntl

        opened = os.open(folder, os.O_RDONLY)
    except (ImportError, OSError):
        yield False
        return
    try:
        try:
            fcntl.flock(opened, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
            free = True
        except OSError:
            free = False
        yield free
    finally:
        os.close(opened)


_SERVED = {"saved_model.pb", "variables", "assets", "assets.extra", "fingerprint.pb"}


def check_room(out: Path, folder: bool, sources: Iterable[str | Path]) -> None:
    """Raises BadInputError where a file is to take the place of a folder, or the reverse.

    Or where a checkpoint is there: its files cannot all be replaced at one stroke. Or a folder that
    is neither empty nor a SavedModel, or that has what is ported (``sources``) in it: replacing it
    would delete what nobody meant. Or a device, a pipe.
    """
    if Path(f"{out}.index").exists():
        raise BadInputError(f"--out {out} is a checkpoint already: name another, or remove it")
    if out.exists() and out.is_dir() != folder:
        there, wanted = ("file", "folder") if folder else ("folder", "file")
        raise BadInputError(f"--out {out} is a {there}, a {wanted} is written: name another")
    if out.exists() and not (out.is_dir() or out.is_file()):
        raise BadInputError(f"--out {out} is neither a file nor a folder: name another")
    if out.is_dir():
        there_now = {path.name for path in out.iterdir()}
        if there_now and not ("saved_model.pb" in there_now and there_now <= _SERVED):
            first = min(there_now - _SERVED or there_now)
            raise BadInputError(
                f"--out {out} holds other things than a SavedModel ({first}), which replacing it "
                "would delete: name a new folder"
            )
        if any(Path(source).resolve().is_relative_to(out.resolve()) for source in sources):
            raise BadInputError(f"--out {out} holds what is ported: name another folder")


def move(folder: Path, out: Path) -> None:
    """Moves what lies in a workshop to the place of ``out``.

    One file, one folder, a file and the code that opens it, or the files of a checkpoint: of those
    the code comes first and the index last, so that whatever has an index is whole.
    """
    order = {".py": 0, ".index": 2}
    for path in sorted(folder.iterdir(), key=lambda path: order.get(path.suffix, 1)):
        place = out.parent / path.name
        if not (path.is_dir() and place.exists() and _exchanged(path, place)):
            os.replace(path, place)


def _exchanged(made: Path, place: Path) -> bool:
    """Makes two folders change places; the old one is deleted with the workshop.

    Linux does so at one stroke (renameat2); elsewhere the old one is put aside, and False given.
    """
    swap = getattr(ctypes.CDLL(None), "renameat2", None) if sys.platform == "linux" else None
    if swap and swap(_HERE, os.fsencode(made), _HERE, os.fsencode(place), _EXCHANGE) == 0:
        return True
    os.replace(place, made.with_name(f"{made.name}.old"))
    return False
