"""``legacy-nets run --report``: what a script took from TensorFlow, and where its time went."""

from __future__ import annotations

import ast
import atexit
import collections
import importlib
import sys
import time
import types
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

from legacy_nets.runner import behaviour, removed_names

_TOP = "tensorflow"


class _Clock:
    """Seconds: since the start, in TensorFlow's import, in sessions (and how many runs)."""

    start = 0.0
    importing = 0.0
    session = 0.0
    runs = 0
    running = 0  # nested calls count once


class Name(NamedTuple):
    """A name of TensorFlow that a script uses: ``tf.layers.dense``, how often, and from where."""

    name: str
    uses: int
    origin: str


def start(is_own: Callable[[str], bool]) -> None:
    """Starts the clock of a run; the report is printed to standard error when Python ends.

    Args:
      is_own: whether a file is one of the script's own modules.
    """
    _Clock.start = time.perf_counter()
    behaviour.after_import.append(_imported)
    atexit.register(lambda: print(text(is_own), file=sys.stderr))


def _imported(seconds: float) -> None:
    """TensorFlow has been imported in so many seconds: from here on, sessions are timed."""
    _Clock.importing = seconds
    session = importlib.import_module("tensorflow.python.client.session").BaseSession
    run = session.run

    def timed(self: Any, *arguments: Any, **options: Any) -> Any:
        before = time.perf_counter()
        _Clock.running += 1
        try:
            return run(self, *arguments, **options)
        finally:
            _Clock.running -= 1
            _Clock.runs += 1
            if not _Clock.running:
                _Clock.session += time.perf_counter() - before

    session.run = timed


def names(sources: list[str]) -> list[Name]:
    """The names of TensorFlow in Python sources, with what each is offered by; most used first."""
    counts: collections.Counter[str] = collections.Counter()
    for source in sources:
        counts.update(_names_in(ast.parse(source)))
    found: collections.Counter[tuple[str, str]] = collections.Counter()
    for path, count in counts.items():
        found[_resolved(path)] += count
    return [Name(name, count, origin) for (name, origin), count in found.most_common()]


def _names_in(tree: ast.AST) -> Iterator[str]:
    """``tf.layers.dense`` for each chain that begins with an imported name of TensorFlow."""
    aliases: dict[str, str] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for each in node.names:
                if each.name.split(".")[0] == _TOP:
                    aliases[each.asname or _TOP] = each.name if each.asname else "tensorflow"
        elif isinstance(node, ast.ImportFrom) and not node.level:
            if (node.module or "").split(".")[0] == _TOP:
                for each in node.names:
                    aliases[each.asname or each.name] = f"{node.module}.{each.name}"
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


def _resolved(path: str) -> tuple[str, str]:
    """The part of a path that is TensorFlow's (not ``.value`` of a result), and what offers it."""
    found: Any = sys.modules["legacy_nets.tf1"]
    seen = ["tf"]
    for part in path.split(".")[1:]:
        if not isinstance(found, types.ModuleType):
            break
        try:
            found = getattr(found, part)
        except (AttributeError, NotImplementedError, ImportError):
            return ".".join([*seen, part]), "not offered"
        seen.append(part)
    module = found.__name__ if isinstance(found, types.ModuleType) else None
    module = module or getattr(found, "__module__", None) or type(found).__module__
    return ".".join(seen), str(module).split(".")[0]


def text(is_own: Callable[[str], bool]) -> str:
    """The report, after a run."""
    total = time.perf_counter() - _Clock.start
    rest = total - _Clock.importing - _Clock.session
    lines = [
        "legacy-nets: report",
        f"  time        {total:.1f} s: {_Clock.importing:.1f} s importing TensorFlow, {rest:.1f} s "
        f"Python and building graphs, {_Clock.session:.1f} s in {_Clock.runs} session runs",
    ]
    if "legacy_nets.tf1" in sys.modules:
        by_origin: dict[str, list[str]] = {}
        for name in names(_own_sources(is_own)):
            by_origin.setdefault(name.origin, []).append(f"{name.name} ({name.uses})")
        for origin, used in sorted(by_origin.items()):
            lines.append(f"  {origin:11} {', '.join(used)}")
    lines += [f"  deprecated  {name}, at {at}" for name, at in behaviour.deprecated.items()]
    lines += [
        f"  stands in   {row.stand_in.replace(':', '.')} for {path}, gone since {row.since}"
        for path, row in removed_names.used.items()
    ]
    return "\n".join(lines)


def _own_sources(is_own: Callable[[str], bool]) -> list[str]:
    sources = []
    for file in {getattr(module, "__file__", None) for module in list(sys.modules.values())}:
        if file and file.endswith(".py") and is_own(file):
            try:
                with open(file, "rb") as opened:
                    source = opened.read()
                ast.parse(source)
            except (OSError, SyntaxError, ValueError):
                continue
            sources.append(source.decode("utf-8", "replace"))
    return sources
