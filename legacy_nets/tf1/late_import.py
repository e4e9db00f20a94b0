"""Imports a package that others import at once only when it is used."""

from __future__ import annotations

import contextlib
import importlib
import importlib.util
import sys
import types
from collections.abc import Iterator


class _LateModule(types.ModuleType):
    """Stands for a module; imports it when something in it is asked for."""

    def __getattr__(self, name: str) -> object:
        """Finds a name; those like ``__file__`` are asked of every module, which imports none."""
        is_special = name.startswith("__")
        if is_special or sys.modules.get(self.__name__) is self:
            raise AttributeError(f"module {self.__name__!r} is not imported yet: no {name!r}")
        return getattr(importlib.import_module(self.__name__), name)


@contextlib.contextmanager
def import_late(name: str) -> Iterator[None]:
    """Whoever imports a module inside gets one that is imported on first use, after the block.

    ``name``: of a module in a package, like ``sklearn.metrics``. Does nothing where that is
    imported already, or the package is not installed.
    """
    package = name.partition(".")[0]
    if name in sys.modules or importlib.util.find_spec(package) is None:
        yield
        return
    sys.modules[name] = _LateModule(name)
    try:
        yield
    finally:
        del sys.modules[name]
