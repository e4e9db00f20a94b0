"""Where a dotted path of that time lies today: the launcher's table, read for sources."""

from __future__ import annotations

from legacy_nets.runner.removed_names import GONE

TF = "tensorflow"
TF1 = "legacy_nets.tf1"
STAND_INS = {TF: TF1} | {row.path.strip("."): row.stand_in for row in GONE}
TOPS = frozenset(path.partition(".")[0] for path in STAND_INS)

# Stand-ins of other libraries that take or answer something else in places.
APPROXIMATE = {
    "time.clock": "counted the processor's time; perf_counter counts time on the wall",
    "sklearn.cross_validation": "KFold and its like take the data in split() now, not their number",
    "sklearn.grid_search": "grid_scores_ is cv_results_ now",
    "sklearn.preprocessing.Imputer": "SimpleImputer has no axis",
}


def gone_part(path: str) -> str | None:
    """The shortest beginning of a path that is gone: ``scipy.misc`` of ``scipy.misc.imread``."""
    parts = path.split(".")
    beginnings = (".".join(parts[: end + 1]) for end in range(len(parts)))
    return next((beginning for beginning in beginnings if beginning in STAND_INS), None)


def today(path: str) -> tuple[str, str]:
    """What a path with a gone part is today: a module, and attributes in it ("" or "a.b")."""
    gone = gone_part(path)
    assert gone is not None
    module, _, attributes = STAND_INS[gone].partition(":")
    rest = path[len(gone) :]
    return (module, attributes + rest) if attributes else (module + rest, "")


def below(path: str, top: str) -> bool:
    """Whether a path is ``top`` or lies below it."""
    return f"{path}.".startswith(f"{top}.")


def bind(module: str, attributes: str, name: str) -> list[str]:
    """Statements that import something under a name."""
    if not attributes:
        module, _, attributes = module.rpartition(".")
    first, _, rest = attributes.partition(".")
    if rest:
        return [f"from {module} import {first}", f"{name} = {attributes}"]
    renamed = "" if name == first else f" as {name}"
    return [(f"from {module} " if module else "") + f"import {first}{renamed}"]


def import_statements(path: str, name: str | None) -> list[str] | None:
    """What stands for ``import path as name`` today; None where the statement may stay."""
    gone = gone_part(path)
    if gone is None:
        return None
    if name is not None:
        module, attributes = today(path)
        exact = path != gone and not attributes
        return [f"import {module} as {name}"] if exact else bind(module, attributes, name)
    if "." in gone:  # what is used of it is written anew where it is used
        return [f"import {gone.rpartition('.')[0]}"]
    here = [] if path == gone else [f"import {today(path)[0]}"]
    return [*here, *bind(*today(gone), gone)]
