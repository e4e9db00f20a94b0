"""Restores TF1 variables in two steps: ``plan = match(...)``, then ``plan.apply(session)``.

The plan holds everything that matches and everything that does not, before any value is loaded.
It is strict: nothing missing, nothing extra, no other shape. Each leniency has a name (``skip``,
``rename``, ``prefix``, ``ema``, ``label_offset``) and is listed in the report.
"""

from __future__ import annotations

import dataclasses
import fnmatch
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from legacy_nets import tf1 as tf
from legacy_nets.checkpoints.hints import find_hints
from legacy_nets.checkpoints.open import open_weights
from legacy_nets.checkpoints.optimizer_slots import AVERAGE, is_slot
from legacy_nets.checkpoints.plan import Match, Mismatch, Missing, Plan, first_part
from legacy_nets.checkpoints.source import Source, TensorSpecLike
from legacy_nets.errors import CheckpointError, find_nearest, list_first
from legacy_nets.types import GraphVariable, Variable


def match(
    variables: Sequence[Variable] | Mapping[str, Variable],
    source: Source | str | Path,
    *,
    skip: Sequence[str] = (),
    rename: Sequence[tuple[str, str]] = (),
    prefix: str = "",
    ema: bool = False,
    label_offset: int | None = None,
    trains: bool = False,
) -> Plan:
    """Compares the variables of a graph with the tensors of a checkpoint.

    Args:
      variables: TF1 variables (``tf.global_variables()``), or name -> variable, where the name
        replaces the variable's own.
      source: an open weight file, or a path that ``open_weights`` opens.
      skip: scopes or shell patterns of names to leave out, in the graph and in the checkpoint.
      rename: ordered pairs (graph scope, checkpoint scope). The first pair that matches a
        variable is used; "" is the outermost scope.
      prefix: scope put before the names that no ``rename`` rule matches.
      ema: read trainable variables from their moving averages, where the checkpoint has them.
      label_offset: if the checkpoint has this many more classes than the graph (last
        dimension), drop the first ones: 1 for the "background" of slim's 1001 classes.
      trains: the graph is to be trained, and has at least its data's classes: for the hints.

    Raises CheckpointError: the file cannot be read; a skip, rename or label_offset that
    matches nothing.
    """
    source = open_weights(source) if isinstance(source, (str, Path)) else source
    tensors = source.tensors
    patterns = (skip,) if isinstance(skip, str) else tuple(skip)
    graph = _group_by_name(variables)
    _check_patterns(patterns, [*graph, *tensors])
    raw_names = _rename(list(graph), tuple(rename), prefix)
    names = {
        name: _choose_average(raw_names[name], variable, tensors) if ema else raw_names[name]
        for name, variable in graph.items()
    }
    kept = {name: variable for name, variable in graph.items() if not _is_skipped(patterns, name)}
    items = [_compare(name, names[name], kept[name], tensors) for name in kept]
    matched = tuple(item for item in items if isinstance(item, Match))
    mismatched = [item for item in items if isinstance(item, Mismatch)]
    offset = _find_offset(mismatched, label_offset or 0, graph)
    if label_offset and not offset:
        raise _make_offset_error(source.prefix, label_offset)
    unused = _sort_unused(tensors, {*raw_names.values(), *names.values()}, matched)
    plan = Plan(
        source=source,
        variables=graph,
        matched=matched,
        missing=tuple(item for item in items if isinstance(item, Missing)),
        extra=tuple(name for name in unused.extra if not _is_skipped(patterns, name)),
        slots=unused.slots,
        mismatched=tuple(item for item in mismatched if item not in offset),
        skipped=tuple(name for name in (*graph, *unused.extra) if _is_skipped(patterns, name)),
        offset=tuple(offset),
        label_offset=label_offset or 0,
    )
    return dataclasses.replace(plan, hints=find_hints(plan, trains))


def _group_by_name(
    variables: Sequence[Variable] | Mapping[str, Variable],
) -> dict[str, GraphVariable]:
    """Maps each name in the graph to its variable, or to the parts of a partitioned one."""
    if not isinstance(variables, Mapping):
        pairs: Iterable[tuple[str, Variable]] = (("", variable) for variable in variables)
    else:
        pairs = variables.items()
    graph: dict[str, GraphVariable] = {}
    for given_name, variable in pairs:
        parts = list(variable) if hasattr(variable, "_get_partitions") else [variable]
        for part in parts:
            name = given_name or get_full_name(part)
            if part._get_save_slice_info():
                graph.setdefault(name, []).append(part)
            else:
                graph[name] = part
    return graph


def get_full_name(variable: Variable) -> str:
    """Gets the name that checkpoints have for a variable: of a part, that of the full variable."""
    info = variable._get_save_slice_info()
    name: str = info.full_name if info else variable.op.name
    return name


def _choose_average(
    stored: str, variable: GraphVariable, tensors: Mapping[str, TensorSpecLike]
) -> str:
    """Gives the name of a trainable variable's moving average, if any, else the raw name."""
    # A caller may pass objects other than variables, which have no ``trainable``.
    is_trainable = getattr(first_part(variable), "trainable", False)
    return stored + AVERAGE if is_trainable and stored + AVERAGE in tensors else stored


