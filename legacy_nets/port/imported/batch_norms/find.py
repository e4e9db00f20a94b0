"""Finds batch norms that use the statistics of their batch, by what they compute."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from legacy_nets import tf1 as tf
from legacy_nets.graphdef.node_names import get_node_name
from legacy_nets.graphdef.op_types import DATA_SOURCES
from legacy_nets.graphdef.traverse import (
    find_descendants,
    index_consumers,
    index_nodes,
    list_data_inputs,
)
from legacy_nets.port.imported.graph import ImportedGraph
from legacy_nets.types import GraphDef, NodeDef

_REDUCTIONS = ("Mean", "Sum")
_DEVIATIONS = (  # operations whose average is a variance, and those around them
    *("SquaredDifference", "Square", "Sub", "Mul", "Pow"),
    *("Identity", "StopGradient", "Cast"),
)


def find_training_batch_norms(imported: ImportedGraph, definition: GraphDef) -> list[str]:
    """Finds the batch norms that use the statistics of their batch; one node of each.

    Each row of the outputs depends on the other rows. The arguments are those of
    ``find_batch_statistics``.
    """
    norms: dict[str, str] = {}  # normalized node -> the node that shows its batch norm
    for name, normalized in find_batch_statistics(imported, definition).items():
        norms.setdefault(normalized, name)
    return list(norms.values())


def find_batch_statistics(imported: ImportedGraph, definition: GraphDef) -> dict[str, str]:
    """Maps each node that computes statistics of a batch to the node that it normalizes.

    They are fused batch norms of training, which normalize themselves, and averages over the batch
    axis that are combined again with tensors of that axis.

    Args:
      imported: the original, which knows the ranks of tensors.
      definition: the part of it that computes the outputs.
    """
    nodes = index_nodes(definition)
    consumers = index_consumers(nodes)
    sources = [node.name for node in definition.node if node.op in DATA_SOURCES]
    fed = find_descendants(consumers, sources, nodes)
    statistics: dict[str, str] = {}
    for node in definition.node:
        if is_fused(node):
            statistics[node.name] = node.name
        elif _averages_batch(imported, node) and _is_recombined(
            imported, nodes, consumers, fed, node
        ):
            statistics[node.name] = _find_normalized(nodes, node)
    return statistics


def is_fused(node: NodeDef) -> bool:
    """Whether a node is a fused batch norm of training; that is its default."""
    is_training = node.attr["is_training"].b if "is_training" in node.attr else True
    return node.op.startswith("FusedBatchNorm") and is_training


def _averages_batch(imported: ImportedGraph, node: NodeDef) -> bool:
    """Whether a node averages or adds up over the first axis of a tensor of two axes or more."""
    if node.op not in _REDUCTIONS:
        return False
    operand, axes_tensor = list_data_inputs(node)
    axes = tf.get_static_value(imported.get_tensor(axes_tensor))
    rank = _get_rank(imported, operand)
    if axes is None or rank == 1:
        return False
    return any(axis in (0, None if rank is None else -rank) for axis in np.ravel(axes).tolist())


def _get_rank(imported: ImportedGraph, tensor: str) -> int | None:
    """Returns the number of axes; None where it is not known, or for an input of another name."""
    try:
        return imported.get_rank(tensor)
    except (KeyError, ValueError):
        return None


def _is_recombined(
    imported: ImportedGraph,
    nodes: Mapping[str, NodeDef],
    consumers: Mapping[str, list[NodeDef]],
    fed: set[str],
    reduction: NodeDef,
) -> bool:
    """Whether what a reduction computes meets a tensor of as many axes as the reduced one.

    ``fed``: the nodes that depend on the inputs. A mean loss meets no such tensor.
    """
    rank = _get_rank(imported, list_data_inputs(reduction)[0])
    statistics = find_descendants(consumers, [reduction.name], nodes)
    others = fed - statistics
    return any(
        get_node_name(tensor) in others and rank in (None, _get_rank(imported, tensor))
        for name in statistics - {reduction.name}
        for tensor in list_data_inputs(nodes[name])
    )


def _find_normalized(nodes: Mapping[str, NodeDef], reduction: NodeDef) -> str:
    """Finds the node whose tensor a batch norm normalizes, from its mean or its variance."""
    name = get_node_name(reduction.input[0])
    while name in nodes and nodes[name].op in _DEVIATIONS:
        name = get_node_name(nodes[name].input[0])
    return name
