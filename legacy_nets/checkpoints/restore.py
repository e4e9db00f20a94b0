"""Restores TF1 variables in two steps: ``plan = match(...)``, then ``plan.apply(session)``.

The plan holds everything that fits and everything that does not, before one value is
loaded. It is strict: nothing missing, nothing over, no other shape; each leniency has a name
(``skip``, ``rename``, ``prefix``, ``ema``, ``label_offset``) and stands in the report.
"""

from __future__ import annotations

import dataclasses
import fnmatch
import functools
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from legacy_nets import tf1 as tf
from legacy_nets.checkpoints.assign import assign
from legacy_nets.checkpoints.formats.bundle import Bundle
from legacy_nets.checkpoints.hints import hints
from legacy_nets.checkpoints.open import open_weights
from legacy_nets.checkpoints.optimizer_slots import AVERAGE, is_slot
from legacy_nets.checkpoints.source import Source
from legacy_nets.errors import CheckpointError, find_nearest, join_lines

_SHOWN = 3  # names of each kind in the one-line error; the report has them all


class Match(NamedTuple):
    """A variable and the tensor it is read from."""

    name: str
    stored: str


class Missing(NamedTuple):
    """A variable, and the name under which the checkpoint was searched for it."""

    name: str
    stored: str
    shape: tuple[int | None, ...] | None


class Mismatch(NamedTuple):
    """A variable and a tensor that agree by name, but not in shape or dtype."""

    name: str
    stored: str
    shape: tuple[int | None, ...] | None
    stored_shape: tuple[int, ...]
    dtype: str
    stored_dtype: str


@dataclasses.dataclass(frozen=True)
class Plan:
    """What a restore would do; made by ``match``.

    ``slots`` are tensors that only training needs (optimizer slots, moving averages, steps,
    and raw weights whose averages are read): they are left alone and never an error.
    """

    source: Source
    variables: Mapping[str, Any]  # graph name -> variable, or list of the parts of one
    matched: tuple[Match, ...]
    missing: tuple[Missing, ...]
    extra: tuple[str, ...]
    slots: tuple[str, ...]
    mismatched: tuple[Mismatch, ...]
    skipped: tuple[str, ...]  # names on either side that ``skip`` leaves alone
    offset: tuple[Mismatch, ...]  # read without their first ``label_offset`` classes
    label_offset: int

    @functools.cached_property
    def hints(self) -> tuple[str, ...]:
        """What is probably wrong and how to mend it."""
        return tuple(hints(self))

    def check(self) -> None:
        """Raises CheckpointError with all that is missing, extra and mismatched, in one line."""
        kinds = (
            ("not in the checkpoint", [item.name for item in self.missing]),
            ("only in the checkpoint", list(self.extra)),
            ("of another shape or dtype", [_differs(item) for item in self.mismatched]),
        )
        found = [f"{len(names)} {kind}: {_few(names)}" for kind, names in kinds if names]
        if found:
            raise CheckpointError(
                f"{self.source.prefix} does not fit the graph ({len(self.matched)} variables do); "
                + "; ".join(found + [f"hint: {hint}" for hint in self.hints])
            )

    def report(self, most: int | None = None) -> str:
        """The names, grouped by kind, one a line, under the counts; ``most`` of a kind, or all."""
        averages = sum(item.stored.endswith(AVERAGE) for item in self.matched)
        sections = {
            "hints": list(self.hints),
            "matched": [
                item.name if item.name == item.stored else f"{item.name} <- {item.stored}"
                for item in self.matched
            ],
            "missing": [
                f"{item.name} {_shape(item.shape)}"
                + ("" if item.name == item.stored else f" (searched as {item.stored})")
                for item in self.missing
            ],
            "extra": [f"{name} {_shape(self.source.tensors[name].shape)}" for name in self.extra],
            "mismatched": [_differs(item) for item in self.mismatched],
            "skipped": list(self.skipped),
            "offset": [
                f"{_differs(item)}: first {self.label_offset} dropped" for item in self.offset
            ],
            "slots": list(self.slots),
        }
        counts = [f"{kind:<11}{len(names):>6}" for kind, names in sections.items()]
        lines = [self.source.prefix, *counts]
        lines += [f"{averages} of the matched are moving averages"] * bool(averages)
        for kind, names in sections.items():
            if names:
                shown = names if kind == "hints" else names[:most]
                lines += ["", kind, *(f"  {name}" for name in shown)]
                if len(shown) < len(names):
                    lines.append(f"  ... and {len(names) - len(shown)} more")
        return "\n".join(lines)

    @functools.cached_property
    def savers(self) -> list[Any]:
        """The tf.train.Savers that restore ``matched``; building them adds ops to the graph.

        One, unless several variables read the same tensor; none if the source is no ``Bundle``.
        Touch this before the graph is finalized.
        """
        if not isinstance(self.source, Bundle):
            return []
        rounds: list[dict[str, Any]] = []
        for item in self.matched:
            free = next((names for names in rounds if item.stored not in names), None)
            if free is None:
                rounds.append(free := {})
            free[item.stored] = self.variables[item.name]
        if not rounds:
            return []
        with _first(next(iter(rounds[0].values()))).graph.as_default():
            return [tf.train.Saver(names) for names in rounds]

    def apply(self, session: Any) -> None:
        """Loads the values into the session. Raises CheckpointError as ``check`` does.

        Besides: if data files are missing, too short, or fail their checksum.
        """
        self.check()
        self.source.check_complete()
        items = [
            (self.variables[item.name], item.stored, self.label_offset) for item in self.offset
        ]
        if isinstance(self.source, Bundle):
            self._restore(session, str(Path(self.source.prefix).absolute()))
        else:
            items += [(self.variables[item.name], item.stored, 0) for item in self.matched]
        assign(session, self.source, items)

    def _restore(self, session: Any, prefix: str) -> None:
        """Lets TensorFlow read what it can read itself."""
        try:
            with session.graph.as_default():  # a Saver looks there for graph or eager mode
                for saver in self.savers:
                    saver.restore(session, prefix)
        except (tf.errors.OpError, ValueError) as error:
            raise CheckpointError(f"{prefix}: not restored: {join_lines(error)[:300]}") from error


