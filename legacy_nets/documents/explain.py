"""A walk through a net: at each place what the document says, what the graph has, what was mended.

    for place in walk("inception_v3"): place.title, place.layers, place.facts, place.errata

A place ends where an end point of the net is made. A fact or erratum belongs to the place whose
end point or scope it names; the last entry, ``place.title == ""``, has those that name none.
"""

from __future__ import annotations

import bisect
import dataclasses
import re
from typing import Any

from legacy_nets import anatomy, registry
from legacy_nets.documents import catalogue
from legacy_nets.documents.checks import common
from legacy_nets.errors import BadInputError, find_nearest

MOST_PLACES = 30  # where a net has more end points, those of inner scopes are left out
_SAME_VALUES = {"Reshape", "Squeeze", "Identity"}


@dataclasses.dataclass(frozen=True)
class Place:
    """Some layers in a row, and what the documents have to say there."""

    title: str  # the end points that are made here; "" for the net as a whole
    names: tuple[str, ...]  # words by which a document may mean this place
    layers: tuple[anatomy.Layer, ...]
    facts: tuple[catalogue.Fact, ...] = ()
    errata: tuple[catalogue.Erratum, ...] = ()


def walk(net: str, at: str | None = None) -> list[Place]:
    """The places of a net from input to output, then one for the net as a whole.

    Args:
      net: a name of the registry.
      at: only the place that has this end point or scope.

    Raises: BadInputError for an unknown net or place, with the nearest names.
    """
    record = registry.get_net(net)
    places = [*_places(common.taken_apart(net), net, record.scope), Place("", (), ())]
    facts, errata = (_by_place(places, rows) for rows in _rows(net))
    walked = [
        dataclasses.replace(place, facts=tuple(facts[i]), errata=tuple(errata[i]))
        for i, place in enumerate(places)
    ]
    if at is None:
        return walked
    found = [place for place in walked if at in place.names]
    if not found:
        known = [name for place in places for name in place.names]
        near = find_nearest(at, known)
        raise BadInputError(
            f"{net} has no place {at!r}; nearest: {', '.join(near)} "
            f"({len(places) - 1} places: legacy-nets explain {net})"
        )
    return found


def _rows(net: str) -> tuple[list[catalogue.Fact], list[catalogue.Erratum]]:
    return (
        [fact for fact in catalogue.facts() if net in fact.nets],
        [erratum for erratum in catalogue.errata() if net in erratum.nets],
    )


def _places(found: anatomy.Anatomy, net: str, scope: str) -> list[Place]:
    """Cuts the layers behind each end point."""
    graph = common.built(net)[0].graph
    operations = {operation.name: i for i, operation in enumerate(graph.get_operations())}
    positions = [operations[layer.tensor.partition(":")[0]] for layer in found.layers]
    indices = {layer.tensor: i for i, layer in enumerate(found.layers)}
    ends: dict[int, list[str]] = {}
    for name, point in _outer(common.built(net)[2], scope).items():
        index = indices.get(_source(point).name)
        if index is None:
            index = bisect.bisect_left(positions, operations[point.op.name])
        ends.setdefault(min(index, len(positions) - 1), []).append(name)
    ends.setdefault(len(positions) - 1, ["output"])
    places, first = [], 0
    for last, titles in sorted(ends.items()):
        layers = found.layers[first : last + 1]
        if layers:
            places.append(Place(", ".join(titles), _names(titles, layers, scope), layers))
        first = max(first, last + 1)
    return places


def _outer(points: dict[str, Any], scope: str) -> dict[str, Any]:
    """End points under names without the net's scope: all, or those of the outer scopes."""
    named = {name.removeprefix(f"{scope}/"): point for name, point in points.items()}
    named = {name: point for name, point in named.items() if hasattr(point, "op")}
    depth = max((name.count("/") for name in named), default=0)
    while depth and sum(name.count("/") <= depth for name in named) > MOST_PLACES:
        depth -= 1
    return {name: point for name, point in named.items() if name.count("/") <= depth}


def _source(tensor: Any) -> Any:
    """The tensor that has the same values before they were reshaped."""
    while tensor.op.type in _SAME_VALUES:
        tensor = tensor.op.inputs[0]
    return tensor


def _names(titles: list[str], layers: tuple[anatomy.Layer, ...], scope: str) -> tuple[str, ...]:
    """Titles, and the outermost scopes of the layers."""
    scopes = [layer.name.removeprefix(f"{scope}/").split("/")[0] for layer in layers]
    return tuple(dict.fromkeys([*titles, *scopes]))


def _by_place(places: list[Place], rows: list[Any]) -> list[list[Any]]:
    """The rows of each place; those that name none go to the last."""
    found: list[list[Any]] = [[] for _ in places]
    for row in rows:
        texts = [row.place, getattr(row, "quantity", ""), " ".join(_words(row))]
        hits = [i for i in (_first(places, text) for text in texts) if i is not None]
        found[hits[0] if hits else -1].append(row)
    return found


def _words(row: Any) -> tuple[str, ...]:
    return row.measure if isinstance(row, catalogue.Fact) else ()


def _first(places: list[Place], text: str) -> int | None:
    """Of the places that a text names, the one it names first."""
    found = []
    for i, place in enumerate(places):
        for name in place.names:
            hit = re.search(rf"(?<!\w){re.escape(name)}(?!\w)", text)
            if hit:
                found.append((hit.start(), i))
    return min(found)[1] if found else None
