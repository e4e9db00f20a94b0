"""Finds dropouts, and removes those whose probability is known."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import NamedTuple

import numpy as np

from legacy_nets import tf1 as tf
from legacy_nets.graphdef.edit import make_constant, make_identity
from legacy_nets.graphdef.node_names import get_node_name, is_training_gradient
from legacy_nets.graphdef.op_types import PLACEHOLDERS
from legacy_nets.graphdef.traverse import find_ancestors, list_data_inputs
from legacy_nets.port.imported.constants import compute_constant
from legacy_nets.port.imported.subgraph import NodeInput
from legacy_nets.types import NodeDef

_TOLERANCE = 1e-6  # relative


class Dropout(NamedTuple):
    """product = data * mask. A tensor gives the probability that an element of the mask is 1."""

    product: str  # node
    data: str  # tensor
    mask: int  # which input of the product
    probability: str  # tensor
    is_rate: bool  # the probability is the share that is dropped, not the share that is kept


class _Probability(NamedTuple):
    tensor: str
    is_rate: bool


def find_dropouts(nodes: Mapping[str, NodeDef]) -> list[Dropout]:
    """Finds all dropouts of a graph, outside of its gradients.

    They have three forms: x * floor(keep + uniform), x * cast(uniform >= rate), and
    select(uniform >= rate, x, 0).
    """
    return list(_iterate_dropouts(nodes))


def find_keep_placeholder(
    nodes: Mapping[str, NodeDef], dropout: Dropout
) -> tuple[str, float] | None:
    """Finds the placeholder that alone decides a probability, and its value that drops nothing."""
    ancestors = find_ancestors(nodes, [dropout.probability])
    placeholders = [name for name in ancestors if nodes[name].op in PLACEHOLDERS]
    if len(placeholders) != 1:
        return None
    [name] = placeholders
    keeps_all = 0 if dropout.is_rate else 1
    for value in (1.0, 0.0):
        constant = tf.NodeDef()
        constant.attr["dtype"].CopyFrom(nodes[name].attr["dtype"])
        make_constant(constant, np.asarray(value))
        if compute_constant({**nodes, name: constant}, dropout.probability) == keeps_all:
            return name, value
    return None


def remove_dropout(nodes: Mapping[str, NodeDef], dropout: Dropout) -> tuple[NodeInput, ...] | None:
    """Removes a dropout in place. Returns None where it stays, since its probability is not known.

    Else returns the inputs to set to 1 in the original graph, so that it computes the same: none
    where nothing was dropped, else the mask and the factor 1 / keep, which makes up for the loss.
    """
    probability = compute_constant(nodes, dropout.probability)
    if probability is None:
        return None
    keep = float(1 - probability if dropout.is_rate else probability)
    product, scaled = nodes[dropout.product], nodes.get(get_node_name(dropout.data))
    dtype = product.attr["T"].type
    if (
        scaled is not None
        and _divides_by(nodes, scaled, keep)
        and (keep == 1 or _count_readers(nodes, scaled.name) == 1)
    ):
        make_identity(scaled, scaled.input[0], dtype)
    elif keep != 1:
        return None  # not scaled by 1 / keep: this is no tf.nn.dropout
    make_identity(product, dropout.data, dtype)
    if keep == 1:
        return ()
    mask = NodeInput(dropout.product, dropout.mask)
    return mask, NodeInput(get_node_name(dropout.data), 1)


def _iterate_dropouts(nodes: Mapping[str, NodeDef]) -> Iterator[Dropout]:
    for node in nodes.values():
        if is_training_gradient(node.name):
            continue
        tensors = list_data_inputs(node)
        if node.op == "Mul" and len(tensors) == 2:
            for mask in (1, 0):
                probability = _find_mask_probability(nodes, tensors[mask])
                if probability:
                    yield Dropout(node.name, tensors[1 - mask], mask, *probability)
                    break
        elif node.op in ("Select", "SelectV2"):
            condition, data, other = tensors
            rate = _find_rate(nodes, condition)
            if rate and compute_constant(nodes, other) == 0:
                yield Dropout(node.name, data, 0, rate, True)


def _find_mask_probability(nodes: Mapping[str, NodeDef], mask: str) -> _Probability | None:
    """Finds the probability of floor(keep + uniform) or cast(uniform >= rate)."""
    node = nodes.get(get_node_name(mask))
    if node is None or node.op not in ("Floor", "Cast"):
        return None
    if node.op == "Cast":
        rate = _find_rate(nodes, node.input[0])
        return _Probability(rate, True) if rate else None
    total = nodes.get(get_node_name(node.input[0]))
    if total is not None and total.op in ("Add", "AddV2"):
        first, second = total.input[:2]
        for keep, noise in ((first, second), (second, first)):
            if _is_uniform(nodes, noise):
                return _Probability(keep, False)
    return None


def _find_rate(nodes: Mapping[str, NodeDef], tensor: str) -> str | None:
    """Finds what a random number in [0, 1) is compared with."""
    node = nodes.get(get_node_name(tensor))
    if node is None or node.op != "GreaterEqual" or not _is_uniform(nodes, node.input[0]):
        return None
    return str(node.input[1])


def _is_uniform(nodes: Mapping[str, NodeDef], tensor: str) -> bool:
    """Whether a tensor is random in [0, 1): RandomUniform, times 1, plus 0."""
    node = nodes.get(get_node_name(tensor))
    if node is None:
        return False
    if node.op == "RandomUniform":
        return True
    neutral = {"Add": 0, "AddV2": 0, "Mul": 1}.get(node.op)
    if neutral is None:
        return node.op in ("Identity", "Enter") and _is_uniform(nodes, node.input[0])
    is_neutral = compute_constant(nodes, node.input[1]) == neutral
    return is_neutral and _is_uniform(nodes, node.input[0])


def _divides_by(nodes: Mapping[str, NodeDef], node: NodeDef, keep: float) -> bool:
    """Whether a node divides by a number, or multiplies by its inverse."""
    if node.op not in ("RealDiv", "Div", "Mul"):
        return False
    operand = compute_constant(nodes, node.input[1])
    if operand is None or not operand:
        return False
    factor = float(operand if node.op == "Mul" else 1 / operand)
    return abs(factor * keep - 1) < _TOLERANCE * factor


def _count_readers(nodes: Mapping[str, NodeDef], name: str) -> int:
    """Counts the nodes that read a node's tensors, without gradients."""
    return sum(
        name in map(get_node_name, list_data_inputs(node))
        for node in nodes.values()
        if not is_training_gradient(node.name)
    )
