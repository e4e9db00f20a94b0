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


def find_nearest(
    name: str, names: Iterable[str], default: Sequence[str] | None = None
) -> list[str]:
    """Finds the names, three at most, that come closest to a mistyped one.

    Where none is close, returns ``default``, or the first three names if it is None.
    """
    known = list(names)
    near = difflib.get_close_matches(name, known, n=3, cutoff=0.4)
    return near or list(known[:3] if default is None else default)


def suggest_names(name: str, names: Iterable[str]) -> str:
    """Formats the end of an error about an unknown name: "; nearest: a, b", or nothing."""
    near = find_nearest(name, names, default=())
    return f"; nearest: {', '.join(near)}" if near else ""


def join_lines(message: object) -> str:
    """Joins the lines of a message or error that another library wrote.

    Of an error in a TensorFlow graph, only the cause is kept. TensorFlow writes the nodes that
    detected the error before the cause, and their history after it.
    """
    text, node, _ = str(message).partition("[[{{node")
    text = _DETECTED_AT.split(text)[-1]
    if node:
        text = text.strip().splitlines()[-1].strip(" \t")
    return " ".join(text.split())


@contextlib.contextmanager
def report_build_errors(net: str, size: object, options: Mapping[str, object]) -> Iterator[None]:
    """Turns what Python or TensorFlow raise while a net is built into a BadInputError."""
    try:
        yield
    except (TypeError, ValueError) as error:
        if isinstance(error, LegacyNetsError):
            raise
        cause = join_lines(error)[:300]
        raise BadInputError(
            f"{net} cannot be built at {size} with the options {options}: {cause}"
        ) from error
