"""What is in every model below a folder: one row a model."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from legacy_nets.checkpoints.contents import list_contents
from legacy_nets.checkpoints.open import find_readable_weights, open_weights
from legacy_nets.errors import LegacyNetsError, join_lines
from legacy_nets.port.folder.models import Contents, Model
from legacy_nets.port.folder.processes import distribute
from legacy_nets.ray_data.run import RETRIES, run_on_ray
from legacy_nets.sandbox import estimate_memory, run_sandboxed

_SECONDS = 120.0  # for one model
_GIB = 4.0  # limit of address space, without the files


class Row(NamedTuple):
    """What is in a model; a problem where it cannot be read."""

    name: str  # path below the folder
    tensors: int = 0  # weights alone
    parameters: int = 0
    step: int | None = None
    bytes: int = 0  # of its files
    notes: tuple[str, ...] = ()
    problem: str = ""


class Inventory(NamedTuple):
    """What is in a folder of models."""

    rows: tuple[Row, ...]  # sorted by name
    others: int  # files that are no models

    @property
    def unreadable(self) -> int:
        """How many of the models cannot be read."""
        return sum(bool(row.problem) for row in self.rows)


def inspect_models(
    contents: Contents, jobs: int, on_ray: bool, report: Callable[[Row], object] = lambda row: None
) -> Inventory:
    """Reads what is in every model of a folder, each in a process of its own.

    ``on_ray``: by the cluster of ``ray_data.open_cluster``. ``report`` gets each row as it comes.
    """
    rows = [Row(name, problem=reason) for name, reason in contents.unreadable]
    run = run_on_ray if on_ray else distribute
    for row in run(inspect_model, contents.models, jobs):
        report(row)
        rows.append(row)
    names = {row.name for row in rows}
    lost = [model.name for model in contents.models if model.name not in names]
    reason = f"its worker of Ray was killed {RETRIES + 1} times: try again"
    rows += [Row(name, problem=reason) for name in lost]
    return Inventory(tuple(sorted(rows)), contents.others)


def inspect_model(model: Model) -> Row:
    """Reads what is in a model in a process with limits; a problem becomes its row."""
    gib = estimate_memory(*model.files, least=_GIB)
    try:
        return run_sandboxed(_read, model, label=model.name, seconds=_SECONDS, gib=gib)
    except (LegacyNetsError, OSError) as error:
        problem = join_lines(error)
        for prefix in (model.location, model.name):
            problem = problem.removeprefix(f"{prefix}: ")
        return Row(model.name, bytes=_count_bytes(model), problem=problem)


def _read(model: Model) -> Row:
    contents = list_contents(open_weights(find_readable_weights(model.location)))
    return Row(
        model.name,
        len(contents.weights),
        contents.parameters,
        contents.step,
        _count_bytes(model),
        contents.notes,
    )


def _count_bytes(model: Model) -> int:
    return sum(path.stat().st_size for path in model.files if path.is_file())
