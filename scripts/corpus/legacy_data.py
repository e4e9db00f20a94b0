"""Synthetic data for scripts/corpus/run_legacy_scripts.py, by the wishes in the column ``setup``.

``mnist:FOLDER``           drawn digits as the four idx files of MNIST (6,000 and 1,000)
``mnist:FOLDER:10``        the same, each ten times: as many as MNIST has
``folder:NAME``            an empty folder
``pictures:FOLDER:N:WxH``  N pictures of coloured patches, 0.jpg ...
``same:FROM:TO``           a file or folder of the repository, once more under another name
``head:FILE:N``            the first N lines of a file of the repository
``vectors:FILE:SIZE:A,B``  a file of word vectors, for the words A and B
``text:FILE:TEXT``         a file with that text (``%20`` for a space, ``%0A`` for a new line)
"""

from __future__ import annotations

import functools
import pathlib
import shutil
import tempfile
import urllib.parse

import numpy as np
from PIL import Image

from legacy_nets.data.mnist import IDX, IMAGES_MAGIC, LABELS_MAGIC, read_idx, write_idx
from legacy_nets.data.synthetic.digits import make_digits


def make(wish: str, folder: pathlib.Path) -> None:
    """Grants a wish in the folder that a script runs in. Raises SystemExit for an unknown one."""
    kind, _, rest = wish.partition(":")
    if kind not in _MAKERS:
        raise SystemExit(f"setup {wish!r}: known are {', '.join(_MAKERS)}")
    _MAKERS[kind](folder, *rest.split(":", 1 if kind == "text" else -1))


@functools.cache
def _digits() -> pathlib.Path:
    folder = pathlib.Path(tempfile.mkdtemp()) / "digits"
    make_digits(folder, (6000, 1000))
    return folder


def _mnist(folder: pathlib.Path, name: str, times: str = "1") -> None:
    target = folder / name
    target.mkdir(parents=True, exist_ok=True)
    for names in IDX.values():
        for file, magic in zip(names, (IMAGES_MAGIC, LABELS_MAGIC), strict=True):
            array = read_idx(_digits() / f"{file}.gz", magic)
            write_idx(target / f"{file}.gz", np.concatenate([array] * int(times)))


def _folder(folder: pathlib.Path, name: str) -> None:
    (folder / name).mkdir(parents=True, exist_ok=True)


def _pictures(folder: pathlib.Path, name: str, count: str, size: str) -> None:
    width, height = (int(side) for side in size.split("x"))
    _folder(folder, name)
    rng = np.random.default_rng(0)
    for number in range(int(count)):
        patches = rng.integers(0, 256, (6, 6, 3), np.uint8)
        picture = Image.fromarray(patches).resize((width, height), Image.Resampling.BICUBIC)
        picture.save(folder / name / f"{number}.jpg")


def _same(folder: pathlib.Path, source: str, target: str) -> None:
    (folder / target).parent.mkdir(parents=True, exist_ok=True)
    if (folder / source).is_dir():
        shutil.copytree(folder / source, folder / target, dirs_exist_ok=True)
    else:
        shutil.copy(folder / source, folder / target)


def _head(folder: pathlib.Path, name: str, count: str) -> None:
    lines = (folder / name).read_bytes().splitlines(keepends=True)
    (folder / name).write_bytes(b"".join(lines[: int(count)]))


def _text(folder: pathlib.Path, name: str, text: str) -> None:
    (folder / name).parent.mkdir(parents=True, exist_ok=True)
    (folder / name).write_text(urllib.parse.unquote(text), encoding="utf-8")


def _vectors(folder: pathlib.Path, name: str, size: str, words: str) -> None:
    rng = np.random.default_rng(0)
    lines = [" ".join([word, *map(str, rng.normal(size=int(size)))]) for word in words.split(",")]
    _text(folder, name, "\n".join(lines) + "\n")


_MAKERS = {
    "mnist": _mnist,
    "folder": _folder,
    "pictures": _pictures,
    "same": _same,
    "head": _head,
    "text": _text,
    "vectors": _vectors,
}
