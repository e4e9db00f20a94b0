"""Walks graphs: ancestors, descendants and the nodes between inputs and outputs."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Container, Iterable, Iterator, Mapping
from typing import TypeVar

from legacy_nets.graphdef.node_names import get_node_name, is_control_edge
from legacy_nets.graphdef.op_types import MATRIX_PRODUCTS, SHAPE_READERS
from legacy_nets.types import GraphDef, NodeDef

Item = TypeVar("Item")


def walk(
    starts: Iterable[Item],
    list_next: Callable[[Item], Iterable[Item]],
    *,
    breadth_first: bool = False,
) -> Iterator[Item]:
    """Yields each item that can be reached from ``starts``, once.

    Args:
      starts: they are yielded, too. The walk begins with the last one (breadth first: the first).
      list_next: gives the neighbours of an item; it is called after the item was yielded.
      breadth_first: visits near items before far ones; else the walk goes deep first.
    """
    waiting = deque(starts)
    visited: set[Item] = set()
    while waiting:
        item = waiting.popleft() if breadth_first else waiting.pop()
        if item not in visited:
            visited.add(item)
            yield item
            waiting.extend(list_next(item))


def index_nodes(definition: GraphDef) -> dict[str, NodeDef]:
    """Maps names to nodes; these are the definition's own, so that a change shows there."""
    return {node.name: node for node in definition.node}


def index_consumers(nodes: Mapping[str, NodeDef]) -> dict[str, list[NodeDef]]:
    """Maps each node's name to the nodes that take one of its tensors, each once."""
    consumers: dict[str, list[NodeDef]] = {name: [] for name in nodes}
    for node in nodes.values():
        for name in dict.fromkeys(get_node_name(tensor) for tensor in list_data_inputs(node)):
            consumers.setdefault(name, []).append(node)
    return consumers


def list_data_inputs(node: NodeDef) -> list[str]:
    """Lists the tensors that a node takes, without its control edges."""
    return [edge for edge in node.input if not is_control_edge(edge)]


def find_ancestors(
    nodes: Mapping[str, NodeDef],
    tensors: Iterable[str],
    *,
    stop_at: Container[str] = (),
    ignored_tensors: Container[str] = (),
    control_edges: bool = False,
) -> list[str]:
    """Finds the nodes that tensors are computed from, and the tensors' own nodes.

    Args:
      nodes: by name.
      tensors: as a GraphDef names them.
      stop_at: nodes to include, but not to go through.
      ignored_tensors: tensors that are not followed.
      control_edges: follows them, too.
    """

    def list_operands(name: str) -> list[str]:
        if name in stop_at:
            return []
        edges = nodes[name].input if control_edges else list_data_inputs(nodes[name])
        return list_nodes(edges)

    def list_nodes(edges: Iterable[str]) -> list[str]:
        names = [get_node_name(edge) for edge in edges if edge not in ignored_tensors]
        return [name for name in names if name in nodes]

    return list(walk(list_nodes(tensors), list_operands))


def find_descendants(
    consumers: Mapping[str, Iterable[NodeDef]], starts: Iterable[str], among: Container[str]
) -> set[str]:
    """Finds the nodes whose values depend on nodes ``starts``, these included.

    A shape does not count as a value. ``among``: the nodes that the walk may enter.
    """

    def list_readers(name: str) -> list[str]:
        readers = [node for node in consumers[name] if node.op not in SHAPE_READERS]
        return [node.name for node in readers if node.name in among]

    return set(walk(starts, list_readers))


def has_attention(definition: GraphDef, inputs: Iterable[str]) -> bool:
    """Whether a matrix product has two factors that are computed from the nodes ``inputs``."""
    nodes = index_nodes(definition)
    computed = find_descendants(index_consumers(nodes), inputs, nodes)
    return any(
        node.op in MATRIX_PRODUCTS
        and all(get_node_name(tensor) in computed for tensor in list_data_inputs(node))
        for node in definition.node
    )


def find_nodes_between(
    nodes: Mapping[str, NodeDef], inputs: Iterable[str], outputs: Iterable[str]
) -> list[str]:
    """Finds the nodes that compute outputs when inputs are fed (both are tensors)."""
    return find_ancestors(nodes, outputs, ignored_tensors=set(inputs))
