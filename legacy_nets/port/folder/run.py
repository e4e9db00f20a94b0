"""Ports the models below a folder: plans, gives out the units to processes, keeps the journal."""

from __future__ import annotations

import contextlib
import dataclasses
import functools
import itertools
import unicodedata
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path, PurePosixPath

from legacy_nets.checkpoints.open import strip_part
from legacy_nets.errors import BadInputError
from legacy_nets.files import stamp_files
from legacy_nets.language import translate as _
from legacy_nets.port.folder.journal import Journal, compute_digest, open_journal
from legacy_nets.port.folder.models import Contents, find_models
from legacy_nets.port.folder.processes import distribute
from legacy_nets.port.folder.table import TABLES, Table, show, translate_text
from legacy_nets.port.folder.unit import PortSettings, Result, Unit, run_unit
from legacy_nets.port.jobs import IMPORTED_TARGETS
from legacy_nets.port.targets import TARGETS, find_target
from legacy_nets.ray_data.run import RETRIES, run_on_ray

_KEPT = ("verified", "differs", "refused", "no model")  # "failed" is tried again


def port_folder(
    folder: Path,
    out: Path,
    settings: PortSettings,
    *,
    jobs: int = 1,
    retries: bool = False,
    on_ray: bool = False,
    announce: Callable[[str], None] = print,
) -> Table:
    """Ports every model below a folder into another folder, and saves the table there.

    What an earlier run did is not repeated where the model's files, the settings and the output
    are unchanged.

    Args:
      folder: of the models.
      out: the destination: a new or empty folder, or that of an earlier run.
      settings: for every model.
      jobs: number of processes.
      retries: whether models are tried again that were refused or above the tolerance.
      on_ray: whether the processes are those of the cluster of ``ray_data.open_cluster``.
      announce: gets one line for each step and model.

    Raises BadInputError: no model, a destination that holds other things, no such target.
    """
    find_target(settings.target)
    if settings.target not in IMPORTED_TARGETS:
        raise BadInputError(
            f"--to {settings.target} needs --net: models of a folder can be ported to "
            f"{', '.join(IMPORTED_TARGETS)}"
        )
    if out.resolve() == folder.resolve():
        raise BadInputError(f"--out {out} is the folder that is ported: name another")
    announce(f"looking for models below {show(str(folder))}")
    contents = find_models(folder, out)
    if not (contents.models or contents.unreadable):
        raise BadInputError(f"{folder}: no model below it ({contents.others} other files)")
    with open_journal(out, folder, settings.target) as journal:
        plan = plan_ports(contents, out, settings, journal, retries)
        announce(
            f"{len(contents.models)} models, {contents.others} other files; {len(plan.done)} are "
            f"done and unchanged, {len(plan.units)} to do in {jobs} process{'es' * (jobs > 1)}"
        )
        unreadable = [Result(name, "refused", reason) for name, reason in contents.unreadable]
        for result in unreadable:
            announce(_format_result(result))
        results = [*plan.done, *unreadable]
        try:
            for number, result in enumerate(run_ports(plan, journal, out, jobs, on_ray), 1):
                results.append(result)
                if result.status != "no model":
                    line = _format_result(result, journal.entries[result.name].out)
                    announce(f"[{number}/{len(plan.units)}] {line}")
        finally:
            table = _make_table(folder, settings.target, contents, results, journal)
            table.save(out)
    return table


def _format_result(result: Result, out: str = "") -> str:
    """Formats a result as a line in the chosen language."""
    arrow = f" -> {out}" if result.status == "verified" else ""
    line = _("{status} {name}: {text} ({seconds} s)").format(
        status=_(result.status),
        name=f"{result.name}{arrow}",
        text=translate_text(result),
        seconds=f"{result.seconds:.1f}",
    )
    return show(line)


def _make_table(
    folder: Path, target: str, contents: Contents, results: list[Result], journal: Journal
) -> Table:
    """Makes the table; data sets are counted with the other files."""
    models = sorted(result for result in results if result.status != "no model")
    expected = len(contents.models) + len(contents.unreadable)
    outputs = {name: entry.out for name, entry in journal.entries.items()}
    others = contents.others + len(results) - len(models)
    return Table(str(folder), target, models, outputs, others, expected - len(results))


@dataclasses.dataclass(frozen=True)
class Plan:
    """What is to be done, and what an earlier run did."""

    units: tuple[Unit, ...]
    done: tuple[Result, ...]


