"""Writing files whole or not at all."""

from __future__ import annotations

import contextlib
import os
import pathlib
from collections.abc import Iterator


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
