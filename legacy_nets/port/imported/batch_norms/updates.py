"""Finds which variables are moving averages of a batch's statistics, by how they are updated."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Container, Iterator
from typing import NamedTuple

import numpy as np

from legacy_nets import tf1 as tf
from legacy_nets.graphdef.node_names import (
    get_node_name,
    get_output_index,
    is_training_gradient,
)
from legacy_nets.graphdef.op_types import SWITCHES, VARIABLES
from legacy_nets.graphdef.traverse import (
    find_descendants,
    index_consumers,
    index_nodes,
    list_data_inputs,
    walk,
)
from legacy_nets.port.imported.graph import ImportedGraph
from legacy_nets.types import NodeDef

_UPDATE = re.compile(r"Assign(Add|Sub)?(VariableOp)?")
_SAME_VALUE = (*SWITCHES, "Identity", "StopGradient", "Cast", "Squeeze", "ExpandDims", "Reshape")
_READS = (*SWITCHES, "Identity", "ReadVariableOp", "Enter", "RefEnter")
_DIVISIONS = ("RealDiv", "Div")
_COMBINATIONS = ("Add", "AddV2", "AddN", "Sub", "Mul", *_DIVISIONS)
_LARGEST_CORRECTION = 2.0  # Bessel's: n / (n - 1)


class _Term(NamedTuple):
    """A tensor of statistics in the value of an update."""

    tensor: str
    is_subtracted: bool  # from the moving average, in place of being weighted and added
    is_weighted: bool


class _Update(NamedTuple):
    """A variable, and what its new value is combined from."""

    variable: str
    terms: tuple[_Term, ...]  # of statistics
    old_values: frozenset[str]  # variables
    divides: bool


def find_moving_averages(
    imported: ImportedGraph, forward: Container[str], statistics: Container[str]
) -> dict[str, str]:
    """Maps tensors of statistics to the variables that are their moving averages.

    A moving average is a variable whose new value combines its old one and one statistic; or the
    quotient of such a variable, without its bias (``zero_debias``), which then replaces it.

    Args:
      imported: the graph with its updates.
      forward: names of the nodes that the outputs need.
      statistics: names of the nodes that compute statistics of the batch.
    """
    search = _Search(imported, statistics)
    updates = [update for node in imported.definition.node for update in search.read_update(node)]
    averages = {
        update.variable: update.terms[0]
        for update in updates
        if update.variable in update.old_values and len(update.terms) == 1
    }
    for update in updates:
        biased = next(iter(update.old_values))
        if update.divides and update.old_values == {biased} and biased in averages:
            averages[update.variable] = averages.pop(biased)
    tensors = {variable: search.find_used(term, forward) for variable, term in averages.items()}
    counts = Counter(tensors.values())
    return {tensor: name for name, tensor in tensors.items() if tensor and counts[tensor] == 1}


class _Search:
    """Searches the updates of a graph for statistics."""

    def __init__(self, imported: ImportedGraph, statistics: Container[str]) -> None:
        self._imported = imported
        self._nodes = index_nodes(imported.definition)
        self._statistics = frozenset(name for name in self._nodes if name in statistics)
        consumers = index_consumers(self._nodes)
        self._from_data = find_descendants(
            consumers, self._list_data_sources(), self._nodes.keys() - self._statistics
        )
        self._from_statistics = find_descendants(consumers, self._statistics, self._nodes)

    def read_update(self, node: NodeDef) -> Iterator[_Update]:
        """Reads an update whose value combines old values of variables, and perhaps statistics."""
        if not _UPDATE.fullmatch(node.op):
            return
        variable, value = list_data_inputs(node)[:2]
        terms: list[_Term] = []
        old_values: set[str] = set()
        for term in walk([_Term(value, False, False)], self._list_operands):
            if self._is_statistic(term.tensor):
                terms.append(term)
            else:
                old_values.add(self._find_variable(term.tensor))
        old_values.discard("")
        if old_values:
            yield _Update(
                self._find_variable(variable),
                tuple(terms),
                frozenset(old_values),
                self._nodes[get_node_name(value)].op in _DIVISIONS,
            )

    def find_used(self, term: _Term, forward: Container[str]) -> str:
        """Finds the tensor that the net itself uses, of a term; "" where it uses none.

        The term may have another shape, the weight of the moving average, or Bessel's correction.
        """
        tensor, is_weighted = term.tensor, term.is_subtracted or term.is_weighted
        while get_node_name(tensor) not in forward:
            node = self._nodes[get_node_name(tensor)]
            operands = list_data_inputs(node)
            if node.op in _SAME_VALUE:
                tensor = operands[0]
                continue
            statistics = [edge for edge in operands if self._is_statistic(edge)]
            factors = [edge for edge in operands if edge not in statistics]
            if node.op not in ("Mul", *_DIVISIONS) or len(statistics) != 1 or not factors:
                return ""
            if not self._is_weight(factors[0], node.op == "Mul", term.is_subtracted):
                return ""
            [tensor] = statistics
            is_weighted = True
        return tensor if is_weighted else ""

    def _is_weight(self, factor: str, multiplies: bool, is_subtracted: bool) -> bool:
        """Whether a factor is 1 - decay, or Bessel's correction of a statistic."""
        number = tf.get_static_value(self._imported.get_tensor(factor))
        if number is None:  # computed from shapes
            return is_subtracted
        scale = float(np.ravel(number)[0]) if np.size(number) == 1 else 0.0
        scale = scale if multiplies or not scale else 1 / scale
        return 1 <= scale <= _LARGEST_CORRECTION if is_subtracted else 0 < scale < 1

    def _list_operands(self, term: _Term) -> list[_Term]:
        """Lists what a value is combined from; [] for a statistic, a variable and a gradient."""
        node = self._nodes[get_node_name(term.tensor)]
        if (
            self._is_statistic(term.tensor)
            or is_training_gradient(node.name)
            or self._find_variable(term.tensor)
        ):
            return []
        operands = list_data_inputs(node)
        if _UPDATE.fullmatch(node.op):
            operands = operands[:2]
        elif node.op in _SAME_VALUE:
            operands = operands[:1]
        elif node.op not in _COMBINATIONS:
            return []
        is_subtracted = term.is_subtracted or node.op == "Sub"
        is_weighted = term.is_weighted or node.op in ("Mul", *_DIVISIONS)
        return [_Term(tensor, is_subtracted, is_weighted) for tensor in operands]

    def _find_variable(self, tensor: str) -> str:
        """Finds the variable that a tensor is or reads; "" for another."""
        node = self._nodes[get_node_name(tensor)]
        while node.op in _READS:
            node = self._nodes[get_node_name(node.input[0])]
        return node.name if node.op in VARIABLES else ""

    def _is_statistic(self, tensor: str) -> bool:
        """Whether a tensor is computed from statistics and constants alone, or from shapes."""
        name = get_node_name(tensor)
        if name in self._statistics:
            return not self._is_normalized(tensor)
        return name in self._from_statistics and name not in self._from_data

    def _is_normalized(self, tensor: str) -> bool:
        """Whether a tensor is the first output of a fused batch norm; others are statistics."""
        name = get_node_name(tensor)
        is_fused = name in self._statistics and self._nodes[name].op.startswith("FusedBatchNorm")
        return is_fused and get_output_index(tensor) == 0

    def _list_data_sources(self) -> list[str]:
        """Lists the nodes that data or variables come out of, and readers of normalized data."""
        return [
            node.name
            for node in self._nodes.values()
            if (not list_data_inputs(node) and node.op != "Const")
            or any(self._is_normalized(tensor) for tensor in list_data_inputs(node))
        ]
