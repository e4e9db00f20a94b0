"""Synthetic data that are generated once and kept in the user's cache folder."""

from __future__ import annotations

import os
import pathlib
import tempfile
from collections.abc import Callable

from legacy_nets.cache.folder import find_cache_folder
from legacy_nets.errors import BadInputError, join_lines
from legacy_nets.language.lines import say

VERSION = 1  # of the kept data: raise it where a generator makes others


def find_folder() -> pathlib.Path:
    """Returns the folder of kept synthetic data: it may not exist yet."""
    return find_cache_folder() / f"synthetic-{VERSION}"


def keep_data(name: str, write: Callable[[pathlib.Path], None]) -> pathlib.Path:
    """Returns the path of kept synthetic data; generates them where they are missing.

    Two processes may start at once: each writes into a folder of its own, and the first renames
    its data to the final name. A line on stderr tells that data are generated.

    Args:
      name: the file or folder in the cache folder.
      write: writes the data to the path that it gets.

    Raises BadInputError where the cache folder cannot be written.
    """
    path = find_folder() / name
    if path.exists():
        return path
    say(f"legacy-nets: generating {name}, kept in {path.parent} ...", err=True)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=".", dir=path.parent) as folder:
            unfinished = pathlib.Path(folder) / name
            write(unfinished)
            try:
                os.rename(unfinished, path)
            except OSError:
                if not path.exists():  # a folder that another process finished first
                    raise
    except OSError as error:
        raise BadInputError(
            f"the synthetic data cannot be kept in {path.parent} ({join_lines(error)}): set "
            "XDG_CACHE_HOME to a folder that you may write"
        ) from error
    return path
