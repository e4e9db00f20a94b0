"""``legacy-nets run --report``: the names of TensorFlow that a script used, and its time."""

from __future__ import annotations

import ast
import atexit
import collections
import importlib
import sys
import time
import types
import unicodedata
from collections.abc import Callable, Iterator
from typing import NamedTuple

from legacy_nets.language import get_language, mark, use_language
from legacy_nets.language import translate as _
from legacy_nets.runner import behaviour, numpy_1, removed_names
from legacy_nets.types import Session, Structure

_TOP = "tensorflow"
_NOT_OFFERED = mark("not offered")  # in place of a package
_LABEL_WIDTH = 11


class _Clock:
    """Times in seconds, and the number of session runs."""

    start = 0.0  # of the run, on the clock
    importing = 0.0  # TensorFlow
    session = 0.0  # in session.run
    runs = 0
    running = 0  # nested calls count once


class Name(NamedTuple):
    """A name of TensorFlow that a script uses: ``tf.layers.dense``, how often, and from where."""

    name: str
    uses: int
    origin: str


def start_clock(is_own_file: Callable[[str], bool]) -> None:
    """Starts the clock of a run; the report is printed to standard error when Python ends.

    It is in the language that is chosen now.

    Args:
      is_own_file: tells whether a file is one of the script's own modules.
    """
    _Clock.start = time.perf_counter()
    numpy_1.counts_all = True
    behaviour.is_own_file = is_own_file
    behaviour.import_listeners.append(_time_sessions)
    atexit.register(_print_report, is_own_file, get_language())


def _print_report(is_own_file: Callable[[str], bool], language: str) -> None:
    with use_language(language):
        print(format_report(is_own_file), file=sys.stderr)


def _time_sessions(seconds: float) -> None:
    """Times all sessions from here on. TensorFlow's import took so many ``seconds``."""
    _Clock.importing = seconds
    session = importlib.import_module("tensorflow.python.client.session").BaseSession
    run = session.run

    def timed_run(self: Session, *arguments: object, **options: object) -> Structure:
        before = time.perf_counter()
        _Clock.running += 1
        try:
            return run(self, *arguments, **options)
        finally:
            _Clock.running -= 1
            _Clock.runs += 1
            if not _Clock.running:
                _Clock.session += time.perf_counter() - before

    session.run = timed_run


def count_names(sources: list[str]) -> list[Name]:
    """Counts the names of TensorFlow in Python sources, most used first."""
    counts: collections.Counter[str] = collections.Counter()
    for source in sources:
        counts.update(_find_names(ast.parse(source)))
    resolved: collections.Counter[tuple[str, str]] = collections.Counter()
    for path, count in counts.items():
        resolved[_resolve_name(path)] += count
    return [Name(name, count, origin) for (name, origin), count in resolved.most_common()]


def _find_names(tree: ast.AST) -> Iterator[str]:
    """Yields ``tf.layers.dense`` for each chain that begins with an imported TensorFlow name."""
    aliases: dict[str, str] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                if alias.name.split(".")[0] == _TOP:
                    aliases[alias.asname or _TOP] = alias.name if alias.asname else _TOP
        elif isinstance(node, ast.ImportFrom) and not node.level:
            if (node.module or "").split(".")[0] == _TOP:
                for alias in node.names:
                    aliases[alias.asname or alias.name] = f"{node.module}.{alias.name}"
    inner: set[int] = set()
    for node in ast.walk(tree):  # the outermost of a chain comes first
        if isinstance(node, ast.Attribute | ast.Name) and id(node) not in inner:
            parts = []
            part: ast.expr = node
            while isinstance(part, ast.Attribute):
                parts.append(part.attr)
                part = part.value
                inner.add(id(part))
            if isinstance(part, ast.Name) and part.id in aliases:
                yield ".".join(["tf", *aliases[part.id].split(".")[1:], *reversed(parts)])


def _resolve_name(path: str) -> tuple[str, str]:
    """Returns the part of a path that is TensorFlow's, and the package that offers it.

    An attribute of a result (``.value``) is not TensorFlow's.
    """
    value: object = sys.modules["legacy_nets.tf1"]
    seen = ["tf"]
    for part in path.split(".")[1:]:
        if not isinstance(value, types.ModuleType):
            break
        try:
            value = getattr(value, part)
        except (AttributeError, NotImplementedError, ImportError):
            return ".".join([*seen, part]), _NOT_OFFERED
        seen.append(part)
    module = value.__name__ if isinstance(value, types.ModuleType) else None
    module = module or getattr(value, "__module__", None) or type(value).__module__
    return ".".join(seen), str(module).split(".")[0]


def format_report(is_own_file: Callable[[str], bool]) -> str:
    """Formats the report of a run that has ended, in the chosen language."""
    total = time.perf_counter() - _Clock.start
    times = _(
        "{total:.1f} s: {importing:.1f} s importing TensorFlow, {building:.1f} s Python and "
        "building graphs, {session:.1f} s in {runs} session runs"
    ).format(
        total=total,
        importing=_Clock.importing,
        building=total - _Clock.importing - _Clock.session,
        session=_Clock.session,
        runs=_Clock.runs,
    )
    rows = [("time", times)]
    if "legacy_nets.tf1" in sys.modules:
        by_origin: dict[str, list[str]] = {}
        for name in count_names(_read_own_sources(is_own_file)):
            by_origin.setdefault(name.origin, []).append(f"{name.name} ({name.uses})")
        rows += [(origin, ", ".join(uses)) for origin, uses in sorted(by_origin.items())]
    call, shim = _("{name}, at {location}"), _("{replacement} for {name}, removed in {since}")
    rows += [
        (mark("deprecated"), call.format(name=name, location=location))
        for name, location in behaviour.deprecated_calls.items()
    ]
    rows += [
        (mark("shim"), shim.format(replacement=replacement, name=path, since=since))
        for path, (since, replacement) in removed_names.used.items()
    ]
    rows += [(mark("hidden"), f"{text} ({count})") for text, count in numpy_1.counts.most_common()]
    lines = [f"  {_pad(_(label))} {text}" for label, text in rows]
    return "\n".join([_("legacy-nets: report"), *lines])


def _pad(label: str) -> str:
    """Pads a label with spaces; a Chinese character is as wide as two of them."""
    width = sum(2 if unicodedata.east_asian_width(letter) in "WF" else 1 for letter in label)
    return label + " " * (_LABEL_WIDTH - width)


def _read_own_sources(is_own_file: Callable[[str], bool]) -> list[str]:
    sources = []
    for file in {getattr(module, "__file__", None) for module in list(sys.modules.values())}:
        if file and file.endswith(".py") and is_own_file(file):
            try:
                with open(file, "rb") as opened:
                    source = opened.read()
                ast.parse(source)
            except (OSError, SyntaxError, ValueError):
                continue
            sources.append(source.decode("utf-8", "replace"))
    return sources
