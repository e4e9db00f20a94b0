"""Folders of synthetic pictures: complete or absent, and marked as synthetic."""

from __future__ import annotations

import contextlib
import os
import pathlib
import shutil
from collections.abc import Iterator

from legacy_nets.errors import BadInputError, join_lines
from legacy_nets.sigterm import clean_up

MARK = "synthetic.txt"  # holds the name of the data set


def read_data_name(folder: pathlib.Path) -> str:
    """Reads the name of a data set: the text of its mark, else the name of the folder."""
    try:
        return join_lines((folder / MARK).read_text(encoding="utf-8", errors="replace"))
    except OSError:
        return folder.resolve().name


@contextlib.contextmanager
def create_data_folder(folder: pathlib.Path, name: str) -> Iterator[pathlib.Path]:
    """Yields a temporary folder; marks it and renames it to ``folder`` if the block succeeds.

    Without a ``name`` there is no mark.

    Raises BadInputError where ``folder`` exists already or cannot be written.
    """
    if folder.exists():
        raise BadInputError(f"{folder} exists already: remove it first")
    unfinished = folder.with_name(f".{os.getpid()}.{folder.name}")
    with clean_up(lambda: shutil.rmtree(unfinished, ignore_errors=True)):
        try:
            unfinished.mkdir(parents=True)
            yield unfinished
            if name:
                (unfinished / MARK).write_text(f"{name}\n", encoding="utf-8")
            os.rename(unfinished, folder)
        except OSError as error:
            raise BadInputError(f"{folder} cannot be written: {join_lines(error)}") from error
