"""Moving averages of a stranger's variables, read from the checkpoint by what its saver says."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from legacy_nets.checkpoints.open import open_weights
from legacy_nets.checkpoints.optimizer_slots import AVERAGE
from legacy_nets.port.imported.graph import Model
from legacy_nets.port.imported.restore import WHOLE, fill, saved_as
from legacy_nets.port.weights import find_average


def choose_weights(
    model: Model, session: Any, checkpoint: str, names: Iterable[str], averaged: bool
) -> int:
    """Fills variables (``names``) with their moving averages; how many have one.

    Not ``averaged``, with themselves, where the saver of an evaluation's graph took the average.
    A part of a variable that a partitioner cut is filled with that part.
    """
    source = open_weights(checkpoint)
    saved = saved_as(model)
    found = {}
    for name in names:
        restored, part = saved.get(name, (name, WHOLE))
        key = restored.removesuffix(AVERAGE)
        wanted = find_average(key, source.tensors) if averaged else key
        if wanted in source.tensors and (averaged or wanted != restored):
            found[name] = (wanted, part)
    fill(model, session, ((name, source.read(key)[part]) for name, (key, part) in found.items()))
    return len(found) if averaged else 0
