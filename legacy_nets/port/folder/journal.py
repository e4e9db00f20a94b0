"""The journal of a folder's ports: what is done, one line of JSON for each event.

A line is written when a name is given to an output and when a model is done. A process that is
killed loses at most the models that it was porting.
"""

from __future__ import annotations

import contextlib
import hashlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple, TypedDict, cast

from legacy_nets import journal
from legacy_nets.errors import BadInputError
from legacy_nets.files import stamp_files
from legacy_nets.port.folder.unit import Result, Status, Unit
from legacy_nets.port.jobs import SAVED_MODEL
from legacy_nets.version import __version__

JOURNAL = "ports.jsonl"


class _Event(TypedDict, total=False):
    """A line of the journal: the header, the name of an output, or a result."""

    writer: str
    folder: str
    target: str
    name: str
    out: str
    status: Status
    text: str
    notes: Sequence[str]
    difference: float | None
    seconds: float
    digest: str


class Entry(NamedTuple):
    """What the journal knows about a model."""

    out: str  # name of its output, below the destination
    result: Result | None = None  # None: not done
    digest: str = ""  # of its files, the settings and the output, when it was done


class Journal:
    """The journal of one destination, open for writing. ``entries``: name of a model -> entry."""

    def __init__(self, journal: journal.Journal, entries: dict[str, Entry]) -> None:
        self._journal = journal
        self.entries = entries

    def add_output(self, name: str, out: str) -> None:
        """Records the name of a model's output, before it is written."""
        self.entries[name] = Entry(out)
        self._journal.write({"name": name, "out": out})

    def add_result(self, result: Result, digest: str) -> None:
        """Records what became of a model."""
        out = self.entries[result.name].out
        self.entries[result.name] = Entry(out, result, digest)
        self._journal.write(
            {
                "name": result.name,
                "out": out,
                "status": result.status,
                "text": result.text,
                "notes": result.notes,
                "difference": result.difference,
                "seconds": result.seconds,
                "digest": digest,
            }
        )


@contextlib.contextmanager
def open_journal(out: Path, folder: Path, target: str) -> Iterator[Journal]:
    """Opens the journal of a destination, which is made if it does not exist.

    Raises BadInputError: the destination holds other things, or ports of another folder or to
    another target; or another process writes there.
    """
    header: _Event = {"writer": "legacy_nets", "folder": str(folder.resolve()), "target": target}
    with journal.open_journal(out / JOURNAL, f"--out {out}", "ports of a folder") as opened:
        events = cast(list[_Event], opened.events)
        if not events:
            opened.write(cast(journal.Event, header))
        elif events[0] != header:
            theirs = f"{events[0].get('folder')} to {events[0].get('target')}"
            raise BadInputError(f"--out {out} holds the ports of {theirs}: name another folder")
        try:
            entries = dict(map(_parse_event, events[1:]))
        except (KeyError, TypeError):
            raise BadInputError(
                f"{out / JOURNAL}: no journal of this version: name another --out"
            ) from None
        yield Journal(opened, entries)


def compute_digest(unit: Unit) -> str:
    """Computes a digest of a model's files as the unit has them, the settings and the output."""
    checkpoint, companion = Path(f"{unit.out}.index"), unit.out.with_suffix(".bin")
    outputs = (unit.out, checkpoint, companion, unit.out / SAVED_MODEL)
    text = repr((__version__, unit.settings, unit.stamps, stamp_files(outputs)))
    return hashlib.sha256(text.encode("utf-8", "surrogateescape")).hexdigest()


def _parse_event(event: _Event) -> tuple[str, Entry]:
    name, out = event["name"], event["out"]
    if "status" not in event:
        return name, Entry(out)
    result = Result(
        name,
        event["status"],
        event["text"],
        tuple(event["notes"]),
        event["difference"],
        event["seconds"],
    )
    return name, Entry(out, result, event["digest"])
