"""Rewrites calls of removed methods in the script's own modules: ``array.tostring()``.

A method of a C type cannot be added again. Its call is rewritten in the syntax tree instead, as
pytest does with assertions. Only sources that have such a call are rewritten; lines stay.
"""

from __future__ import annotations

import ast
import importlib.abc
import importlib.machinery
import os
import re
import types
from collections.abc import Callable, Sequence

_SHIMS = "legacy_nets.runner.shims.functions"
METHODS = ("tostring",)  # each has a function of its name in that module
_RAGGED = ("array", "asarray")  # numpy's: of rows of different lengths they made objects
_CALLS = (*METHODS, *_RAGGED)
_CALL = re.compile(rb"\.\s*(" + "|".join(_CALLS).encode() + rb")\s*\(")


def compile_source(source: bytes, path: str) -> types.CodeType:
    """Compiles a source file. Raises SyntaxError as ``compile`` does."""
    if not _CALL.search(source):
        return compile(source, path, "exec", dont_inherit=True)
    tree = CallRewriter().visit(ast.parse(source, path))
    return compile(ast.fix_missing_locations(tree), path, "exec", dont_inherit=True)


class CallRewriter(ast.NodeTransformer):
    """Turns ``value.tostring()`` into a call of our function of that name."""

    def visit_Call(self, node: ast.Call) -> ast.Call:
        """Rewrites a call, where its method is one of those."""
        self.generic_visit(node)
        method = node.func
        if isinstance(method, ast.Attribute) and method.attr in _CALLS:
            text = f"__import__({_SHIMS!r}, fromlist=['']).{method.attr}"
            function = ast.parse(text, mode="eval").body
            for part in ast.walk(function):
                ast.copy_location(part, method)
            node.args = [method.value, *node.args]
            node.func = function
        return node


class _Loader(importlib.machinery.SourceFileLoader):
    """Compiles from source always: the file that Python caches must not hold rewritten code."""

    def get_code(self, fullname: str) -> types.CodeType:
        path = self.get_filename(fullname)
        return compile_source(self.get_data(path), path)


class RewritingFinder(importlib.abc.MetaPathFinder):
    """Finds the script's own modules that make one of the calls."""

    def __init__(self, is_own_file: Callable[[str], bool]) -> None:
        self.is_own_file = is_own_file

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: types.ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        """Returns a spec with the rewriting loader, or None: the module is another finder's."""
        if path is not None and not any(self.is_own_file(os.path.join(p, "x.py")) for p in path):
            return None
        spec = importlib.machinery.PathFinder.find_spec(fullname, path, target)
        if spec is None or type(spec.loader) is not importlib.machinery.SourceFileLoader:
            return None
        origin = spec.origin or ""
        if not self.is_own_file(origin):
            return None
        with open(origin, "rb") as file:
            source = file.read()
        if not _CALL.search(source):
            return None
        spec.loader = _Loader(fullname, origin)
        return spec
