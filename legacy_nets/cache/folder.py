"""JSON files in the user's cache folder; one that is missing or damaged costs only time."""

from __future__ import annotations

import contextlib
import json
import os
from pathlib import Path
from typing import TypeAlias

from legacy_nets.files import replace_on_success

Entries: TypeAlias = dict[str, object]


def find_cache_folder() -> Path:
    """Returns the package's cache folder, by the XDG rules: it may not exist yet."""
    base = os.environ.get("XDG_CACHE_HOME", "")
    root = Path(base) if os.path.isabs(base) else Path.home() / ".cache"
    return root / "legacy_nets"


def read_entries(name: str) -> Entries:
    """Reads a file of the cache folder: {} where it is missing or damaged."""
    try:
        entries = json.loads((find_cache_folder() / name).read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return {}
    return entries if isinstance(entries, dict) else {}


def write_entries(name: str, entries: Entries) -> None:
    """Writes a file of the cache folder; where that is impossible, nothing happens."""
    path = find_cache_folder() / name
    with contextlib.suppress(OSError):
        path.parent.mkdir(parents=True, exist_ok=True)
        with replace_on_success(path) as unfinished:
            unfinished.write_text(json.dumps(entries, indent=1) + "\n", encoding="utf-8")
