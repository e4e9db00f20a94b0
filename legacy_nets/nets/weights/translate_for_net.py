"""Shows the weights of another framework under the variable names of a net.

Imports no TensorFlow for a net without layouts: the tables of names lie beside the nets, which
import it.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from legacy_nets.checkpoints.source import Source
from legacy_nets.checkpoints.translate import Entry, Translated
from legacy_nets.errors import CheckpointError
from legacy_nets.nets.weights import torch_rule
from legacy_nets.nets.weights.layouts import WeightLayout
from legacy_nets.registry import Net
from legacy_nets.types import Variable

_MIN_SHARE = 0.5  # of a layout's names that a file must have to be of that layout


def translate_for_net(source: Source, net: Net) -> Source:
    """Shows a source under the variable names of a net.

    Of the net's layouts, takes the one with most of its names in the file. Returns the source
    itself where its names are the graph's own, or of no known layout.

    Raises CheckpointError for weights that are no longer the variables of any net.
    """
    if source.unsupported:
        raise CheckpointError(f"{source.prefix}: {source.unsupported}")
    layout = _detect_layout(source, net)
    entries = layout.map_names(net.name) if layout else _map_ported_names(source, net)
    return Translated(source, entries) if entries else source


def get_layout_options(source: Source, net: Net) -> dict[str, Any]:
    """Gives the options, and "preprocessing", that weights of the source's layout need.

    PyTorch pads both sides alike, slim's ResNet v1 strides elsewhere: under other options the
    same weights compute other numbers. Includes those of ``find_head_options``. Empty where the
    net's own defaults are right.
    """
    options = find_head_options(source, net)
    layout = _detect_layout(source, net)
    if layout is None:
        return options
    preprocessing = {"preprocessing": layout.preprocessing} if layout.preprocessing else {}
    return {**options, **layout.options, **preprocessing}


def find_head_options(source: Source, net: Net) -> dict[str, Any]:
    """Finds the option of a net that builds the auxiliary heads, where the source has them.

    Empty where it has none, or where the net has them by default.
    """
    scopes = {scope for name in source.tensors for scope in re.split("[/.]", name)}
    has_heads = not scopes.isdisjoint(net.heads[1:])
    return {net.aux_option: True} if net.aux_option and has_heads else {}


def adapt_to_graph(source: Source, net: Net, variables: Sequence[Variable]) -> Source:
    """Adapts a source of ``translate_for_net`` to the variables of a graph.

    A ViT's position embeddings, for example, are resized to the graph's image size. Returns the
    source itself where the net's family has nothing to adapt.
    """
    from legacy_nets.nets.weights.families import get_family

    adapt = get_family(net).adapt
    return adapt(source, variables) if adapt else source


def _detect_layout(source: Source, net: Net) -> WeightLayout | None:
    """Finds the layout of a source; None where it has the graph's own names."""
    if not net.layouts:
        return None
    from legacy_nets.nets.weights.families import get_layouts

    best, best_share = None, _MIN_SHARE
    for layout in get_layouts(net):
        entries = layout.map_names(net.name)
        own = _compute_share(source, [entry.name for entry in entries])
        share = _compute_share(source, [part for entry in entries for part in entry.parts])
        if share > max(own, best_share):
            best, best_share = layout, share
    return best


def _compute_share(source: Source, names: list[str]) -> float:
    """Computes the share of the names that a file has."""
    return sum(name in source.tensors for name in names) / max(1, len(names))


def _map_ported_names(source: Source, net: Net) -> tuple[Entry, ...]:
    """Maps the names of a state_dict that ``port`` named by a rule; () for any other file."""
    ranks = {
        name: len(info.shape)
        for name, info in source.tensors.items()
        if not name.endswith(".num_batches_tracked")
    }
    if "torch" in net.layouts or any("/" in name or "." not in name for name in ranks):
        return ()
    return torch_rule.invert_rule(ranks, net.scope)
