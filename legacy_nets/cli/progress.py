"""Bars on the terminal for work on many items."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator

MANY = 100  # items, from which on a bar is shown


@contextlib.contextmanager
def show_progress(unit: str, count: int) -> Iterator[Callable[[int], None]]:
    """Shows a bar on stderr where that is a terminal and there are many items.

    Yields the function that adds a number of finished items to it.
    """
    from rich.console import Console
    from rich.progress import MofNCompleteColumn, Progress

    console = Console(stderr=True)
    with Progress(
        *Progress.get_default_columns(),
        MofNCompleteColumn(),
        console=console,
        transient=True,
        disable=count < MANY or not console.is_terminal,
    ) as progress:
        task = progress.add_task(unit, total=count)
        yield lambda finished: progress.advance(task, finished)
