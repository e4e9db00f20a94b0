"""Which files are images, whether they can be read, and what must be converted to RGB."""

from __future__ import annotations

import collections
import concurrent.futures
import pathlib
from collections.abc import Sequence

import numpy as np

from legacy_nets.data.preprocessing import frame_all, opened, read_picture
from legacy_nets.errors import BadInputError

ENDINGS = (".jpg", ".jpeg", ".png", ".bmp", ".gif", ".ppm", ".tif", ".tiff", ".webp")
READERS = 4  # threads that look at files
NAMED = 5  # broken files that are named; the others are counted
KINDS = {  # Pillow's modes, in a user's words
    "1": "black-and-white",
    "L": "grey",
    "LA": "grey",
    "P": "palette",
    "PA": "palette",
    "RGBA": "RGBA",
    "RGBX": "RGBA",
    "CMYK": "CMYK",
}
GREY = {"grey", "black-and-white"}


def image_paths(folder: pathlib.Path) -> list[pathlib.Path]:
    """The images below a folder, in order of their names; hidden files are left out."""
    return sorted(
        path
        for path in folder.rglob("*")
        if path.suffix.lower() in ENDINGS
        and not any(part.startswith(".") for part in path.relative_to(folder).parts)
        and path.is_file()
    )


def kind_of(path: pathlib.Path, decode: bool = True) -> str:
    """Decodes an image to the end; says what ``read_picture`` converts it from, "" of 8-bit RGB.

    Without ``decode`` it looks at the head of the file alone. Raises BadInputError where it
    cannot be read.
    """
    with opened(path) as image:
        deep = image.mode.startswith(("I", "F")) or ";16" in str(image.tile)
        kind = "16-bit" if deep else KINDS.get(image.mode, image.mode)
        if decode and image.format == "JPEG":  # all of it is read, at an eighth of the work
            image.draft(None, (image.width // 8, image.height // 8))
        if decode:
            image.load()
    return "" if kind == "RGB" else kind


def readable(paths: Sequence[pathlib.Path], strict: bool) -> tuple[list[bool], list[str], bool]:
    """Looks at every image: which can be read; lines that say what is skipped or converted; and
    whether all of them are grey (none is said to be converted then).

    Raises BadInputError that names the broken ones where ``strict``.
    """

    def look(path: pathlib.Path) -> str | BadInputError:
        try:
            return kind_of(path)
        except BadInputError as error:
            return error

    with concurrent.futures.ThreadPoolExecutor(READERS) as pool:
        found = list(pool.map(look, paths))
    notes = []
    broken = [path for path, kind in zip(paths, found, strict=True) if not isinstance(kind, str)]
    if broken:
        named = ", ".join(str(path) for path in broken[:NAMED])
        more = f" and {len(broken) - NAMED} more" if len(broken) > NAMED else ""
        what = f"{_images(len(broken))} that cannot be read: {named}{more}"
        if strict:
            raise BadInputError(f"{what} (save anew or remove; without --strict they are skipped)")
        notes.append(f"skipped {what}")
    kinds = collections.Counter(kind for kind in found if isinstance(kind, str) and kind)
    all_grey = set(kinds) <= GREY and kinds.total() == len(paths) - len(broken)
    for kind, count in [] if all_grey else sorted(kinds.items()):
        first = paths[found.index(kind)]
        notes.append(f"{_images(count, kind + ' ')} converted to 8-bit RGB, {first} first")
    return [isinstance(kind, str) for kind in found], notes, all_grey


def _images(count: int, kind: str = "") -> str:
    return f"{count} {kind}image{'s' * (count != 1)}"


def load_picture(path: pathlib.Path, kind: str, size: tuple[int, ...], channels: int) -> np.ndarray:
    """One image file at a net's size [height, width, channels], values from 0 to 255."""
    return frame_all(read_picture(path), kind, size, channels)