def match(
    variables: Sequence[Any] | Mapping[str, Any],
    source: Source | str | Path,
    *,
    skip: Sequence[str] = (),
    rename: Sequence[tuple[str, str]] = (),
    prefix: str = "",
    ema: bool = False,
    label_offset: int | None = None,
) -> Plan:
    """Holds the variables of a graph against the tensors of a checkpoint.

    Args:
      variables: TF1 variables (``tf.global_variables()``), or name -> variable, where the
        name takes the place of the variable's own.
      source: an opened weight file, or the path that ``open_weights`` is to open.
      skip: scopes or shell patterns of names to leave alone, in the graph and beyond it.
      rename: ordered (graph scope, checkpoint scope); the first that fits a variable counts,
        "" is the outermost scope.
      prefix: scope put before the names that no ``rename`` rule fits.
      ema: read trainable variables from their moving averages, where the checkpoint has them.
      label_offset: if the checkpoint has this many more classes than the graph (last
        dimension), drop the first ones: 1 for the "background" of slim's 1001 classes.

    Raises CheckpointError: the file cannot be read; a skip, rename or label_offset that
    fits nothing.
    """
    if isinstance(source, (str, Path)):
        source = open_weights(source)
    tensors = source.tensors
    patterns = (skip,) if isinstance(skip, str) else tuple(skip)
    graph = _by_name(variables)
    _check_skip(patterns, [*graph, *tensors])
    stored_names = _rename(list(graph), tuple(rename), prefix)
    matched: list[Match] = []
    missing: list[Missing] = []
    mismatched: list[Mismatch] = []
    skipped: list[str] = []
    used = set()
    for name, variable in graph.items():
        stored = stored_names[name]
        used.add(stored)
        if ema and stored + AVERAGE in tensors and getattr(_first(variable), "trainable", False):
            stored += AVERAGE
            used.add(stored)
        shape, dtype = _shape_and_dtype(variable)
        if _skips(patterns, name):
            skipped.append(name)
        elif stored not in tensors:
            missing.append(Missing(name, stored, shape))
        elif tensors[stored].dtype == dtype and _fits(tensors[stored].shape, shape):
            matched.append(Match(name, stored))
        else:
            info = tensors[stored]
            mismatched.append(Mismatch(name, stored, shape, info.shape, dtype, info.dtype))
    raw = {item.stored.removesuffix(AVERAGE) for item in matched if item.name != item.stored}
    rest = [name for name in tensors if name not in used]
    slots = [name for name in rest if is_slot(name, tensors)]
    slots += sorted(raw & (used - {item.stored for item in matched}) & set(tensors))
    extra = [name for name in rest if name not in set(slots)]
    skipped += [name for name in extra if _skips(patterns, name)]
    offset = _offset(mismatched, label_offset or 0, graph)
    if label_offset and not offset:
        raise CheckpointError(
            f"{source.prefix}: label_offset={label_offset} fits nothing: no variable's last "
            f"dimension is {label_offset} more in the checkpoint; leave label_offset out"
        )
    return Plan(
        source=source,
        variables=graph,
        matched=tuple(matched),
        missing=tuple(missing),
        extra=tuple(name for name in extra if not _skips(patterns, name)),
        slots=tuple(slots),
        mismatched=tuple(item for item in mismatched if item not in offset),
        skipped=tuple(skipped),
        offset=tuple(offset),
        label_offset=label_offset or 0,
    )


