"""Shows on the terminal what is being done: a spinner, or a bar for work on many items.

Both write to stderr, and only where that is a terminal. Nothing may be printed to stdout meanwhile.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.console import Console
    from rich.status import Status

_SPINNER = "dots"  # to name it draws at once: what follows may hold back stderr, or the thread
_shown: list[Status] = []  # the spinner on the terminal, if there is one


@contextlib.contextmanager
def show_status(text: str, console: Console | None = None) -> Iterator[None]:
    """Shows a spinner and what is being done, on stderr or a console of it.

    Inside of another it changes the text of that one: the terminal has one at a time.
    """
    from rich.console import Console

    console = console or Console(stderr=True)
    if _shown:
        outer = _shown[0].status
        _shown[0].update(text, spinner=_SPINNER)
        yield
        _shown[0].update(outer, spinner=_SPINNER)
    elif console.is_terminal:
        with console.status(text) as status:
            _shown.append(status)
            status.update(text, spinner=_SPINNER)
            try:
                yield
            finally:
                _shown.clear()
    else:
        yield


def update_status(text: str) -> None:
    """Changes the text of the spinner to the next step of its work; does nothing without one."""
    if _shown:
        _shown[0].update(text)


@contextlib.contextmanager
def show_progress(unit: str, count: int) -> Iterator[Callable[[int], None]]:
    """Shows a bar; yields the function that adds a number of finished items to it."""
    from rich.console import Console
    from rich.progress import MofNCompleteColumn, Progress

    console = Console(stderr=True)
    with Progress(
        *Progress.get_default_columns(),
        MofNCompleteColumn(),
        console=console,
        transient=True,
        disable=not console.is_terminal,
    ) as progress:
        task = progress.add_task(unit, total=count)
        yield lambda finished: progress.advance(task, finished)
