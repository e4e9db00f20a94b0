"""Arranges the nodes of a graph in rows from left to right, with the bends of long edges.

igraph gives the order in each row, with few crossings (Sugiyama's method). Its own columns may
overlap and are as wide for a line as for a box; so the places come from here.
"""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Sequence

from legacy_nets.errors import SetupError

_SWEEPS = 8
_WEIGHTS = (1, 1, 8)  # of a line between two boxes, a box and a bend, two bends: straight


@dataclasses.dataclass(frozen=True)
class Arrangement:
    """Middles of boxes, and of edges in the rows between their ends, in pixels from the left."""

    boxes: tuple[float, ...]
    bends: tuple[tuple[float, ...], ...]  # of each edge, from top to bottom
    width: float


def find_rows(nodes: int, edges: Sequence[tuple[int, int]]) -> list[int]:
    """Returns the row of each node: below all nodes that it reads.

    Args:
      nodes: number of nodes; each comes after those that it reads.
      edges: pairs of indices.
    """
    rows = [0] * nodes
    for start, end in sorted(edges, key=lambda edge: edge[1]):
        rows[end] = max(rows[end], rows[start] + 1)
    return rows


def arrange(
    rows: Sequence[int], edges: Sequence[tuple[int, int]], width: float, bend: float, gap: float
) -> Arrangement:
    """Arranges boxes so that lines are short and straight and nothing overlaps.

    Args:
      rows: the row of each node.
      edges: pairs of indices, from a row to a lower one.
      width: of each box.
      bend: width that a line needs where it passes a row.
      gap: between neighbours.

    Raises: SetupError where igraph is not installed.
    """
    try:
        import igraph
    except ImportError:
        raise SetupError(
            "the graph is not drawn: it needs igraph: pip install 'legacy-nets[figures]'"
        ) from None
    nodes = len(rows)
    found = igraph.Graph(nodes, list(edges), directed=True).layout_sugiyama(list(rows))
    order = [x for x, _ in found.coords]
    item_rows = list(rows)
    chains = []  # each edge as its items: box, bends, box
    for (start, end), points in zip(edges, found.edge_routing, strict=True):
        bends = range(len(order), len(order) + len(points))
        order += [x for x, _ in points]
        item_rows += range(rows[start] + 1, rows[end])
        chains.append([start, *bends, end])
    widths = [width if item < nodes else bend for item in range(len(order))]
    middles = _place(_Items(order, item_rows, widths, nodes, gap), chains)
    left = min(middle - size / 2 for middle, size in zip(middles, widths, strict=True))
    right = max(middle + size / 2 for middle, size in zip(middles, widths, strict=True))
    middles = [middle - left for middle in middles]
    return Arrangement(
        tuple(middles[:nodes]),
        tuple(tuple(middles[item] for item in chain[1:-1]) for chain in chains),
        right - left,
    )


@dataclasses.dataclass(frozen=True)
class _Items:
    """Boxes and bends: those from index ``nodes`` on are bends."""

    order: list[float]  # from left to right in their row
    rows: list[int]
    widths: list[float]
    nodes: int
    gap: float


def _place(items: _Items, chains: list[list[int]]) -> list[float]:
    """Returns the middle of each item: near those of the items that its lines lead to."""
    above: list[list[tuple[int, int]]] = [[] for _ in items.order]
    below: list[list[tuple[int, int]]] = [[] for _ in items.order]
    for chain in chains:
        for upper, lower in itertools.pairwise(chain):
            weight = _WEIGHTS[(upper >= items.nodes) + (lower >= items.nodes)]
            above[lower].append((upper, weight))
            below[upper].append((lower, weight))
    rows: list[list[int]] = [[] for _ in range(max(items.rows) + 1)]
    for item in sorted(range(len(items.order)), key=lambda item: items.order[item]):
        rows[items.rows[item]].append(item)
    middles = [0.0] * len(items.order)
    for ordered, neighbours in [(rows, above), (rows[::-1], below)] * _SWEEPS + [(rows, above)]:
        for row in ordered:
            wishes = [_find_middle(middles, neighbours[item], middles[item]) for item in row]
            weights = [max((w for _, w in neighbours[item]), default=1) for item in row]
            for item, middle in zip(row, _separate(items, row, wishes, weights), strict=True):
                middles[item] = middle
    return middles


def _find_middle(
    middles: list[float], neighbours: list[tuple[int, int]], otherwise: float
) -> float:
    """Finds the middle between the outermost neighbours: below a fork, a join is under it."""
    places = [middles[item] for item, _ in neighbours]
    return (min(places) + max(places)) / 2 if places else otherwise


def _separate(
    items: _Items, row: list[int], wishes: list[float], weights: list[int]
) -> list[float]:
    """Moves the items of a row as little as possible so that they do not overlap.

    This is isotonic regression (pool adjacent violators) on what is left of the wishes when each
    item keeps its distance from its left neighbour.
    """
    offsets = [0.0]
    for left, right in itertools.pairwise(row):
        offsets.append(offsets[-1] + (items.widths[left] + items.widths[right]) / 2 + items.gap)
    pools: list[tuple[float, float, int]] = []  # mean, weight, number of items
    for wish, offset, weight in zip(wishes, offsets, weights, strict=True):
        mean, total, count = wish - offset, float(weight), 1
        while pools and pools[-1][0] > mean:
            other, other_weight, other_count = pools.pop()
            mean = (mean * total + other * other_weight) / (total + other_weight)
            total, count = total + other_weight, count + other_count
        pools.append((mean, total, count))
    means = [mean for mean, _, count in pools for _ in range(count)]
    return [mean + offset for mean, offset in zip(means, offsets, strict=True)]
