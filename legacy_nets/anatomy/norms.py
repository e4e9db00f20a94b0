"""Norms of several operations: the scope that holds them, and their type."""

from __future__ import annotations

import re
from collections.abc import Container

from legacy_nets.anatomy import windows
from legacy_nets.anatomy.multiply_adds import COUNTED
from legacy_nets.graphdef.live_graph import LiveGraph
from legacy_nets.types import Operation

FUSED = {"FusedBatchNorm", "FusedBatchNormV2", "FusedBatchNormV3", "_FusedBatchNormEx"}


def get_scope(op: Operation, scopes: Container[str]) -> str:
    """Returns the innermost of some scopes that holds an operation; "" if none does."""
    scope = op.name
    while scope:
        scope = scope.rpartition("/")[0]
        if scope in scopes:
            break
    return scope


def find_scopes(alive: LiveGraph) -> set[str]:
    """Finds the scopes of norms of several operations: they have a root and no weights."""
    if not alive.operations:
        return set()
    scopes = set()
    for op in alive.operations[0].graph.get_operations():
        if op.type == "Rsqrt":
            scope = op.name.rpartition("/")[0]
            scopes.add(re.sub(r"/?(batchnorm|moments|normalize)(_\d+)?$", "", scope))
    scopes.discard("")
    for op in alive.operations:
        if op.type in COUNTED or op.type in windows.POOLS:
            scope = op.name
            while scope:
                scope = scope.rpartition("/")[0]
                scopes.discard(scope)
    return scopes


def get_norm_type(op: Operation) -> str:
    """Returns the type of a norm: fused is batch norm, moments of the last axis layer norm."""
    if op.type in ("Mean", "Max"):
        axes = windows.get_constant(op.inputs[1])
        rank = op.inputs[0].shape.rank
        if axes is not None and rank is not None:
            axes = [axis % rank for axis in (axes if isinstance(axes, list) else [axes])]
            if 0 in axes:
                return "batch norm"
            return "layer norm" if axes == [rank - 1] else "group norm"
    return "batch norm"
