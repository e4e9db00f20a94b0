"""A journal of what is done, one line of JSON for each event, in a folder of results.

A process that is killed loses at most the event that it was writing: half a line is cut off. A
damaged line in the middle costs the event that it recorded.
"""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import TextIO

from legacy_nets.errors import BadInputError
from legacy_nets.files import lock
from legacy_nets.language.lines import say
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

    Raises BadInputError: the folder holds other things, its first line is damaged, or another
    process writes there.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    if not path.is_file() and any(path.parent.iterdir()):
        raise BadInputError(
            f"{option} holds other things than {contents} (no {path.name}): name a new or an empty "
            "folder"
        )
    with open(path, "a", encoding="utf-8", newline="\n") as file, lock(path) as state:
        if state == "held":
            raise BadInputError(f"{option}: another process writes there; wait for its end")
        yield Journal(file, _read_events(path))


def read_header(path: Path) -> Event | None:
    """Reads the first event of a journal; None where there is none."""
    try:
        with open(path, "rb") as file:
            return _parse_event(file.readline())
    except OSError:
        return None


def _read_events(path: Path) -> list[Event]:
    """Reads the events of a journal, and cuts off half a line at its end.

    Reports damaged lines. Raises BadInputError where the first one is, which says what is done.
    """
    content = path.read_bytes()
    end = content.rfind(b"\n") + 1
    if end < len(content):
        os.truncate(path, end)
    events: list[Event] = []
    for number, line in enumerate(content[:end].split(b"\n")[:-1], 1):
        event = _parse_event(line)
        if event is not None:
            events.append(event)
        elif number == 1:
            raise BadInputError(f"{path}: its first line is damaged: name a new or an empty folder")
        else:
            say(f"note: {path}, line {number} is damaged: what it recorded is done again", err=True)
    return events


def _parse_event(line: str | bytes) -> Event | None:
    """Parses a line of a journal; None where it is damaged."""
    try:
        event = json.loads(line)
    except ValueError:
        return None
    return event if isinstance(event, dict) else None