def plan_ports(
    contents: Contents, out: Path, settings: PortSettings, journal: Journal, retries: bool
) -> Plan:
    """Plans the ports of a folder's models; names of new outputs are recorded in the journal.

    Args:
      contents: what is below the folder.
      out: the destination.
      settings: for every model.
      journal: of the destination.
      retries: whether models are tried again that were refused or above the tolerance.
    """
    names = _Names((*TABLES, *(entry.out for entry in journal.entries.values())))
    units: list[Unit] = []
    done: list[Result] = []
    for model in contents.models:
        if model.name not in journal.entries:
            ending = TARGETS[settings.target].ending
            journal.add_output(model.name, names.choose(model.name, ending))
        entry = journal.entries[model.name]
        unit = Unit(model, out / entry.out, settings, stamp_files(model.files))
        result = entry.result
        is_kept = result is not None and result.status in (_KEPT[:1] if retries else _KEPT)
        if result is not None and is_kept and entry.digest == compute_digest(unit):
            done.append(result)
        else:
            units.append(unit)
    return Plan(tuple(units), tuple(done))


def run_ports(
    plan: Plan,
    journal: Journal,
    out: Path,
    jobs: int,
    on_ray: bool = False,
) -> Iterator[Result]:
    """Ports the units of a plan, ``jobs`` at a time; yields each result once it is recorded.

    Args:
      plan: of ``plan_ports``.
      journal: records the results.
      out: the destination; nothing is written outside.
      jobs: number of processes.
      on_ray: see ``port_folder``.
    """
    units = {unit.model.name: unit for unit in plan.units}
    run = functools.partial(_run_inside, out=out)
    for result in (_run_on_ray if on_ray else distribute)(run, plan.units, jobs):
        unit = units[result.name]
        if result.status != "verified" and unit.out.exists():
            result = result._replace(text=f"{result.text}; {unit.out} is of an earlier run")
        journal.add_result(result, compute_digest(unit))
        yield result
    _remove_empty_folders(plan.units, out)


def _run_on_ray(
    run: Callable[[Unit], Result], units: Sequence[Unit], jobs: int
) -> Iterator[Result]:
    """Yields the results as they come; last those of units whose workers were killed too often."""
    lost = {unit.model.name for unit in units}
    for result in run_on_ray(run, units, jobs):
        lost.discard(result.name)
        yield result
    for name in sorted(lost):
        yield Result(name, "failed", f"its worker of Ray was killed {RETRIES + 1} times: try again")


def _run_inside(unit: Unit, out: Path) -> Result:
    """Makes the folder of the output and ports the unit, if that folder is below ``out``."""
    parent = unit.out.parent
    if not parent.resolve().is_relative_to(out.resolve()):
        reason = f"{parent} leads to a folder outside of {out}: remove that link"
        return Result(unit.model.name, "refused", reason)
    try:
        parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        return Result(unit.model.name, "failed", f"{parent} cannot be made ({error.strerror})")
    return run_unit(unit)


def _remove_empty_folders(units: Iterable[Unit], out: Path) -> None:
    """Removes the folders below ``out`` that were made for models that were refused."""
    parents = {parent for unit in units for parent in unit.out.parents if out in parent.parents}
    for parent in sorted(parents, reverse=True):  # the deepest first
        with contextlib.suppress(OSError):  # it is not empty
            parent.rmdir()


class _Names:
    """Names of outputs that do not clash.

    Names clash where they differ in case or Unicode form alone (many file systems see one name
    then), or where one would be a folder of another.
    """

    def __init__(self, names: Iterable[str]) -> None:
        self._outputs: set[str] = set()
        self._folders: set[str] = set()
        for name in names:
            self._add(PurePosixPath(name))

    def choose(self, name: str, ending: str) -> str:
        """Chooses the name of a model's output: its own with ``ending``, numbered on a clash."""
        path = PurePosixPath(name)
        folder = PurePosixPath()
        for part in path.parent.parts:
            folder = next(
                numbered
                for numbered in _number(folder, part)
                if _fold(numbered) not in self._outputs
            )
        stem = strip_part(path.name) or "model"
        chosen = next(filter(self._is_free, _number(folder, stem, ending)))
        self._add(chosen)
        return str(chosen)

    def _is_free(self, output: PurePosixPath) -> bool:
        folded = _fold(output)
        return folded not in self._outputs and folded not in self._folders

    def _add(self, output: PurePosixPath) -> None:
        self._outputs.add(_fold(output))
        self._folders.update(map(_fold, output.parents))


def _number(folder: PurePosixPath, stem: str, ending: str = "") -> Iterator[PurePosixPath]:
    """Yields a path, then the same with ~2, ~3 ... before the ending."""
    yield folder / f"{stem}{ending}"
    for number in itertools.count(2):
        yield folder / f"{stem}~{number}{ending}"


def _fold(path: PurePosixPath) -> str:
    """The form of a path in which names that clash are equal."""
    return unicodedata.normalize("NFC", str(path)).casefold()
