"""A journal of what is done, one line of JSON for each event, in a folder of results.

A process that is killed loses at most the event that it was writing: half a line is cut off.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import TextIO

from legacy_nets.errors import BadInputError
from legacy_nets.files import lock
from legacy_nets.types import Json

Event = dict[str, Json]


class Journal:
    """A journal that is open for writing. ``events``: those that it held when it was opened."""

    def __init__(self, file: TextIO, events: list[Event]) -> None:
        self._file = file
        self.events = events

    def write(self, event: Event) -> None:
        """Writes an event; it is in the file when this returns."""
        self._file.write(json.dumps(event) + "\n")
        self._file.flush()


@contextlib.contextmanager
def open_journal(path: Path, option: str, contents: str) -> Iterator[Journal]:
    """Opens the journal of a folder, which is made if it does not exist.

    Args:
      path: of the journal.
      option: the folder as the user gave it, for errors: "--out ports".
      contents: what the folder may hold, for errors: "ports of a folder".

    Raises BadInputError: the folder holds other things, or another process writes there.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    if not path.is_file() and any(path.parent.iterdir()):
        raise BadInputError(
            f"{option} holds other things than {contents} (no {path.name}): name a new or an empty "
            "folder"
        )
    with open(path, "a+", encoding="utf-8") as file, lock(path) as state:
        if state == "held":
            raise BadInputError(f"{option}: another process writes there; wait for its end")
        file.seek(0)
        events = list(_read_events(file))
        if not events:
            file.seek(0)
            file.truncate()
        yield Journal(file, events)


def read_header(path: Path) -> Event | None:
    """Reads the first event of a journal; None where there is none."""
    try:
        with open(path, encoding="utf-8") as file:
            event = json.loads(file.readline())
    except (OSError, ValueError):
        return None
    return event if isinstance(event, dict) else None


def _read_events(file: TextIO) -> Iterator[Event]:
    end = 0
    for line in iter(file.readline, ""):
        try:
            event = json.loads(line)
        except ValueError:
            file.seek(end)
            file.truncate()
            return
        end = file.tell()
        yield event
