"""Folders of drawn pictures that stand in for a data set: whole or not there, and marked so."""

from __future__ import annotations

import contextlib
import os
import pathlib
import shutil
from collections.abc import Iterator

from legacy_nets.errors import BadInputError, join_lines

MARK = "synthetic.txt"  # holds what the set calls itself


def name_of(folder: pathlib.Path) -> str:
    """What a data folder calls itself: the text of its mark, else the name of the folder."""
    try:
        return join_lines((folder / MARK).read_text())
    except OSError:
        return folder.resolve().name


@contextlib.contextmanager
def drawn_whole(folder: pathlib.Path, name: str) -> Iterator[pathlib.Path]:
    """Yields a temporary folder; marks it and moves it to ``folder`` if the block succeeds.

    Raises BadInputError where ``folder`` is there already or cannot be written.
    """
    if folder.exists():
        raise BadInputError(f"{folder} is there already: remove it first")
    unfinished = folder.with_name(f".{os.getpid()}.{folder.name}")
    try:
        unfinished.mkdir(parents=True)
        yield unfinished
        (unfinished / MARK).write_text(f"{name}\n")
        os.rename(unfinished, folder)
    except OSError as error:
        raise BadInputError(f"{folder} cannot be written: {join_lines(error)}") from error
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)
