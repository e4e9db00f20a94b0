"""The image files of a folder: lists them, checks that they can be read, loads them."""

from __future__ import annotations

import collections
import concurrent.futures
import dataclasses
import os
import pathlib
from collections.abc import Callable, Collection, Iterator, Sequence

from legacy_nets.data.class_folders import LEFTOVER
from legacy_nets.data.preprocessing import (
    IMAGE_FORMATS,
    open_image,
    read_picture,
    resize_picture,
)
from legacy_nets.errors import BadInputError
from legacy_nets.progress import show_progress
from legacy_nets.types import Array, Shape

SUFFIXES = tuple(suffix for suffixes in IMAGE_FORMATS.values() for suffix in suffixes)
OTHER_SUFFIXES = (  # of pictures that Pillow does not read by itself
    *(".heic", ".heif", ".jxl", ".svg"),
    *(".arw", ".cr2", ".cr3", ".dng", ".nef", ".orf", ".raf", ".rw2"),  # raw photos of cameras
)
THREADS = 4  # that check files
MAX_SHOWN = 5  # unreadable files that a message names; the others are counted
COLOUR_MODES = {  # Pillow's mode -> what a user calls it
    "1": "black-and-white",
    "L": "grey",
    "LA": "grey",
    "P": "palette",
    "PA": "palette",
    "RGBA": "RGBA",
    "RGBX": "RGBA",
    "CMYK": "CMYK",
}
GREY_MODES = {"grey", "black-and-white"}


def list_images(folder: pathlib.Path) -> list[pathlib.Path]:
    """Lists the images in a folder and its sub-folders, by name, without hidden files.

    Links to folders are followed, except those that lead to a folder around them.
    """
    return sorted(_find_files(folder, SUFFIXES))


def describe_unread(folder: pathlib.Path) -> tuple[str, ...]:
    """Describes the pictures in a folder whose formats are not read; () where there are none."""
    unread = list(_find_files(folder, OTHER_SUFFIXES))
    if not unread:
        return ()
    return (f"{_count_images(len(unread))} not read, {min(unread)} first: save as JPEG or PNG",)


def _find_files(
    folder: pathlib.Path,
    suffixes: Sequence[str],
    around: Collection[pathlib.Path] = frozenset(),
) -> Iterator[pathlib.Path]:
    """Finds the files of some suffixes in a folder and its sub-folders, in any order.

    ``around``: the folders that lead here, resolved. A sub-folder that may not be read is passed
    over. Raises BadInputError where the first folder may not.
    """
    is_first = not around
    resolved = folder.resolve()
    if resolved in around:
        return
    around = {*around, resolved, *resolved.parents}
    try:
        entries = list(os.scandir(folder))
    except PermissionError as error:
        if is_first:
            raise BadInputError(
                f"{folder} cannot be read ({error.strerror}): change its permissions"
            ) from None
        return
    for entry in entries:
        path = pathlib.Path(entry.path)
        if path.name[0] == "." or path.name == LEFTOVER:
            continue
        if entry.is_dir(follow_symlinks=False) or (entry.is_symlink() and os.path.isdir(path)):
            yield from _find_files(path, suffixes, around)
        elif path.suffix.lower() in suffixes and os.path.isfile(path):
            yield path


def detect_colour_mode(
    path: pathlib.Path, decode: bool = True, content: bytes | None = None
) -> str:
    """Tells what ``read_picture`` converts an image from; "" for 8-bit RGB.

    Decodes the image to its end; without ``decode``, reads the file's header only. ``content``:
    see ``open_image``. Raises BadInputError where the image cannot be read.
    """
    with open_image(path, content) as image:
        is_deep = image.mode.startswith(("I", "F")) or ";16" in str(image.tile)
        mode = "16-bit" if is_deep else COLOUR_MODES.get(image.mode, image.mode)
        if decode and image.format == "JPEG":  # reads the full file, at an eighth of the work
            image.draft(None, (max(image.width // 8, 1), max(image.height // 8, 1)))
        if decode:
            image.load()
    return "" if mode == "RGB" else mode


@dataclasses.dataclass(frozen=True)
class ImageCheck:
    """The result of ``check_images``."""

    readable: frozenset[pathlib.Path]
    notes: tuple[str, ...]  # which images are skipped or converted
    all_grey: bool


def check_images(
    paths: Sequence[pathlib.Path],
    strict: bool,
    detect: Callable[[pathlib.Path], str] = detect_colour_mode,
) -> ImageCheck:
    """Decodes every image by ``detect``. Grey images are not noted where all are grey.

    Raises BadInputError that names the unreadable images where ``strict``.
    """

    def check(path: pathlib.Path) -> str | None:
        try:
            return detect(path)
        except BadInputError:
            return None

    modes: dict[pathlib.Path, str | None] = {}
    with (
        concurrent.futures.ThreadPoolExecutor(THREADS) as pool,
        show_progress("images checked", len(paths)) as report,
    ):
        for path, mode in zip(paths, pool.map(check, paths), strict=True):
            modes[path] = mode
            report(1)
    notes = []
    unreadable = [path for path, mode in modes.items() if mode is None]
    if unreadable:
        notes.append(describe_skipped(unreadable, _count_images(len(unreadable)), strict))
    counts = collections.Counter(mode for mode in modes.values() if mode)
    all_grey = set(counts) <= GREY_MODES and counts.total() == len(modes) - len(unreadable)
    for mode, count in [] if all_grey else sorted(counts.items()):
        first = next(path for path in paths if modes[path] == mode)
        notes.append(f"{_count_images(count, mode)} converted to 8-bit RGB, {first} first")
    return ImageCheck(frozenset(paths) - frozenset(unreadable), tuple(notes), all_grey)


def describe_skipped(unreadable: Sequence[pathlib.Path], count: str, strict: bool) -> str:
    """Describes the files of a data set that are skipped. Raises BadInputError where ``strict``."""
    names = ", ".join(str(path) for path in unreadable[:MAX_SHOWN])
    more = f" and {len(unreadable) - MAX_SHOWN} more" if len(unreadable) > MAX_SHOWN else ""
    problem = f"{count} that cannot be read: {names}{more}"
    if strict:
        raise BadInputError(f"{problem} (save again or remove; without --strict they are skipped)")
    return f"skipped {problem}"


def _count_images(count: int, mode: str = "") -> str:
    return f"{count} {mode + ' ' if mode else ''}image{'' if count == 1 else 's'}"


def load_picture(path: pathlib.Path, preprocessing: str, size: Shape, channels: int) -> Array:
    """Loads an image file at a net's size: [height, width, channels], values from 0 to 255."""
    return resize_picture(read_picture(path), preprocessing, size, channels)
