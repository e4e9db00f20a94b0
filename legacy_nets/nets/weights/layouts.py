"""What is known of weights that other frameworks saved for a family of nets."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence

from legacy_nets.checkpoints.source import Source
from legacy_nets.checkpoints.translate import Entry
from legacy_nets.types import Json, Variable


@dataclasses.dataclass(frozen=True)
class WeightLayout:
    """The names and axes that one framework gives the weights, and how they were trained."""

    name: str  # as in ``layouts`` of the registry: "torch", "keras", "slim", "npz", ...
    map_names: Callable[[str], tuple[Entry, ...]]  # a net's name -> an entry for each variable
    options: Mapping[str, Json] = dataclasses.field(default_factory=dict)  # of the net's function
    preprocessing: str = ""  # that the weights were trained with; "" is the net's own


@dataclasses.dataclass(frozen=True)
class FamilyWeights:
    """The layouts of a family of nets.

    Attributes:
      layouts: every layout of the family; the registry says which of them a net has.
      adapt: fits a source under the graph's names to the variables of a graph that differs, in
        image size for example; None where there is nothing to adapt.
      optional_layer: part of the names of a layer that a net of the family may lack; "" if none.
    """

    layouts: tuple[WeightLayout, ...] = ()
    adapt: Callable[[Source, Sequence[Variable]], Source] | None = None
    optional_layer: str = ""
