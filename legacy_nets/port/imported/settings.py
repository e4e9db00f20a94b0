"""What a user sets a placeholder of a stranger's graph to."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from legacy_nets import tf1 as tf
from legacy_nets.errors import BadInputError, suggest_names
from legacy_nets.graphdef.op_types import PLACEHOLDERS
from legacy_nets.port.imported.graph import Model, rank_of

_WORDS = {"true": "1", "false": "0"}
_NEAR = 0.01  # of a number: what bfloat16 keeps of it


def setting(model: Model, nodes: Mapping[str, Any], name: str, text: str) -> np.ndarray:
    """The value of ``--set name=text``: a number, or a row of them with commas between.

    Raises BadInputError: no placeholder, one of more axes, or a value that its dtype cannot hold.
    """
    if name not in nodes or nodes[name].op not in PLACEHOLDERS:
        there = [known for known, node in nodes.items() if node.op in PLACEHOLDERS]
        raise BadInputError(
            f"--set {name}={text}: {model.path} has no placeholder of that name"
            f"{suggest_names(name, there) or '; it has ' + (', '.join(there[:8]) or 'none at all')}"
        )
    if rank_of(model, name) not in (0, 1, None):
        raise BadInputError(f"--set {name}={text}: only a number, or a row of them, can be set")
    kind = tf.as_dtype(nodes[name].attr["dtype"].type)
    try:
        numbers = [_number(number, kind) for number in text.split(",")]
    except (ValueError, OverflowError):
        raise BadInputError(f"--set {name}={text}: no value of {kind.name}") from None
    return np.asarray(numbers if "," in text else numbers[0], kind.as_numpy_dtype)


def _number(text: str, kind: Any) -> float | int:
    """Raises ValueError or OverflowError where ``kind`` does not hold it."""
    text = _WORDS.get(text.strip().lower(), text)
    if kind.is_floating or kind.is_complex:
        number = float(text)
        with np.errstate(all="ignore"):
            kept = complex(np.asarray(number).astype(kind.as_numpy_dtype)).real
        if not np.isclose(kept, number, rtol=_NEAR, atol=0, equal_nan=True):
            raise ValueError
        return number
    if not (kind.is_integer or kind.is_bool):
        raise ValueError
    try:
        whole = int(text)
    except ValueError:
        whole = int(float(text))
        if whole != float(text):
            raise
    low, high = (0, 1) if kind.is_bool else (kind.min, kind.max)
    if not low <= whole <= high:
        raise ValueError
    return whole
