"""Looks up names of TensorFlow 1.15 in ``legacy_nets.tf1``. Imports TensorFlow."""

from __future__ import annotations

import importlib
import types
from collections.abc import Iterable
from typing import NamedTuple

from legacy_nets import tf1
from legacy_nets.errors import join_lines
from legacy_nets.upgrade.table import TF, TF1


class Resolved(NamedTuple):
    """The part of a name that is TensorFlow's (``tf.app.flags.FLAGS`` of ``...FLAGS.x``).

    ``reason`` is empty if the name resolves; else it says why it does not.
    """

    name: str
    reason: str


def resolve(names: Iterable[tuple[str, ...]]) -> dict[tuple[str, ...], Resolved]:
    """Looks each name up; of several paths, the first that resolves counts."""
    resolved: dict[tuple[str, ...], Resolved] = {}
    for paths in names:
        tried = [_resolve(path) for path in paths]
        resolved[paths] = next((result for result in tried if not result.reason), tried[0])
    return resolved


def _resolve(path: str) -> Resolved:
    value: object = tf1
    name = TF
    for part in path.split(".")[1:]:
        if not isinstance(value, (types.ModuleType, type)):
            break  # what follows is an attribute of an object
        name += f".{part}"
        try:
            value = _get_member(value, part, TF1 + name[len(TF) :])
        except (AttributeError, ImportError) as error:
            message = join_lines(error)  # ours says what to use instead
            return Resolved(name, message if "offered" in message else f"no such name in {TF1}")
    return Resolved(name, "")


def _get_member(owner: object, part: str, path: str) -> object:
    try:
        return getattr(owner, part)
    except AttributeError as error:
        if isinstance(owner, type):
            raise
        try:
            return importlib.import_module(path)
        except ModuleNotFoundError as missing:
            raise (error if missing.name == path else missing) from None
