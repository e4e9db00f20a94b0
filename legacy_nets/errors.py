"""Errors that users read: one line that says what is wrong, where, and what to do."""

from __future__ import annotations

import contextlib
import difflib
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence

_DETECTED_AT = re.compile(r"^Node: '.*'\n", re.MULTILINE)  # the cause follows the last such line


class LegacyNetsError(Exception):
    """Base of every error that legacy_nets raises on purpose; the commands exit with 2."""


class BadInputError(LegacyNetsError, ValueError):
    """A file, folder, image, name or option that cannot be used as given."""


class MissingHoldoutError(BadInputError):
    """The data have one split only, and nothing says which share of it to hold out."""


class CheckpointError(LegacyNetsError, ValueError):
    """A checkpoint that cannot be read, does not match the graph, or cannot be written."""


class SetupError(LegacyNetsError, ImportError):
    """This Python process cannot offer TensorFlow 1: a package is missing or wrong."""


class TrainingError(LegacyNetsError, RuntimeError):
    """Training stopped because continuing is useless (a loss that is not finite)."""


def find_nearest(name: str, names: Iterable[str]) -> list[str]:
    """Finds the names, three at most, that come close to a mistyped one."""
    return difflib.get_close_matches(name, list(names), n=3, cutoff=0.4)


def suggest_names(name: str, names: Iterable[str], label: str = "") -> str:
    """Formats the end of an error about an unknown name: "; nearest: a, b".

    Where none is near, "; LABEL: a, b, c and 7 more" lists the first names; without a label, or
    without names, there is nothing.
    """
    known = list(names)
    near = find_nearest(name, known)
    if near:
        return f"; nearest: {', '.join(near)}"
    return f"; {label}: {list_first(known)}" if label and known else ""


def list_first(names: Sequence[str], count: int = 3) -> str:
    """Formats the first names of a list: "a, b, c and 7 more"."""
    preview = ", ".join(names[:count])
    return f"{preview} and {len(names) - count} more" if len(names) > count else preview


def make_printable(name: str) -> str:
    """Writes bytes that are no text, which the name of a file may have, as "\\udce9"."""
    return name.encode("utf-8", "backslashreplace").decode("utf-8")


def join_lines(message: object) -> str:
    """Joins the lines of a message or error that another library wrote.

    Of an error in a TensorFlow graph, only the cause is kept. TensorFlow writes the nodes that
    detected the error before the cause, and their history after it.
    """
    text, node, _ = str(message).partition("[[{{node")
    text = _DETECTED_AT.split(text)[-1]
    if node and text.strip():
        text = text.strip().splitlines()[-1].strip(" \t")
    return " ".join(text.split())


@contextlib.contextmanager
def report_build_errors(
    net: str, size: Sequence[int | None], options: Mapping[str, object]
) -> Iterator[None]:
    """Turns what Python or TensorFlow raise while a net is built into a BadInputError."""
    try:
        yield
    except (TypeError, ValueError) as error:
        if isinstance(error, LegacyNetsError):
            raise
        cause = join_lines(error).partition(" for '{{node")[0][:300]
        sides = "x".join("?" if side is None else str(side) for side in size)
        settings = f" with the options {dict(options)}" if options else ""
        raise BadInputError(f"{net} cannot be built at {sides}{settings}: {cause}") from error
