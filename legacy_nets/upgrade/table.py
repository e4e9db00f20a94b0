"""Maps a dotted path of TensorFlow 1's time to today's: the launcher's table, for sources."""

from __future__ import annotations

from legacy_nets.runner.removed_names import REMOVED_NAMES

TF = "tensorflow"
TF1 = "legacy_nets.tf1"
REPLACEMENTS = {TF: TF1} | {row.path: row.replacement for row in REMOVED_NAMES}
TOP_MODULES = frozenset(path.partition(".")[0] for path in REPLACEMENTS)

# Methods that have another name in the same class.
RENAMED_METHODS = {
    row.name: row.replacement.rpartition(".")[2]
    for row in REMOVED_NAMES
    if ":" in row.module and row.replacement.startswith(f"{row.module}.")
}

# Replacements that differ in places from what they replace.
APPROXIMATE = {
    "time.clock": "counted CPU time; perf_counter counts wall-clock time",
    "sklearn.cross_validation": "KFold and similar classes take the data in split(), "
    "not the number of examples",
    "sklearn.grid_search": "has cv_results_ in place of grid_scores_",
    "sklearn.preprocessing.Imputer": "becomes SimpleImputer, which has no axis",
}


def find_removed(path: str) -> str | None:
    """Finds the shortest removed prefix of a path: ``scipy.misc`` of ``scipy.misc.imread``."""
    parts = path.split(".")
    prefixes = (".".join(parts[: end + 1]) for end in range(len(parts)))
    return next((prefix for prefix in prefixes if prefix in REPLACEMENTS), None)


def translate(path: str) -> tuple[str, str]:
    """Translates a path with a removed prefix to a module, and attributes in it ("" or "a.b")."""
    removed = find_removed(path)
    assert removed is not None
    module, _, attributes = REPLACEMENTS[removed].partition(":")
    rest = path[len(removed) :]
    return (module, attributes + rest) if attributes else (module + rest, "")


def is_below(path: str, top: str) -> bool:
    """Whether a path is ``top`` or lies below it."""
    return f"{path}.".startswith(f"{top}.")


def write_import(module: str, attributes: str, name: str) -> list[str]:
    """Writes the statements that import something under a name."""
    if not attributes:
        module, _, attributes = module.rpartition(".")
    first, _, rest = attributes.partition(".")
    if rest:
        return [f"from {module} import {first}", f"{name} = {attributes}"]
    renamed = "" if name == first else f" as {name}"
    return [(f"from {module} " if module else "") + f"import {first}{renamed}"]


def translate_import(path: str, name: str | None) -> list[str] | None:
    """Translates ``import path as name`` to statements; None where the statement may stay."""
    removed = find_removed(path)
    if removed is None:
        return None
    if name is not None:
        module, attributes = translate(path)
        is_module = path != removed and not attributes
        if is_module:
            return [f"import {module} as {name}"]
        return write_import(module, attributes, name)
    if "." in removed:  # names below it are translated where they are used
        return [f"import {removed.rpartition('.')[0]}"]
    submodule = [] if path == removed else [f"import {translate(path)[0]}"]
    return [*submodule, *write_import(*translate(removed), removed)]
