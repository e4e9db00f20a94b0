"""Errors that a user is meant to read: one line that says what, where and what next."""

from __future__ import annotations

import contextlib
import difflib
import re
from collections.abc import Iterable, Iterator
from typing import Any

_DETECTED = re.compile(r"^Node: '.*'\n", re.MULTILINE)  # the last line on where


class LegacyNetsError(Exception):
    """Base of every error that legacy_nets raises on purpose; the CLI exits with 2."""


class BadInputError(LegacyNetsError, ValueError):
    """A file, folder, image, name or option that cannot be used as given."""


class NoHoldout(BadInputError):
    """Data of one half, and no word on what share of it to hold out."""


class CheckpointError(LegacyNetsError, ValueError):
    """A checkpoint that cannot be read, does not fit, or cannot be written."""


class SetupError(LegacyNetsError, ImportError):
    """This Python process cannot offer TensorFlow 1: a package is missing or wrong."""


class TrainingError(LegacyNetsError, RuntimeError):
    """Training stopped because going on would be useless (a loss that is not finite)."""


def nearest(name: str, known: Iterable[str]) -> str:
    """The end of a message about a name that is not there: "; nearest: a, b", or nothing."""
    near = difflib.get_close_matches(name, list(known), 3, 0.4)
    return f"; nearest: {', '.join(near)}" if near else ""


def one_line(text: object) -> str:
    """Folds any message into one line, for messages that other libraries wrote.

    Of an error in a TensorFlow graph only the cause is kept, without the nodes that it was
    detected at, which come first, and their history.
    """
    message, node, _ = str(text).partition("[[{{node")
    message = _DETECTED.split(message)[-1]
    if node:
        message = message.strip().splitlines()[-1].strip(" \t")
    return " ".join(message.split())


@contextlib.contextmanager
def building(net: str, size: Any, options: dict[str, Any]) -> Iterator[None]:
    """Where a net is built: what Python or TensorFlow raise becomes a BadInputError of one line."""
    try:
        yield
    except (TypeError, ValueError) as error:
        if isinstance(error, LegacyNetsError):
            raise
        raise BadInputError(
            f"{net} cannot be built at {size} with the options {options}: {one_line(error)[:300]}"
        ) from error
