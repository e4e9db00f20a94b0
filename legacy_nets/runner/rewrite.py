"""Rewrites calls in the script's own modules: removed methods, and ``open(path, "rU")``.

The classes of modules that protoc 2 wrote name their metaclass as Python 2 did: they get it.

A method of a C type, such as ``array.tostring``, cannot be added again. Its call is rewritten in
the syntax tree instead, as pytest does with assertions. Only sources that have such a call are
rewritten; lines stay.
"""

from __future__ import annotations

import ast
import importlib.abc
import importlib.machinery
import os
import re
import types
from collections.abc import Callable, Sequence

from legacy_nets.runner import removed_names

_SHIMS = "legacy_nets.runner.shims.functions"
METHODS = ("tostring", "getchildren", "getiterator")  # functions of that module
# numpy's: of rows of different lengths they made objects
_RAGGED = ("array", "asarray", "savez", "savez_compressed")
_CALLS = (*METHODS, *_RAGGED)
_CALL = re.compile(
    rb"\.\s*(" + "|".join(_CALLS).encode() + rb")\s*\("
    rb"|[\"'][rbt+]*U[rbt+]*[\"']|__metaclass__\s*=.*\.Generated"
)


def compile_source(source: bytes, path: str) -> types.CodeType:
    """Compiles a source file. Raises SyntaxError as ``compile`` does."""
    if not _CALL.search(source):
        return compile(source, path, "exec", dont_inherit=True)
    tree = CallRewriter().visit(ast.parse(source, path))
    return compile(ast.fix_missing_locations(tree), path, "exec", dont_inherit=True)


class CallRewriter(ast.NodeTransformer):
    """Turns ``value.tostring()`` into a call of our function of that name."""

    def visit_Call(self, node: ast.Call) -> ast.Call:
        """Rewrites a call, where its method is one of those, or it opens a file."""
        self.generic_visit(node)
        method = node.func
        if isinstance(method, ast.Attribute) and method.attr in _CALLS:
            text = f"__import__({_SHIMS!r}, fromlist=['']).{method.attr}"
            function = ast.parse(text, mode="eval").body
            for part in ast.walk(function):
                ast.copy_location(part, method)
            node.args = [method.value, *node.args]
            node.func = function
        elif "open" in (getattr(method, "id", None), getattr(method, "attr", None)):
            modes = [*node.args[1:2], *(k.value for k in node.keywords if k.arg == "mode")]
            for mode in modes:
                if isinstance(mode, ast.Constant) and isinstance(mode.value, str):
                    mode.value = _replace_mode(mode.value)
        return node

    def visit_ClassDef(self, node: ast.ClassDef) -> ast.ClassDef:
        """Turns ``__metaclass__ = _reflection.GeneratedProtocolMessageType`` into an argument."""
        self.generic_visit(node)
        for line in node.body:
            if isinstance(line, ast.Assign) and isinstance(line.value, ast.Attribute):
                is_generated = line.value.attr.startswith("Generated")
                if ast.unparse(line.targets[0]) == "__metaclass__" and is_generated:
                    node.keywords.append(ast.keyword("metaclass", line.value))
        return node


def drop_universal_newlines(mode: str) -> str:
    """Returns a mode of ``open`` without the U that Python 3.11 refuses."""
    if "U" not in mode or not set(mode) <= set("rbtU+"):
        return mode
    plain = mode.replace("U", "")
    return plain if "r" in plain else "r" + plain


def _replace_mode(mode: str) -> str:
    plain = drop_universal_newlines(mode)
    if plain != mode:
        removed_names.record_use(f"mode {mode!r} of open", "Python 3.11", repr(plain))
    return plain


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