def _compare(
    name: str, stored: str, variable: GraphVariable, tensors: Mapping[str, TensorSpecLike]
) -> Match | Missing | Mismatch:
    """Compares a variable with the tensor of a name."""
    shape, dtype = _get_shape_and_dtype(variable)
    if stored not in tensors:
        return Missing(name, stored, shape)
    info = tensors[stored]
    if info.dtype == dtype and tf.TensorShape(shape).is_compatible_with(info.shape):
        return Match(name, stored)
    return Mismatch(name, stored, shape, info.shape, dtype, info.dtype)


def _get_shape_and_dtype(variable: GraphVariable) -> tuple[tuple[int | None, ...] | None, str]:
    """Gives shape (None where the rank is unknown) and dtype of a variable, all parts joined."""
    first = first_part(variable)
    dtype = first.dtype.base_dtype.name
    if isinstance(variable, list):
        return tuple(first._get_save_slice_info().full_shape), dtype
    return (None if first.shape.rank is None else tuple(first.shape.as_list())), dtype


class _Unused(NamedTuple):
    """Tensors that no variable reads."""

    slots: tuple[str, ...]
    extra: tuple[str, ...]


def _sort_unused(
    tensors: Mapping[str, TensorSpecLike], used: set[str], matched: Sequence[Match]
) -> _Unused:
    """Sorts the tensors that no variable reads into those of training and extra ones.

    ``used`` are the names that were looked up. A raw weight whose average is read is a slot.
    """
    rest = [name for name in tensors if name not in used]
    slots = [name for name in rest if is_slot(name, tensors)]
    raw = {item.stored.removesuffix(AVERAGE) for item in matched if item.name != item.stored}
    replaced = raw & (used - {item.stored for item in matched}) & set(tensors)
    extra = tuple(name for name in rest if name not in set(slots))
    return _Unused((*slots, *sorted(replaced)), extra)


def _rename(names: list[str], rules: tuple[tuple[str, str], ...], prefix: str) -> dict[str, str]:
    """Maps names in the graph to names in the checkpoint. Raises for a rule without a match."""
    stored = {}
    unused = dict.fromkeys(rules)
    for name in names:
        for rule in (*rules, ("", prefix)):
            old, new = (scope.strip("/") for scope in rule)
            if old in ("", name) or name.startswith(old + "/"):
                unused.pop(rule, None)
                tail = name[len(old) :].strip("/")
                stored[name] = "/".join(part for part in (new, tail) if part)
                break
    for old, new in unused:
        raise CheckpointError(
            f"rename rule ({old!r}, {new!r}) matches no variable{_suggest_scopes(old, names)}"
        )
    return stored


def _is_skipped(patterns: tuple[str, ...], name: str) -> bool:
    return any(
        name.startswith(pattern.rstrip("/") + "/") or fnmatch.fnmatchcase(name, pattern)
        for pattern in patterns
    )


def _check_patterns(patterns: tuple[str, ...], names: list[str]) -> None:
    """Raises CheckpointError for a pattern of ``skip`` that matches nothing."""
    for pattern in patterns:
        if not any(_is_skipped((pattern,), name) for name in names):
            raise CheckpointError(
                f"skip pattern {pattern!r} matches no variable{_suggest_scopes(pattern, names)}"
            )


def _suggest_scopes(pattern: str, names: Iterable[str]) -> str:
    """Formats the end of an error about a pattern: the scopes most like it.

    Those that end with it (fc8) come first. Where none is like it, the first scopes are listed.
    """
    scopes: dict[str, None] = {}
    for name in names:
        parts = name.split("/")
        scopes.update(dict.fromkeys("/".join(parts[:end]) for end in range(1, len(parts) + 1)))
    bare = pattern.strip("/*")
    inner = [scope for scope in scopes if scope.endswith("/" + bare)]
    near = list(dict.fromkeys(inner + find_nearest(bare, scopes)))[:3]
    return f"; nearest scopes: {', '.join(near)}" if near else f"; scopes: {list_first([*scopes])}"


def _make_offset_error(prefix: str, offset: int) -> CheckpointError:
    return CheckpointError(
        f"{prefix}: label_offset={offset} matches nothing: no variable's last "
        f"dimension is {offset} more in the checkpoint; leave label_offset out"
    )


def _find_offset(
    items: list[Mismatch], offset: int, graph: Mapping[str, GraphVariable]
) -> list[Mismatch]:
    """Finds the mismatches that ``offset`` more classes in the checkpoint explain.

    Gives none where they have different numbers of classes.
    """
    heads = [
        item
        for item in items
        if item.shape
        and item.stored_shape
        and not isinstance(graph[item.name], list)
        and item.dtype == item.stored_dtype
        and item.shape[:-1] == item.stored_shape[:-1]
        and offset > 0
        and item.stored_shape[-1] - offset == item.shape[-1]
    ]
    return heads if len({item.shape[-1] for item in heads if item.shape}) == 1 else []
