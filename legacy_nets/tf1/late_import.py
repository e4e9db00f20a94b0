"""Delays the import of a module until something in it is used."""

from __future__ import annotations

import contextlib
import importlib
import importlib.util
import sys
import types
from collections.abc import Iterator


class _LateModule(types.ModuleType):
    """Replaces a module, and imports it when something in it is used."""

    def __getattr__(self, name: str) -> object:
        """Finds a name in the module.

        Special names like ``__file__`` do not import it: tools ask every module for them.
        """
        if name.startswith("__") or sys.modules.get(self.__name__) is self:
            raise AttributeError(f"module {self.__name__!r} has no attribute {name!r}")
        return getattr(importlib.import_module(self.__name__), name)


@contextlib.contextmanager
def import_late(name: str) -> Iterator[None]:
    """Delays the import of a module by the code that runs inside the block.

    ``name``: of a module in a package, like ``sklearn.metrics``. Does nothing where it is imported
    already, or its package is not installed.
    """
    if name in sys.modules or not _is_installed(name.partition(".")[0]):
        yield
        return
    sys.modules[name] = _LateModule(name)
    try:
        yield
    finally:
        del sys.modules[name]


def _is_installed(package: str) -> bool:
    """Whether a package is found; a folder without ``__init__.py`` is none."""
    try:
        spec = importlib.util.find_spec(package)
    except ValueError:  # a script put a module of its own in its place
        return False
    return spec is not None and spec.origin is not None
