"""Shims for functions that Python's standard library has removed."""

from __future__ import annotations

import functools
import html
import importlib.util
import inspect
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
