"""Prints what a command printed before, without computing it again."""

from __future__ import annotations

import contextlib
import hashlib
import io
import os
import sys
from collections.abc import Callable
from typing import TextIO

import click

from legacy_nets.cache.outputs import find_output, keep_output, keeps_outputs
from legacy_nets.language import get_language

_PREFIXES = ("TF_", "LEGACY_NETS_")  # of environment variables that an output may depend on


class _Page(io.StringIO):
    """Collects what is printed, with what tables ask stdout for."""

    def __init__(self, stdout: TextIO) -> None:
        super().__init__()
        self._stdout = stdout

    @property
    def encoding(self) -> str:  # type: ignore[override]  # that of StringIO is None
        """The encoding of stdout."""
        return self._stdout.encoding

    def isatty(self) -> bool:
        """Whether stdout is a terminal."""
        return self._stdout.isatty()


def print_remembered(request: object, write: Callable[[], object]) -> None:
    """Prints on stdout what ``write`` prints there; from the cache where that is known.

    The cache tells apart the package's source, the libraries, the language, the terminal, and the
    environment variables of TensorFlow and of this package.

    Args:
      request: all else that the output depends on; ``repr`` tells any two apart.
      write: prints the output. An error that it raises is raised here, and nothing is kept.
    """
    from rich.console import Console

    console = Console()
    if not keeps_outputs() or console.is_jupyter:
        write()
        return
    screen = console.width, console.is_terminal, console.color_system, console.no_color
    settings = sorted(item for item in os.environ.items() if item[0].startswith(_PREFIXES))
    parts = repr((request, screen, console.encoding, get_language(), settings))
    key = hashlib.sha256(parts.encode()).hexdigest()
    output = find_output(key)
    if output is None:
        page = _Page(sys.stdout)
        with contextlib.redirect_stdout(page):
            write()
        output = page.getvalue()
        keep_output(key, output)
    click.echo(output, nl=False)
