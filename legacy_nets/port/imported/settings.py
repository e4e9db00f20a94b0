"""Reads the values that a user sets placeholders to."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from legacy_nets import tf1 as tf
from legacy_nets.errors import BadInputError, suggest_names
from legacy_nets.graphdef.op_types import PLACEHOLDERS
from legacy_nets.port.imported.graph import ImportedGraph
from legacy_nets.types import Array, DType, NodeDef

_WORDS = {"true": "1", "false": "0"}
_ROUNDING = 0.01  # relative: bfloat16 rounds that much
_MAX_SHOWN = 8


def parse_setting(
    imported: ImportedGraph, nodes: Mapping[str, NodeDef], name: str, text: str
) -> Array:
    """Parses ``--set name=text``: a number, or a row of numbers with commas between.

    Returns an array of the placeholder's dtype, of shape [] or [numbers].
    Raises BadInputError where there is no such placeholder, it has more axes, or its dtype cannot
    hold the value.
    """
    if name not in nodes or nodes[name].op not in PLACEHOLDERS:
        placeholders = [node.name for node in nodes.values() if node.op in PLACEHOLDERS]
        known = ", ".join(placeholders[:_MAX_SHOWN]) or "none at all"
        raise BadInputError(
            f"--set {name}={text}: {imported.path} has no placeholder of that name"
            f"{suggest_names(name, placeholders) or f'; it has {known}'}"
        )
    if imported.get_rank(name) not in (0, 1, None):
        raise BadInputError(f"--set {name}={text}: only a number, or a row of them, can be set")
    dtype = tf.as_dtype(nodes[name].attr["dtype"].type)
    try:
        numbers = [_parse_number(number, dtype) for number in text.split(",")]
    except (ValueError, OverflowError):
        raise BadInputError(f"--set {name}={text}: no value of {dtype.name}") from None
    return np.asarray(numbers if "," in text else numbers[0], dtype.as_numpy_dtype)


def _parse_number(text: str, dtype: DType) -> float | int:
    """Parses a number. Raises ValueError or OverflowError where a dtype cannot hold it."""
    text = _WORDS.get(text.strip().lower(), text)
    if dtype.is_floating or dtype.is_complex:
        return _parse_float(text, dtype)
    if not (dtype.is_integer or dtype.is_bool):
        raise ValueError
    try:
        integer = int(text)
    except ValueError:
        integer = int(float(text))
        if integer != float(text):
            raise
    low, high = (0, 1) if dtype.is_bool else (dtype.min, dtype.max)
    if not low <= integer <= high:
        raise ValueError
    return integer


def _parse_float(text: str, dtype: DType) -> float:
    number = float(text)
    with np.errstate(all="ignore"):
        held = complex(np.asarray(number).astype(dtype.as_numpy_dtype)).real
    if not np.isclose(held, number, rtol=_ROUNDING, atol=0, equal_nan=True):
        raise ValueError
    return number
