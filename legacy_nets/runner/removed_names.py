"""Names that numpy, scipy, sklearn and Python itself have removed, and what replaces each.

``removed_table.py`` has the tables. Each module of ``REMOVED_NAMES`` gets a ``__getattr__`` (PEP
562) that looks at its caller, each class an attribute that does. A script's own module gets the
replacement, with one line of notice. A library gets the AttributeError that it always got. Names
that still exist are not affected. Functions of ``CHANGED_CALLS`` take again what they took.
"""

from __future__ import annotations

import functools
import importlib
import inspect
import sys
import types
from collections.abc import Callable, Mapping
from typing import Any

from legacy_nets.language.lines import say
from legacy_nets.runner.removed_table import (
    CHANGED_CALLS,
    DEFAULT_ARGUMENTS,
    REMOVED_NAMES,
    SHIMS,
    ChangedCall,
    RemovedName,
)
from legacy_nets.runner.shims import calls

IsOwnCode = Callable[[Mapping[str, object] | None], bool]  # of a module's globals

_BY_MODULE: dict[str, dict[str, RemovedName]] = {}
for _row in REMOVED_NAMES:
    _BY_MODULE.setdefault(_row.module, {})[_row.name] = _row

TOP_MODULES = frozenset(row.path.partition(".")[0] for row in REMOVED_NAMES)
TOP_MODULES |= {module for module, _, _ in DEFAULT_ARGUMENTS}
TOP_MODULES |= {row.owner.partition(":")[0] for row in CHANGED_CALLS}

used: dict[str, tuple[str, str]] = {}  # path -> release and replacement, for the report of a run
strict = False  # --strict: replace nothing


class _ShimLookup:
    """The ``__getattr__`` of a module that has lost names."""

    def __init__(
        self, path: str, before: Callable[[str], object] | None, is_own_code: IsOwnCode
    ) -> None:
        self._path = path
        self._before = before
        self._is_own_code = is_own_code

    def __call__(self, name: str) -> object:
        row = _BY_MODULE[self._path].get(name)
        if row is not None and self._is_own_code(sys._getframe(1).f_globals):
            return load_replacement(row)
        if self._before is not None:
            return self._before(name)
        raise AttributeError(f"module {self._path!r} has no attribute {name!r}")


class _RemovedMethod:
    """A class's attribute in place of a method that it has lost."""

    def __init__(self, row: RemovedName, is_own_code: IsOwnCode) -> None:
        self._row = row
        self._is_own_code = is_own_code

    def __get__(self, instance: object, owner: type) -> object:
        if not self._is_own_code(sys._getframe(1).f_globals):
            raise AttributeError(f"{owner.__name__!r} has no attribute {self._row.name!r}")
        method: Any = load_replacement(self._row)
        return method if isinstance(method, types.MethodType) else method.__get__(instance, owner)


def add_shims(name: str, is_own_code: IsOwnCode) -> None:
    """Adds the removed names to the imported module ``name``, and to those above and below it.

    Args:
      is_own_code: tells from a module's globals whether it is one of the script's own.
    """
    top = name.partition(".")[0]
    for path, rows in _BY_MODULE.items():
        owner = _find_owner(path) if path.replace(":", ".").partition(".")[0] == top else None
        if isinstance(owner, type):
            for row in rows.values():
                if not hasattr(owner, row.name):
                    setattr(owner, row.name, _RemovedMethod(row, is_own_code))
        elif owner is not None:
            before = vars(owner).get("__getattr__")
            if not isinstance(before, _ShimLookup):
                vars(owner)["__getattr__"] = _ShimLookup(path, before, is_own_code)
    for call in CHANGED_CALLS:
        if call.owner.partition(":")[0] == top and not strict:
            _accept_call(call)
    for path, functions, value in DEFAULT_ARGUMENTS:
        if name == path and not strict:
            module = sys.modules[path]
            for function_name in functions:
                function = getattr(module, function_name)
                function.__defaults__ = function.__defaults__ or (getattr(module, value),)


def _find_owner(path: str) -> types.ModuleType | type | None:
    """Finds "module" or "module:Class" among what is imported."""
    module, _, class_name = path.partition(":")
    owner = sys.modules.get(module)
    return getattr(owner, class_name, None) if class_name else owner


def _accept_call(row: ChangedCall) -> None:
    """Wraps a function: arguments that it refuses go to its namesake in ``shims/calls.py``."""
    owner = _find_owner(row.owner)
    real = vars(owner).get(row.function) if owner is not None else None
    if real is None or hasattr(real, "__wrapped__"):  # a module of the script, or done before
        return
    accept = vars(calls)[row.function]

    @functools.wraps(real)
    def call(*arguments: Any, **options: Any) -> Any:
        try:
            return real(*arguments, **options)
        except (TypeError, ValueError):
            if not _takes(accept, real, *arguments, **options):
                raise
            result = accept(real, *arguments, **options)
            if result is NotImplemented:
                raise
        name = f"{row.owner.partition(':')[0]}.{row.function} {row.call}"
        record_use(name, row.since, row.replacement)
        return result

    setattr(owner, row.function, call)
    if row.owner == "random:Random":  # random.sample is a method of a hidden instance
        module = sys.modules["random"]
        vars(module)[row.function] = getattr(vars(module)["_inst"], row.function)


def _takes(function: Callable[..., Any], *arguments: Any, **options: Any) -> bool:
    """Whether a function has parameters for these arguments."""
    try:
        inspect.signature(function).bind(*arguments, **options)
    except TypeError:
        return False
    return True


def load_replacement(row: RemovedName) -> object:
    """Returns the replacement of a name, with a notice the first time.

    Raises AttributeError under --strict.
    """
    replacement = row.replacement.replace(SHIMS + ".", "legacy_nets' ").removeprefix("builtins:")
    replacement = replacement.replace(":", ".")
    if strict:
        raise AttributeError(
            f"{row.path} was removed in {row.since}; use {replacement} instead, or run without "
            "--strict"
        )
    module, _, attributes = row.replacement.partition(":")
    value: object = importlib.import_module(module)
    for attribute in filter(None, attributes.split(".")):
        value = getattr(value, attribute)
    record_use(row.path, row.since, replacement)
    return value


def record_use(path: str, since: str, replacement: str) -> None:
    """Keeps a replaced name or call for the report of a run, and prints one notice of each."""
    if path not in used:
        used[path] = since, replacement
        say(
            f"legacy-nets: {path} was removed in {since}; using {replacement} instead",
            err=True,
        )


def load_missing_module(name: str) -> types.ModuleType | None:
    """Returns the replacement of a removed module (``scipy.misc``); None where there is none."""
    path, _, last = name.rpartition(".")
    row = _BY_MODULE.get(path, {}).get(last)
    module = load_replacement(row) if row is not None else None
    return module if isinstance(module, types.ModuleType) else None
