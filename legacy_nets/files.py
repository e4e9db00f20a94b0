"""Writes files atomically, and suggests names for files that do not exist."""

from __future__ import annotations

import contextlib
import os
import pathlib
import time
from collections.abc import Iterable, Iterator
from typing import Literal, NamedTuple

from legacy_nets.errors import suggest_names
from legacy_nets.sigterm import clean_up


@contextlib.contextmanager
def replace_on_success(path: str | pathlib.Path) -> Iterator[pathlib.Path]:
    """Yields a temporary path in the same folder; renames it to ``path`` if the block succeeds.

    After a crash or an error, an older file of that name is unchanged. A device or a pipe is
    written itself: a file would take its place.
    """
    path = pathlib.Path(path)
    if is_special(path):
        yield path
        return
    unfinished = path.with_name(f".{os.getpid()}.{path.name}")  # keeps the suffix
    with clean_up(lambda: unfinished.unlink(missing_ok=True)):
        yield unfinished
        os.replace(unfinished, path)


def is_special(path: pathlib.Path) -> bool:
    """Whether a path is a device, a pipe, or a stream of a process as /dev/stdout."""
    is_stream = path.is_symlink() and path.absolute().parts[1:2] in (("dev",), ("proc",))
    return is_stream or (path.exists() and not path.is_file() and not path.is_dir())


class Stamp(NamedTuple):
    """What shows that a file has changed."""

    path: str
    size: int  # bytes
    modified: int  # nanoseconds


def stamp_files(paths: Iterable[pathlib.Path]) -> tuple[Stamp, ...]:
    """Stamps those of some files that exist."""
    stamps = []
    for path in paths:
        with contextlib.suppress(OSError):
            status = path.stat()
            stamps.append(Stamp(str(path), status.st_size, status.st_mtime_ns))
    return tuple(stamps)


# Seconds: the child of a process that was just killed has its locks until it begins its program.
_GRACE = 0.5
LockState = Literal["taken", "held", "impossible"]  # "held": by another process, or elsewhere here


@contextlib.contextmanager
def lock(path: str | pathlib.Path, wait: bool = False) -> Iterator[LockState]:
    """Locks a file or folder that exists until the block ends; yields what became of that.

    The system ends the lock with the process, however that ends. Without ``wait``, what another
    process has locked is "held". Windows and some network file systems have no such locks.
    """
    try:
        import fcntl

        descriptor = os.open(path, os.O_RDONLY)
    except (ImportError, OSError):
        yield "impossible"
        return
    try:
        state: LockState
        end = time.monotonic() + _GRACE
        while True:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
                state = "taken"
            except BlockingIOError:
                state = "held"
            except OSError:
                state = "impossible"
            if state != "held" or time.monotonic() > end:
                break
            time.sleep(0.02)
        yield state
    finally:
        os.close(descriptor)


def suggest_paths(path: str | pathlib.Path) -> str:
    """Formats the end of an error about a missing file or folder: similar names, what to do."""
    path = pathlib.Path(path)
    try:
        names = sorted(item.name for item in path.parent.iterdir())
    except OSError:
        return f"; {path.parent} is not a readable folder: check the path"
    return suggest_names(path.name, names) or ": check the path"


_WEB_PAGE = "an HTML or XML page, not the file itself: download it again"
_PICTURE = "a picture, neither weights nor a graph: legacy-nets predict reads pictures"
_IDX = "a data set in MNIST's idx format: legacy-nets train reads its folder"
_OTHER_FORMATS = (  # first bytes, what they mean
    (b"version https://git-lfs", "a git-LFS pointer, not the file itself: run git lfs pull"),
    # No "<" alone: a .pb may begin with it.
    *((mark, _WEB_PAGE) for mark in (b"<!", b"<?", b"<h", b"<H", b"<E")),
    (b"\x1f\x8b", "a gzip archive: unpack it first"),
    (b"BZh", "a bzip2 archive: unpack it first"),
    (b"\xfd7zXZ", "an xz archive: unpack it first"),
    (
        b"node {",
        "a graph in text (.pbtxt): with that ending, legacy-nets describe and port read it",
    ),
    (b"7z\xbc\xaf", "a 7-Zip archive: unpack it first"),
    (b"Rar!", "a RAR archive: unpack it first"),
    (
        b"model_checkpoint_path:",
        "a state file that names checkpoints: name its folder, or a checkpoint",
    ),
    *((mark, _PICTURE) for mark in (b"\xff\xd8\xff", b"\x89PNG", b"GIF8")),
    (b"%PDF", "a PDF document: name a weight file"),
    (b"\0\0\x08\x01", _IDX),
    (b"\0\0\x08\x03", _IDX),
)
TFLITE = b"TFL3"  # from byte 4 on


def explain_other_format(first_bytes: bytes) -> str:
    """Explains what a file is that holds neither weights nor a graph; "" where it is not known.

    ``first_bytes``: its first 64 bytes are enough.
    """
    if not first_bytes:
        return "the file is empty; copy or download the checkpoint again"
    if first_bytes[4:8] == TFLITE:
        return "this is a TensorFlow Lite model: give the checkpoint or graph that it was made from"
    if is_tfrecord(first_bytes):
        return "this is a TFRecord, a data set: name a weight file"
    text = first_bytes.lstrip()
    return next(
        (f"this is {meaning}" for mark, meaning in _OTHER_FORMATS if text.startswith(mark)), ""
    )


def is_tfrecord(first_bytes: bytes) -> bool:
    """Whether the first 12 bytes are a length and its masked checksum."""
    if len(first_bytes) < 12:
        return False
    from legacy_nets.crc32c import compute_crc32c, mask_crc  # imports NumPy: not at start-up

    checksum = mask_crc(compute_crc32c(first_bytes[:8]))
    return checksum == int.from_bytes(first_bytes[8:12], "little")
