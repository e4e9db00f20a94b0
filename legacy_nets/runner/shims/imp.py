"""The part of Python's module ``imp`` (removed in 3.12) that scripts used."""

from __future__ import annotations

import importlib
import importlib.machinery
import importlib.util
import os
import sys
import types
from typing import IO

reload = importlib.reload
SEARCH_ERROR, PY_SOURCE, PY_COMPILED, C_EXTENSION, _, PKG_DIRECTORY, C_BUILTIN, PY_FROZEN = range(8)
Details = tuple[str, str, int]  # suffix, mode of open, one of the numbers above


def new_module(name: str) -> types.ModuleType:
    """Makes an empty module."""
    return types.ModuleType(name)


def get_suffixes() -> list[Details]:
    """Lists what files of modules end with."""
    machinery = importlib.machinery
    return [
        *((suffix, "rb", C_EXTENSION) for suffix in machinery.EXTENSION_SUFFIXES),
        *((suffix, "r", PY_SOURCE) for suffix in machinery.SOURCE_SUFFIXES),
        *((suffix, "rb", PY_COMPILED) for suffix in machinery.BYTECODE_SUFFIXES),
    ]


def find_module(
    name: str, path: list[str] | None = None
) -> tuple[IO[str] | IO[bytes] | None, str | None, Details]:
    """Finds a module without a dot in its name: an open file, its path, and what it is.

    Raises ImportError where there is none.
    """
    if path is None and name in sys.builtin_module_names:
        return None, None, ("", "", C_BUILTIN)
    for folder in sys.path if path is None else path:
        package = os.path.join(folder, name)
        if os.path.isfile(os.path.join(package, "__init__.py")):
            return None, package, ("", "", PKG_DIRECTORY)
        for details in get_suffixes():
            if os.path.isfile(package + details[0]):
                encoding = "utf-8" if details[1] == "r" else None
                file = open(package + details[0], details[1], encoding=encoding)
                return file, package + details[0], details
    raise ImportError(f"No module named {name!r}", name=name)


def load_module(name: str, file: object, filename: str, details: Details) -> types.ModuleType:
    """Loads (or loads again) what ``find_module`` found. Raises ImportError."""
    if details[2] == C_BUILTIN:
        return importlib.import_module(name)
    if details[2] == PKG_DIRECTORY:
        return load_source(name, os.path.join(filename, "__init__.py"))
    return load_source(name, filename)


def load_source(name: str, path: str, file: object = None) -> types.ModuleType:
    """Loads (or loads again) a module from a source file. Raises ImportError.

    ``load_compiled`` and ``load_dynamic`` do the same with compiled files.
    """
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise ImportError(f"{path} is not a Python module: name a .py file", name=name, path=path)
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


load_compiled = load_dynamic = load_source
