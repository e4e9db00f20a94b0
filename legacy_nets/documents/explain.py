"""Explains a net section by section: what it is for, its layers, the claims of the documents.

    for section in walk("inception_v3"):
        section.title, section.blocks, section.layers, section.facts, section.errata

A section ends at an end point of the net. A fact or erratum belongs to the section whose end point
or scope it names. The last section has the title "" and holds those that name none.
"""

from __future__ import annotations

import bisect
import dataclasses
import re
from collections.abc import Sequence

from legacy_nets import anatomy, registry
from legacy_nets import tf1 as tf
from legacy_nets.anatomy import norms
from legacy_nets.anatomy.arithmetic import (
    ParameterCount,
    explain_parameters,
    select_first_of_each_kind,
)
from legacy_nets.documents import blocks, catalogue
from legacy_nets.documents.checks import common
from legacy_nets.errors import BadInputError, suggest_names
from legacy_nets.types import EndPoints, Tensor

MAX_SECTIONS = 30  # a net with more end points shows those of its outer scopes only
_SAME_VALUES = {"Reshape", "Squeeze", "Identity"}


@dataclasses.dataclass(frozen=True)
class Section:
    """Consecutive layers of a net, and what the documents say about them."""

    title: str  # end points at the section's end; "" for the complete net
    names: tuple[str, ...]  # names by which a document may refer to this section
    layers: tuple[anatomy.Layer, ...]
    blocks: tuple[blocks.Block, ...] = ()  # what the section is for
    counts: tuple[ParameterCount, ...] = ()  # of the net's first layer of each kind
    facts: tuple[catalogue.Fact, ...] = ()
    errata: tuple[catalogue.Erratum, ...] = ()


def walk(net: str, at: str | None = None) -> list[Section]:
    """Lists the sections of a net from input to output, then one for the complete net.

    Args:
      net: a name of the registry.
      at: an end point or scope; returns only the section that has it.

    Raises: BadInputError for an unknown net or section, with the nearest names.
    """
    scope = registry.get_net(net).scope
    sections = [*_cut_into_sections(net, scope), Section("", (), ())]
    facts = _assign(sections, [fact for fact in catalogue.facts() if net in fact.nets])
    errata = _assign(sections, [row for row in catalogue.errata() if net in row.nets])
    sections = [
        dataclasses.replace(section, facts=tuple(facts[i]), errata=tuple(errata[i]))
        for i, section in enumerate(sections)
    ]
    if at is None:
        return sections
    matches = [section for section in sections if at in section.names]
    if not matches:
        near = suggest_names(at, [name for section in sections for name in section.names])
        raise BadInputError(
            f"{net} has no section {at!r}{near} "
            f"({len(sections) - 1} sections: legacy-nets explain {net})"
        )
    return matches


def _cut_into_sections(net: str, scope: str) -> list[Section]:
    """Cuts the layers of a net after each end point."""
    layers = common.analyze_net(net).layers
    graph = common.build_net(net).images.graph
    counts = select_first_of_each_kind(explain_parameters(layers, graph))
    sections, first = [], 0
    for last, titles in sorted(_find_ends(net, scope, layers).items()):
        members = layers[first : last + 1]
        if members:
            inner = [layer.name.removeprefix(f"{scope}/") for layer in members]
            section = Section(
                ", ".join(titles),
                names=_list_names(titles, inner),
                layers=members,
                blocks=tuple(blocks.find_blocks(net, [*titles, *inner])),
                counts=tuple(c for c in counts if c.layer in {layer.name for layer in members}),
            )
            sections.append(section)
        first = max(first, last + 1)
    return sections


def _find_ends(net: str, scope: str, layers: Sequence[anatomy.Layer]) -> dict[int, list[str]]:
    """Finds the indices of the layers that make end points, with the names of the end points."""
    images, _, end_points = common.build_net(net)
    operations = {op.name: i for i, op in enumerate(images.graph.get_operations())}
    positions = [operations[layer.tensor.partition(":")[0]] for layer in layers]
    indices = {layer.tensor: i for i, layer in enumerate(layers)}
    ends: dict[int, list[str]] = {}
    for name, point in _select_outer(end_points, scope).items():
        tensor = _skip_reshapes(point)
        index = indices.get(tensor.name)
        if (
            index is None and tensor.op.type in norms.FUSED
        ):  # of a convolution without an activation
            index = indices.get(tensor.op.inputs[0].name)
        if index is None:
            index = bisect.bisect_left(positions, operations[point.op.name])
        ends.setdefault(min(index, len(positions) - 1), []).append(name)
    ends.setdefault(len(positions) - 1, ["output"])
    return ends


def _select_outer(end_points: EndPoints, scope: str) -> EndPoints:
    """Selects end points by names without the net's scope: all, or those of outer scopes.

    The last end point within an outer scope is that of the scope.
    """
    points = {
        name.removeprefix(f"{scope}/"): point
        for name, point in end_points.items()
        if isinstance(point, tf.Tensor)
    }
    selected = points
    depth = max((name.count("/") for name in points), default=0)
    while depth and len(selected) > MAX_SECTIONS:
        selected = {"/".join(name.split("/")[:depth]): points[name] for name in points}
        depth -= 1
    return selected


def _skip_reshapes(tensor: Tensor) -> Tensor:
    """Returns the tensor that has the same values before they were reshaped."""
    while tensor.op.type in _SAME_VALUES:
        tensor = tensor.op.inputs[0]
    return tensor


def _list_names(titles: list[str], layers: list[str]) -> tuple[str, ...]:
    """Lists the titles and the outermost scopes of the layers."""
    return tuple(dict.fromkeys([*titles, *(layer.split("/")[0] for layer in layers)]))


def _assign(
    sections: list[Section], rows: Sequence[catalogue.AnyRow]
) -> list[list[catalogue.AnyRow]]:
    """Assigns each row to a section; rows that name none go to the last section."""
    assigned: list[list[catalogue.AnyRow]] = [[] for _ in sections]
    for row in rows:
        indices = [_find_section(sections, text) for text in _list_texts(row)]
        assigned[next((i for i in indices if i is not None), -1)].append(row)
    return assigned


def _list_texts(row: catalogue.Row) -> list[str]:
    """Lists the texts of a row that may name a section, the most reliable first."""
    if isinstance(row, catalogue.Fact):
        return [row.place, row.quantity, " ".join(row.measure)]
    return [row.place]


def _find_section(sections: list[Section], text: str) -> int | None:
    """Finds the section whose name comes first in a text."""
    hits = []
    for i, section in enumerate(sections):
        for name in section.names:
            hit = re.search(rf"(?<!\w){re.escape(name)}(?!\w)", text)
            if hit:
                hits.append((hit.start(), i))
    return min(hits)[1] if hits else None
