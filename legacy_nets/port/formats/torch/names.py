"""The names and axes of a net's weights in PyTorch.

They are torchvision's or timm's where ``nets/weights`` has a table of them for the net, else those
of the rule in ``nets.weights.torch_rule``.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping, Sequence

import numpy as np

from legacy_nets.checkpoints.translate import Entry
from legacy_nets.errors import CheckpointError
from legacy_nets.nets.weights import torch_rule
from legacy_nets.nets.weights.families import get_family, get_layout
from legacy_nets.port.weights import Weight
from legacy_nets.registry import Net
from legacy_nets.types import Array


def has_table(net: Net) -> bool:
    """Tells whether torchvision or timm has the net, with names that are known here."""
    return "torch" in net.layouts


def map_names(net: Net, weights: Sequence[Weight], scope: str) -> tuple[Entry, ...]:
    """Maps each weight to its name in PyTorch. ``scope``: the one that the net was built in.

    Raises CheckpointError where the table and the weights do not cover each other.
    """
    if not has_table(net):
        ranks = {weight.name: len(weight.shape) for weight in weights}
        return torch_rule.apply_rule(ranks, scope)
    names = {weight.name for weight in weights}
    optional = get_family(net).optional_layer
    entries = tuple(
        entry
        for entry in get_layout(net, "torch").map_names(net.name)
        if entry.name in names or not optional or optional not in entry.name
    )
    table = {entry.name for entry in entries}
    if table != names:
        first = min(table ^ names)
        side = "checkpoint" if first in table else f"table of {net.name}'s names in PyTorch"
        raise CheckpointError(
            f"{len(table ^ names)} names do not match, the first {first}: the {side} lacks it; "
            "port all weights of the net, as the registry builds it"
        )
    return entries


def get_torch_options(net: Net) -> Mapping[str, object]:
    """Returns the options under which the net computes what PyTorch's net does."""
    return get_layout(net, "torch").options


def rename_weights(weights: Sequence[Weight], entries: Sequence[Entry]) -> list[Weight]:
    """Renames weights and moves their axes, in the order of the entries, without reading them.

    Raises CheckpointError for a shape that PyTorch's net cannot have.
    """
    by_name = {weight.name: weight for weight in weights}
    renamed = []
    for entry in entries:
        weight = by_name[entry.name]
        try:
            parts = _convert_back(entry, np.empty(weight.shape, np.bool_))
        except ValueError:
            raise CheckpointError(
                f"{weight.name} {list(weight.shape)}: PyTorch's net has it for images of another "
                "size: port it to npz or safetensors"
            ) from None
        for index, (name, part) in enumerate(zip(entry.parts, parts, strict=True)):
            load, reload = (
                functools.partial(_load_part, entry, read, index)
                for read in (weight.load, weight.reload)
            )
            renamed.append(Weight(name, part.shape, weight.dtype, load, reload))
    return renamed


def _convert_back(entry: Entry, value: Array) -> tuple[Array, ...]:
    """Returns the PyTorch tensors of a variable's array: one, or several that it joins."""
    converted = entry.transform.to_file(value)
    return converted if isinstance(converted, tuple) else (converted,)


def _load_part(entry: Entry, load: Callable[[], Array], index: int) -> Array:
    return _convert_back(entry, load())[index]
