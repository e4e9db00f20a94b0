"""A graph as it is drawn: one node for each layer or stage, one edge where one reads another."""

from __future__ import annotations

import dataclasses
import itertools
from collections import Counter
from collections.abc import Iterable

from legacy_nets.anatomy import norms
from legacy_nets.anatomy.analyze import pair_rows_with_layers
from legacy_nets.anatomy.graph_drawing.steps import list_steps
from legacy_nets.anatomy.layers import Layer
from legacy_nets.graphdef.live_graph import LiveGraph, find_live_graph
from legacy_nets.shapes import format_axes, format_window
from legacy_nets.types import Graph, Tensor


@dataclasses.dataclass(frozen=True)
class Node:
    """A layer or stage."""

    name: str  # of the layer, without the scope that all share; or of the stage
    stage: str
    layer_type: str  # of a layer; "stage" of several
    steps: tuple[tuple[str, int], ...]  # (step, how often); of a layer in the order of the graph
    window: str  # "3x3 / 2x2 SAME"; "" without
    output: tuple[int | None, ...] | None  # shape, None where unknown
    parameters: int
    operations: tuple[str, ...]  # names of the operations that the node is
    layers: int = 1  # how many a stage has


@dataclasses.dataclass(frozen=True)
class LayerGraph:
    """Nodes in the order of construction; edges as pairs of their indices, sorted."""

    name: str
    nodes: tuple[Node, ...]
    edges: tuple[tuple[int, int], ...]

    def count_steps(self) -> Counter[str]:
        """Counts the steps of all nodes."""
        counts: Counter[str] = Counter()
        for node in self.nodes:
            for step, count in node.steps:
                counts[step] += count
        return counts


def make_layer_graph(
    graph: Graph,
    inputs: Iterable[Tensor] | None = None,
    outputs: Iterable[Tensor] | None = None,
    *,
    name: str = "graph",
) -> LayerGraph:
    """Makes the graph of the layers; the TensorFlow graph is not changed and not run.

    Every operation between inputs and outputs is in one node. An edge says that an operation of
    its second node reads a tensor of its first.

    Args: as for ``analyze_graph``.
    Raises: BadInputError where nothing depends on the inputs.
    """
    alive = find_live_graph(graph, inputs, outputs)
    scopes = norms.find_scopes(alive)
    pairs = pair_rows_with_layers(alive)
    prefix = _find_shared_scope(layer for _, layer in pairs)
    nodes = []
    for row, layer in pairs:
        path = layer.name.removeprefix(prefix)
        scope, _, _ = path.partition("/")
        nodes.append(
            Node(
                name=path,
                stage=scope if scope != path else _name_sides(layer.output),
                layer_type=layer.layer_type,
                steps=tuple((step, 1) for step in list_steps(row, layer.layer_type, scopes)),
                window=_write_window(layer),
                output=layer.output,
                parameters=layer.parameters,
                operations=tuple(op.name for op in row.operations),
            )
        )
    return LayerGraph(name, _number_stages(nodes), _find_edges(alive, nodes))


def fold_stages(layers: LayerGraph) -> LayerGraph:
    """Makes one node of the consecutive layers of one stage.

    A stage is a scope of the net. Layers that are in no scope are one stage as long as their maps
    have the same sides. A stage of one layer stays that layer.
    """
    nodes: list[Node] = []
    index: list[int] = []  # of the stage of each layer
    for _, group in itertools.groupby(layers.nodes, key=lambda node: node.stage):
        members = list(group)
        index += [len(nodes)] * len(members)
        nodes.append(members[0] if len(members) == 1 else _merge(members))
    edges = {(index[start], index[end]) for start, end in layers.edges}
    return LayerGraph(
        layers.name, tuple(nodes), tuple(sorted(edge for edge in edges if edge[0] != edge[1]))
    )


def _merge(members: list[Node]) -> Node:
    steps = LayerGraph("", tuple(members), ()).count_steps()
    return Node(
        name=members[0].stage,
        stage=members[0].stage,
        layer_type="stage",
        steps=tuple(steps.items()),
        window="",
        output=members[-1].output,
        parameters=sum(member.parameters for member in members),
        operations=tuple(name for member in members for name in member.operations),
        layers=len(members),
    )


def _number_stages(nodes: list[Node]) -> tuple[Node, ...]:
    """Gives stages of the same name numbers: "56x56", "56x56 (2)"."""
    numbered: list[Node] = []
    seen: Counter[str] = Counter()
    for stage, members in itertools.groupby(nodes, key=lambda node: node.stage):
        seen[stage] += 1
        unique = stage if seen[stage] == 1 else f"{stage} ({seen[stage]})"
        numbered += [dataclasses.replace(member, stage=unique) for member in members]
    return tuple(numbered)


def _find_edges(alive: LiveGraph, nodes: list[Node]) -> tuple[tuple[int, int], ...]:
    owners = {name: index for index, node in enumerate(nodes) for name in node.operations}
    edges = {
        (owners[tensor.op.name], owners[op.name])
        for op in alive.operations
        for tensor in op.inputs
        if tensor.op.name in owners
    }
    return tuple(sorted(edge for edge in edges if edge[0] != edge[1]))


def _find_shared_scope(layers: Iterable[Layer]) -> str:
    """Finds the scope that all layers share, with its slash; inputs do not count."""
    scopes = [layer.name.split("/")[:-1] for layer in layers if layer.layer_type != "input"]
    shared = []
    for parts in zip(*scopes, strict=False):
        if len(set(parts)) > 1:
            break
        shared.append(parts[0] + "/")
    return "".join(shared)


def _name_sides(shape: tuple[int | None, ...] | None) -> str:
    """Names a stage by the sides of its maps: "56x56"; "vector" where there are none."""
    if shape is None or len(shape) < 3:
        return "vector"
    return format_axes(shape[1:-1])


def _write_window(layer: Layer) -> str:
    window = format_window(layer.kernel, layer.stride, layer.padding)
    if layer.dilation is not None and set(layer.dilation) != {1}:
        window += f", dilation {format_axes(layer.dilation)}"
    return f"{window}, {layer.groups} groups" if layer.groups > 1 else window
