"""Methods that are gone, in the script's own modules: ``array.tostring()`` is ``tobytes()``.

A method of a C type cannot be given back; its call is rewritten in the syntax tree instead, as
pytest does with assertions. Only sources that have such a call are touched; lines stay.
"""

from __future__ import annotations

import ast
import importlib.abc
import importlib.machinery
import os
import re
import types
from collections.abc import Callable, Sequence
from typing import Any

_STAND_IN = "legacy_nets.runner.shims.functions"
METHODS = ("tostring",)  # each has a function of its name in that module
_RAGGED = ("array", "asarray")  # numpy's: of rows of different lengths they made objects
_CALLS = (*METHODS, *_RAGGED)
_CALLED = re.compile(rb"\.\s*(" + "|".join(_CALLS).encode() + rb")\s*\(")


def compile_source(source: bytes, path: str) -> types.CodeType:
    """The code of a source file. Raises SyntaxError as compile does."""
    if not _CALLED.search(source):
        return compile(source, path, "exec", dont_inherit=True)
    tree = Calls().visit(ast.parse(source, path))
    return compile(ast.fix_missing_locations(tree), path, "exec", dont_inherit=True)


class Calls(ast.NodeTransformer):
    """Turns ``value.tostring()`` into a call of our function of that name."""

    def visit_Call(self, node: ast.Call) -> ast.Call:
        """The rewritten call."""
        self.generic_visit(node)
        called = node.func
        if isinstance(called, ast.Attribute) and called.attr in _CALLS:
            text = f"__import__({_STAND_IN!r}, fromlist=['']).{called.attr}"
            function = ast.parse(text, mode="eval").body
            for part in ast.walk(function):
                ast.copy_location(part, called)
            node.args = [called.value, *node.args]
            node.func = function
        return node


class _Loader(importlib.machinery.SourceFileLoader):
    """Compiles from source always: the file that Python caches must stay free of rewriting."""

    def get_code(self, fullname: str) -> types.CodeType:
        path = self.get_filename(fullname)
        return compile_source(self.get_data(path), path)


class Finder(importlib.abc.MetaPathFinder):
    """Finds the script's own modules that make one of the calls."""

    def __init__(self, is_own: Callable[[str], bool]) -> None:
        self.is_own = is_own

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: Any = None
    ) -> importlib.machinery.ModuleSpec | None:
        """A spec with the rewriting loader, or None: the module is another finder's."""
        if path is not None and not any(self.is_own(os.path.join(p, "x.py")) for p in path):
            return None
        spec = importlib.machinery.PathFinder.find_spec(fullname, path, target)
        if spec is None or type(spec.loader) is not importlib.machinery.SourceFileLoader:
            return None
        origin = spec.origin or ""
        if not self.is_own(origin):
            return None
        with open(origin, "rb") as file:
            source = file.read()
        if not _CALLED.search(source):
            return None
        spec.loader = _Loader(fullname, origin)
        return spec
