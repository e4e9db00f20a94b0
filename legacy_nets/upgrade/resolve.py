"""Which names of TensorFlow 1.15 ``legacy_nets.tf1`` has. Imports TensorFlow."""

from __future__ import annotations

import importlib
import types
from collections.abc import Iterable
from typing import NamedTuple

from legacy_nets import tf1
from legacy_nets.errors import join_lines
from legacy_nets.upgrade.table import TF, TF1


class Resolved(NamedTuple):
    """A name as far as it is one of TensorFlow's (``tf.app.flags.FLAGS`` of ``...FLAGS.x``).

    ``reason`` is empty where it resolves, else why it does not.
    """

    name: str
    reason: str


def resolve(names: Iterable[tuple[str, ...]]) -> dict[tuple[str, ...], Resolved]:
    """Looks each name up; of several paths, the first that resolves counts."""
    found: dict[tuple[str, ...], Resolved] = {}
    for paths in names:
        tried = [_resolve(path) for path in paths]
        found[paths] = next((one for one in tried if not one.reason), tried[0])
    return found


def _resolve(path: str) -> Resolved:
    here: object = tf1
    name = TF
    for part in path.split(".")[1:]:
        if not isinstance(here, (types.ModuleType, type)):
            break  # an object of the script's own making from here on
        name += f".{part}"
        try:
            here = _member(here, part, TF1 + name[len(TF) :])
        except (AttributeError, ImportError) as error:
            said = join_lines(error)  # by ours: what to use instead
            return Resolved(name, said if "offered" in said else f"no such name in {TF1}")
    return Resolved(name, "")


def _member(owner: object, part: str, path: str) -> object:
    try:
        return getattr(owner, part)
    except AttributeError as error:
        if isinstance(owner, type):
            raise
        try:
            return importlib.import_module(path)
        except ModuleNotFoundError as missing:
            raise (error if missing.name == path else missing) from None
