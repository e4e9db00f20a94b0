"""Reads moving averages into the variables of an imported graph."""

from __future__ import annotations

from collections.abc import Iterable

from legacy_nets.checkpoints.open import open_weights
from legacy_nets.checkpoints.optimizer_slots import AVERAGE
from legacy_nets.port.imported.graph import ImportedGraph
from legacy_nets.port.imported.restore import (
    SavedTensor,
    assign_variables,
    map_saved_tensors,
)
from legacy_nets.port.weights import find_average
from legacy_nets.types import Session


def choose_weights(
    imported: ImportedGraph,
    session: Session,
    checkpoint: str,
    variables: Iterable[str],
    use_averages: bool,
) -> int:
    """Assigns moving averages to variables. Returns how many variables have one.

    Without ``use_averages``, assigns the variables' own values where the graph's saver restored
    averages, as the saver of an evaluation does. A part of a partitioned variable gets that part.
    """
    source = open_weights(checkpoint)
    saved = map_saved_tensors(imported)
    chosen: dict[str, SavedTensor] = {}
    for variable in variables:
        restored = saved.get(variable, SavedTensor(variable))
        raw_name = restored.name.removesuffix(AVERAGE)
        name = find_average(raw_name, source.tensors) if use_averages else raw_name
        if name in source.tensors and (use_averages or name != restored.name):
            chosen[variable] = SavedTensor(name, restored.part)
    values = ((variable, source.read(name)[part]) for variable, (name, part) in chosen.items())
    assign_variables(imported, session, values)
    return len(chosen) if use_averages else 0
