"""Writes files atomically, and suggests names for files that do not exist."""

from __future__ import annotations

import contextlib
import os
import pathlib
from collections.abc import Iterator

from legacy_nets.errors import suggest_names


@contextlib.contextmanager
def replace_on_success(path: str | pathlib.Path) -> Iterator[pathlib.Path]:
    """Yields a temporary path in the same folder; renames it to ``path`` if the block succeeds.

    After a crash or an error, an older file of that name is unchanged.
    """
    path = pathlib.Path(path)
    unfinished = path.with_name(f".{os.getpid()}.{path.name}")  # keeps the suffix
    try:
        yield unfinished
        os.replace(unfinished, path)
    finally:
        unfinished.unlink(missing_ok=True)


def suggest_paths(path: str | pathlib.Path) -> str:
    """Formats the end of an error about a missing file or folder: similar names, what to do."""
    path = pathlib.Path(path)
    try:
        names = sorted(item.name for item in path.parent.iterdir())
    except OSError:
        return f"; {path.parent} is not a readable folder: check the path"
    return suggest_names(path.name, names) or ": check the path"
