"""The plan of a restore: what matches, what does not, and how the values are loaded."""

from __future__ import annotations

import dataclasses
import functools
import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from rich.cells import set_cell_size

from legacy_nets import tf1 as tf
from legacy_nets.checkpoints.assign import assign_values
from legacy_nets.checkpoints.formats.bundle import Bundle
from legacy_nets.checkpoints.optimizer_slots import AVERAGE
from legacy_nets.checkpoints.source import Source
from legacy_nets.errors import CheckpointError, join_lines
from legacy_nets.language import translate as _
from legacy_nets.types import Array, GraphVariable, Saver, Session, Variable

_MAX_SHOWN = 3  # names in each group of the one-line error; the report has them all


class Match(NamedTuple):
    """A variable and the tensor that it is read from."""

    name: str
    stored: str


class Missing(NamedTuple):
    """A variable, and the name under which it was looked up in the checkpoint."""

    name: str
    stored: str
    shape: tuple[int | None, ...] | None  # None where the rank is unknown


class Mismatch(NamedTuple):
    """A variable and a tensor of the same name that differ in shape or dtype."""

    name: str
    stored: str
    shape: tuple[int | None, ...] | None  # None where the rank is unknown
    stored_shape: tuple[int, ...]
    dtype: str
    stored_dtype: str


@dataclasses.dataclass(frozen=True)
class Plan:
    """What a restore would do; ``restore.match`` makes it.

    ``slots`` are tensors that only training needs: optimizer slots, moving averages, steps, and
    raw weights whose averages are read. They are not read, and never an error.
    """

    source: Source
    variables: Mapping[str, GraphVariable]  # by name in the graph
    matched: tuple[Match, ...]
    missing: tuple[Missing, ...]
    extra: tuple[str, ...]
    slots: tuple[str, ...]
    mismatched: tuple[Mismatch, ...]
    skipped: tuple[str, ...]  # names on either side that ``skip`` leaves out
    offset: tuple[Mismatch, ...]  # read without their first ``label_offset`` classes
    label_offset: int
    hints: tuple[str, ...] = ()  # probable causes of what does not match, and their fixes

    @property
    def is_complete(self) -> bool:
        """Whether graph and checkpoint match: nothing missing, extra or mismatched."""
        return not (self.missing or self.extra or self.mismatched)

    def check(self) -> None:
        """Raises CheckpointError with all that is missing, extra and mismatched, in one line."""
        groups = (
            ("not in the checkpoint", [item.name for item in self.missing]),
            ("only in the checkpoint", list(self.extra)),
            ("of another shape or dtype", [_format_mismatch(item) for item in self.mismatched]),
        )
        problems = [f"{len(names)} {group}: {_truncate(names)}" for group, names in groups if names]
        if problems:
            raise CheckpointError(
                f"{self.source.prefix} does not match the graph ({len(self.matched)} variables "
                "do); " + "; ".join(problems + [f"hint: {hint}" for hint in self.hints])
            )

    def report(self, max_names: int | None = None) -> str:
        """Lists the names in groups, one a line, under the reader's notes and the counts.

        ``max_names`` limits each group except the hints; None lists every name.
        """
        groups = self._format_groups()
        averages = sum(item.stored.endswith(AVERAGE) for item in self.matched)
        lines = [self.source.prefix, *(f"note: {note}" for note in self.source.notes)]
        lines += [
            f"{set_cell_size(_(group), 11)}{len(names):>6}" for group, names in groups.items()
        ]
        lines += [f"{averages} of the matched are moving averages"] * bool(averages)
        for group, names in groups.items():
            if names:
                listed = names if group == "hints" else names[:max_names]
                lines += ["", _(group), *(f"  {name}" for name in listed)]
                if len(listed) < len(names):
                    lines.append(f"  ... and {len(names) - len(listed)} more")
        return "\n".join(lines)

    def _format_groups(self) -> dict[str, list[str]]:
        tensors = self.source.tensors
        return {
            "hints": list(self.hints),
            "matched": [
                item.name if item.name == item.stored else f"{item.name} <- {item.stored}"
                for item in self.matched
            ],
            "missing": [
                f"{item.name} {_format_shape(item.shape)}"
                + ("" if item.name == item.stored else f" (searched as {item.stored})")
                for item in self.missing
            ],
            "extra": [f"{name} {_format_shape(tensors[name].shape)}" for name in self.extra],
            "mismatched": [_format_mismatch(item) for item in self.mismatched],
            "skipped": list(self.skipped),
            "offset": [
                f"{_format_mismatch(item)}: first {self.label_offset} dropped"
                for item in self.offset
            ],
            "slots": list(self.slots),
        }

    @functools.cached_property
    def savers(self) -> list[Saver]:
        """The tf.train.Savers that restore ``matched``. Building them adds ops to the graph.

        There is one, or more where several variables read the same tensor; there is none if the
        source is not a ``Bundle``. Read this property before the graph is finalized.
        """
        if not isinstance(self.source, Bundle):
            return []
        rounds: list[dict[str, GraphVariable]] = []
        for item in self.matched:
            free = next((names for names in rounds if item.stored not in names), None)
            if free is None:
                rounds.append(free := {})
            free[item.stored] = self.variables[item.name]
        if not rounds:
            return []
        with first_part(next(iter(rounds[0].values()))).graph.as_default():
            return [tf.train.Saver(names) for names in rounds]

    def apply(self, session: Session) -> None:
        """Loads the values into the session.

        Raises CheckpointError as ``check`` does, and where data files are missing, too short or
        fail their checksum.
        """
        if not isinstance(self.source, Bundle):
            self.feed(session)
            return
        self._check_complete()
        self._run_savers(session, str(Path(self.source.prefix).absolute()))
        assign_values(session, self.source, self._list_offset())

    def feed(self, session: Session) -> None:
        """Loads the values as ``apply`` does, without TensorFlow's own reader of checkpoints.

        Savers, which take more time than the values of a deep net, are not built. Raises as
        ``apply``.
        """
        self._check_complete()
        matched = [(self.variables[item.name], item.stored, 0) for item in self.matched]
        assign_values(session, self.source, self._list_offset() + matched)

    def list_readers(self) -> dict[str, Callable[[], Array]]:
        """Lists functions that read the values that ``feed`` loads, by name in the graph.

        Raises CheckpointError as ``feed``; a damaged value is found when it is read.
        """
        self._check_complete()
        readers: dict[str, Callable[[], Array]] = {
            item.name: functools.partial(self.source.read, item.stored) for item in self.matched
        }
        return readers | {
            item.name: functools.partial(self._read_classes, item.stored) for item in self.offset
        }

    def _read_classes(self, stored: str) -> Array:
        """Reads a tensor without its first classes."""
        return self.source.read(stored)[..., self.label_offset :]

    def _check_complete(self) -> None:
        self.check()
        self.source.check_complete()

    def _list_offset(self) -> list[tuple[GraphVariable, str, int]]:
        """Lists what is read without its first classes, as ``assign_values`` takes it."""
        return [(self.variables[item.name], item.stored, self.label_offset) for item in self.offset]

    def _run_savers(self, session: Session, prefix: str) -> None:
        """Lets TensorFlow read the checkpoint itself."""
        try:
            for saver in self.savers:
                run_saver(saver, session, prefix)
        except (tf.errors.OpError, ValueError) as error:
            raise CheckpointError(f"{prefix}: not restored: {join_lines(error)[:300]}") from error


