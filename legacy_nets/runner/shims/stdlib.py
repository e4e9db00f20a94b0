"""Shims for functions that Python's standard library has removed."""

from __future__ import annotations

import functools
import html
import importlib.util
import inspect
import locale
import os
import platform
import plistlib
import types
import unittest
from collections.abc import Callable, Coroutine
from typing import Any


def escape(s: str, quote: bool = False) -> str:
    """Escapes ``&<>`` for HTML, and ``"`` where asked, as ``cgi.escape`` did."""
    escaped = html.escape(s, quote=False)
    return escaped.replace('"', "&quot;") if quote else escaped


def unescape(self: object, s: str) -> str:
    """``HTMLParser().unescape(s)``: replaces character references."""
    return html.unescape(s)


def linux_distribution(*_options: object, **_more: object) -> tuple[str, str, str]:
    """Returns name, version and an empty code name of the Linux distribution; "" elsewhere."""
    try:
        release = platform.freedesktop_os_release()
    except OSError:
        return "", "", ""
    return release.get("ID", ""), release.get("VERSION_ID", ""), ""


def formatargspec(
    args: list[str],
    varargs: str | None = None,
    varkw: str | None = None,
    defaults: tuple[object, ...] | None = None,
    kwonlyargs: tuple[str, ...] | list[str] = (),
    kwonlydefaults: dict[str, object] | None = None,
) -> str:
    """Formats the results of ``inspect.getargspec`` as in a definition: "(a, b=1)"."""
    given, named = inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY
    values = dict(zip(reversed(args), reversed(defaults or ()), strict=False))
    parameters: list[tuple[str, Any, dict[str, object]]]
    parameters = [(name, given, values) for name in args]
    if varargs:
        parameters.append((varargs, inspect.Parameter.VAR_POSITIONAL, {}))
    parameters += [(name, named, kwonlydefaults or {}) for name in kwonlyargs]
    if varkw:
        parameters.append((varkw, inspect.Parameter.VAR_KEYWORD, {}))
    empty = inspect.Parameter.empty
    return str(
        inspect.Signature(
            [inspect.Parameter(n, kind, default=d.get(n, empty)) for n, kind, d in parameters]
        )
    )


def getcheckinterval() -> int:
    """``sys.getcheckinterval()``, which had no effect since Python 3.2."""
    return 100


def setcheckinterval(n: int) -> None:
    """``sys.setcheckinterval(n)``, which had no effect since Python 3.2."""


def resetlocale(category: int = locale.LC_ALL) -> None:
    """Sets the locale to the user's."""
    locale.setlocale(category, "")


def find_loader(name: str, path: str | None = None) -> object:
    """Returns the loader of a module, or None."""
    spec = importlib.util.find_spec(name, path)
    return spec.loader if spec else None


def readPlist(pathOrFile: Any) -> Any:
    """Reads a property list from a path or an open file."""
    if not isinstance(pathOrFile, (str, os.PathLike)):
        return plistlib.load(pathOrFile)
    with open(pathOrFile, "rb") as file:
        return plistlib.load(file)


def writePlist(value: Any, pathOrFile: Any) -> None:
    """Writes a property list to a path or an open file."""
    if not isinstance(pathOrFile, (str, os.PathLike)):
        return plistlib.dump(value, pathOrFile)
    with open(pathOrFile, "wb") as file:
        plistlib.dump(value, file)


def make_suite(
    testCaseClass: type[unittest.TestCase], prefix: str = "test", *_options: object
) -> unittest.TestSuite:
    """``unittest.makeSuite``: a suite of the methods that begin with a prefix."""
    loader = unittest.TestLoader()
    loader.testMethodPrefix = prefix
    return loader.loadTestsFromTestCase(testCaseClass)


def coroutine(function: Callable[..., Any]) -> Callable[..., Coroutine[Any, Any, Any]]:
    """``asyncio.coroutine``: makes a generator, which says "yield from", a coroutine function."""
    start = types.coroutine(function) if inspect.isgeneratorfunction(function) else function

    @functools.wraps(function)
    async def call(*arguments: Any, **options: Any) -> Any:
        result = start(*arguments, **options)
        return await result if inspect.isawaitable(result) else result

    return call
