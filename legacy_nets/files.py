"""Files: written whole or not at all; and what to say of one that is not there."""

from __future__ import annotations

import contextlib
import os
import pathlib
from collections.abc import Iterator

from legacy_nets.errors import nearest


@contextlib.contextmanager
def written_whole(path: str | pathlib.Path) -> Iterator[pathlib.Path]:
    """Yields a temporary path beside ``path``; moves it into place if the block succeeds.

    A crash or an error leaves an older file of that name as it was.
    """
    path = pathlib.Path(path)
    unfinished = path.with_name(f".{os.getpid()}.{path.name}")  # keeps the ending of the name
    try:
        yield unfinished
        os.replace(unfinished, path)
    finally:
        unfinished.unlink(missing_ok=True)


def not_there(path: str | pathlib.Path) -> str:
    """The end of a message about a file or folder that is not there: names like it, what to do."""
    path = pathlib.Path(path)
    try:
        names = sorted(item.name for item in path.parent.iterdir())
    except OSError:
        return f"; {path.parent} is no folder that can be read: check the path"
    return nearest(path.name, names) or ": check the path"