def run_saver(saver: Saver, session: Session, prefix: str) -> None:
    """Restores what a Saver has from a checkpoint. Raises OpError or ValueError as that does.

    TensorFlow looks for the prefix as for a pattern, in which ``[1]`` is 1: files of such a name
    are read by links without it.
    """
    with session.graph.as_default():  # a Saver looks there for graph or eager mode
        if not {"[", "\\"} & set(prefix):
            saver.restore(session, prefix)
            return
        with tempfile.TemporaryDirectory() as folder:
            for file in Path(prefix).absolute().parent.iterdir():
                if file.name.startswith(f"{Path(prefix).name}."):
                    ending = file.name.removeprefix(Path(prefix).name)
                    Path(folder, f"checkpoint{ending}").symlink_to(file)
            saver.restore(session, str(Path(folder, "checkpoint")))


def first_part(variable: GraphVariable) -> Variable:
    """Gives the variable, or the first part of a partitioned one."""
    return variable[0] if isinstance(variable, list) else variable


def _format_shape(shape: Sequence[int | None] | None) -> str:
    if shape is None:
        return "of any shape"
    return f"[{', '.join('?' if size is None else str(size) for size in shape)}]"


def _format_mismatch(item: Mismatch) -> str:
    graph, file = _format_shape(item.shape), _format_shape(item.stored_shape)
    if item.dtype != item.stored_dtype:
        graph, file = f"{item.dtype} {graph}", f"{item.stored_dtype} {file}"
    if item.name == item.stored:
        return f"{item.name} (graph {graph}, checkpoint {file})"
    return f"{item.name} (graph {graph}, checkpoint {file} as {item.stored})"


def _truncate(names: list[str]) -> str:
    more = [f"and {len(names) - _MAX_SHOWN} more"] if len(names) > _MAX_SHOWN else []
    return ", ".join(names[:_MAX_SHOWN] + more)
