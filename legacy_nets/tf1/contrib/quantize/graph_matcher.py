"""Finds subgraphs by patterns of their operations' types."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from typing import TypeAlias

from legacy_nets.types import Graph, Operation, Tensor

# What each pattern of a match has matched: the operation, and its output on the way.
_Found: TypeAlias = "dict[Pattern, tuple[Operation, Tensor | None]]"


class Pattern:
    """What an operation and its inputs must be."""

    def match(self, op: Operation, tensor: Tensor | None) -> _Found | None:
        """Returns what each pattern has matched; None where one has not."""
        raise NotImplementedError


class OpTypePattern(Pattern):
    """An operation of one of the types (``Add|AddV2``, ``*`` for all), with such inputs."""

    def __init__(
        self, op_type: str, inputs: Sequence[Pattern | str] = (), ordered_inputs: bool = True
    ) -> None:
        self._types = op_type.split("|")
        self._inputs = [OpTypePattern(each) if isinstance(each, str) else each for each in inputs]
        self._ordered_inputs = ordered_inputs

    def match(self, op: Operation, tensor: Tensor | None) -> _Found | None:
        """Matches the type, and the inputs in one of the orders."""
        if self._types != ["*"] and op.type not in self._types:
            return None
        if not self._inputs:
            return {self: (op, tensor)}
        if len(op.inputs) != len(self._inputs):
            return None
        orders = [self._inputs] if self._ordered_inputs else itertools.permutations(self._inputs)
        for order in orders:
            found: _Found = {self: (op, tensor)}
            for value, pattern in zip(op.inputs, order, strict=True):
                below = pattern.match(value.op, value)
                if below is None:
                    break
                found.update(below)
            else:
                return found
        return None


class OneofPattern(Pattern):
    """The first of several patterns that matches."""

    def __init__(self, patterns: Sequence[Pattern]) -> None:
        self._patterns = patterns

    def match(self, op: Operation, tensor: Tensor | None) -> _Found | None:
        """Matches the first pattern that does."""
        for pattern in self._patterns:
            found = pattern.match(op, tensor)
            if found is not None:
                return found
        return None


class Match:
    """A subgraph that a pattern has matched."""

    def __init__(self, found: _Found) -> None:
        self._found = found

    def get_op(self, pattern: Pattern) -> Operation:
        """Returns the operation of a pattern that has one."""
        return self._found[pattern][0]

    def get_tensor(self, pattern: Pattern) -> Tensor:
        """Returns the tensor of a pattern that has one."""
        return self._found[pattern][1]

    def find_op(self, *patterns: Pattern) -> Operation | None:
        """Returns the operation of the first of the patterns that has one."""
        return next((self._found[p][0] for p in patterns if p in self._found), None)

    def find_tensor(self, *patterns: Pattern) -> Tensor | None:
        """Returns the tensor of the first of the patterns that has one."""
        return next((self._found[p][1] for p in patterns if p in self._found), None)


def match_graph(pattern: Pattern, graph: Graph) -> Iterator[Match]:
    """Yields the matches of a pattern, by the order of the operations that it begins with."""
    for op in graph.get_operations():
        found = pattern.match(op, None)
        if found is not None:
            yield Match(found)