def _by_name(variables: Sequence[Any] | Mapping[str, Any]) -> dict[str, Any]:
    """Graph name -> variable; the parts of a partitioned one are a list under its full name."""
    named = variables.items() if isinstance(variables, Mapping) else [("", v) for v in variables]
    graph: dict[str, Any] = {}
    for given, variable in named:
        parts = list(variable) if hasattr(variable, "_get_partitions") else [variable]
        for part in parts:
            info = part._get_save_slice_info()
            name = given or (info.full_name if info else part.op.name)
            if info:
                graph.setdefault(name, []).append(part)
            else:
                graph[name] = part
    return graph


def _first(variable: Any) -> Any:
    return variable[0] if isinstance(variable, list) else variable


def _shape_and_dtype(variable: Any) -> tuple[tuple[int | None, ...] | None, str]:
    """Shape (None where unknown) and dtype name of a variable, or of all its parts as one."""
    first = _first(variable)
    dtype = first.dtype.base_dtype.name
    if isinstance(variable, list):
        return tuple(first._get_save_slice_info().full_shape), dtype
    return (None if first.shape.rank is None else tuple(first.shape.as_list())), dtype


def _fits(stored: tuple[int, ...], shape: tuple[int | None, ...] | None) -> bool:
    return tf.TensorShape(shape).is_compatible_with(stored)


def _rename(names: list[str], rules: tuple[tuple[str, str], ...], prefix: str) -> dict[str, str]:
    """Graph name -> name to search in the checkpoint. Raises for a rule that fits nothing."""
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
            f"rename rule ({old!r}, {new!r}) fits no variable; nearest scopes: {_near(old, names)}"
        )
    return stored


def _skips(patterns: tuple[str, ...], name: str) -> bool:
    return any(
        name.startswith(pattern.rstrip("/") + "/") or fnmatch.fnmatchcase(name, pattern)
        for pattern in patterns
    )


def _check_skip(patterns: tuple[str, ...], names: list[str]) -> None:
    for pattern in patterns:
        if not any(_skips((pattern,), name) for name in names):
            raise CheckpointError(
                f"skip pattern {pattern!r} fits no variable; nearest scopes: "
                f"{_near(pattern, names)}"
            )


def _near(pattern: str, names: Iterable[str]) -> str:
    """The scopes most like a pattern; first those of which it is the inner end (fc8)."""
    scopes: dict[str, None] = {}
    for name in names:
        parts = name.split("/")
        scopes.update(dict.fromkeys("/".join(parts[:end]) for end in range(1, len(parts) + 1)))
    bare = pattern.strip("/*")
    inner = [scope for scope in scopes if scope.endswith("/" + bare)]
    near = find_nearest(bare, scopes)
    return ", ".join(list(dict.fromkeys(inner + near))[:3])


def _offset(items: list[Mismatch], offset: int, graph: Mapping[str, Any]) -> list[Mismatch]:
    """The mismatches that ``offset`` classes more in the checkpoint explain, all of one size."""
    found = [
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
    return found if len({item.shape[-1] for item in found if item.shape}) == 1 else []


def _shape(shape: Sequence[int | None] | None) -> str:
    return "of any shape" if shape is None else f"[{', '.join(str(size) for size in shape)}]"


def _differs(item: Mismatch) -> str:
    here, there = _shape(item.shape), _shape(item.stored_shape)
    if item.dtype != item.stored_dtype:
        here, there = f"{item.dtype} {here}", f"{item.stored_dtype} {there}"
    stored = "checkpoint" if item.name == item.stored else f"{item.stored} in the checkpoint"
    return f"{item.name} (graph {here}, {stored} {there})"


def _few(names: list[str]) -> str:
    more = [f"and {len(names) - _SHOWN} more"] if len(names) > _SHOWN else []
    return ", ".join(names[:_SHOWN] + more)
