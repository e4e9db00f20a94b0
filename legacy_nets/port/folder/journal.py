"""The journal of a folder's ports: what is done, one line of JSON for each event.

A line is written when a name is given to an output and when a model is done. A process that is
killed loses at most the models that it was porting.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple, TextIO, TypedDict

from legacy_nets.errors import BadInputError
from legacy_nets.files import lock
from legacy_nets.port.folder.unit import Result, Status, Unit, stamp_files
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

    def __init__(self, file: TextIO, entries: dict[str, Entry]) -> None:
        self._file = file
        self.entries = entries

    def add_output(self, name: str, out: str) -> None:
        """Records the name of a model's output, before it is written."""
        self.entries[name] = Entry(out)
        self._write({"name": name, "out": out})

    def add_result(self, result: Result, digest: str) -> None:
        """Records what became of a model."""
        out = self.entries[result.name].out
        self.entries[result.name] = Entry(out, result, digest)
        self._write(
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

    def _write(self, event: _Event) -> None:
        self._file.write(json.dumps(event) + "\n")
        self._file.flush()


@contextlib.contextmanager
def open_journal(out: Path, folder: Path, target: str) -> Iterator[Journal]:
    """Opens the journal of a destination, which is made if it does not exist.

    Raises BadInputError: the destination holds other things, or ports of another folder or to
    another target; or another process writes there.
    """
    path = out / JOURNAL
    header: _Event = {"writer": "legacy_nets", "folder": str(folder.resolve()), "target": target}
    out.mkdir(parents=True, exist_ok=True)
    if not path.is_file() and any(out.iterdir()):
        raise BadInputError(
            f"--out {out} holds other things than ports of a folder (no {JOURNAL}): name a new or "
            "an empty folder"
        )
    with open(path, "a+", encoding="utf-8") as file, lock(path) as state:
        if state == "held":
            raise BadInputError(f"--out {out}: another port writes there; wait for its end")
        file.seek(0)
        events = list(_read_events(file))
        if not events:
            file.seek(0)
            file.truncate()
            file.write(json.dumps(header) + "\n")
            file.flush()
        elif events[0] != header:
            theirs = f"{events[0].get('folder')} to {events[0].get('target')}"
            raise BadInputError(f"--out {out} holds the ports of {theirs}: name another folder")
        try:
            entries = dict(map(_parse_event, events[1:]))
        except (KeyError, TypeError):
            raise BadInputError(f"{path}: no journal of this version: name another --out") from None
        yield Journal(file, entries)


def compute_digest(unit: Unit) -> str:
    """Computes a digest of a model's files as the unit has them, the settings and the output."""
    checkpoint, companion = Path(f"{unit.out}.index"), unit.out.with_suffix(".bin")
    outputs = (unit.out, checkpoint, companion, unit.out / SAVED_MODEL)
    text = repr((__version__, unit.settings, unit.stamps, stamp_files(outputs)))
    return hashlib.sha256(text.encode("utf-8", "surrogateescape")).hexdigest()


def _read_events(file: TextIO) -> Iterator[_Event]:
    """Reads the events; what a killed process left of its last line is cut off."""
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
