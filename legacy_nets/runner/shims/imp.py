"""The part of Python's module ``imp`` (removed in 3.12) that scripts used."""

from __future__ import annotations

import importlib
import importlib.util
import sys
import types

reload = importlib.reload


def new_module(name: str) -> types.ModuleType:
    """Makes an empty module."""
    return types.ModuleType(name)


def load_source(name: str, path: str) -> types.ModuleType:
    """Loads (or loads again) a module from a source file. Raises ImportError."""
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise ImportError(f"{path} is not Python source: name a .py file", name=name, path=path)
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module
