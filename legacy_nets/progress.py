"""Shows on the terminal what is being done: a spinner, or a bar for work on many items.

They write to stderr, and only where that is a terminal, except for long work (``show_work``), which
prints lines elsewhere. Nothing may be printed to stdout meanwhile.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from legacy_nets.language.lines import say, translate_line

if TYPE_CHECKING:
    from rich.console import Console
    from rich.status import Status
    from rich.text import Text

_SPINNER = "dots"  # to name it draws at once: what follows may hold back stderr, or the thread
_LINE_SECONDS = 10.0  # between two lines about long work
_shown: list[Status] = []  # the spinner on the terminal, if there is one


def print_line(console: Console, line: str) -> None:
    """Prints a line on a console in the chosen language, without colours."""
    console.print(_make_text(line), highlight=False)


def _make_text(line: str) -> Text:
    """Makes a text of a line: brackets, as names of files have them, are no markup."""
    from rich.text import Text

    return Text(translate_line(line))


@contextlib.contextmanager
def show_status(text: str, console: Console | None = None) -> Iterator[None]:
    """Shows a spinner and what is being done, on stderr or a console of it.

    Inside of another it changes the text of that one: the terminal has one at a time.
    """
    from rich.console import Console

    console = console or Console(stderr=True)
    if _shown:
        outer = _shown[0].status
        _shown[0].update(_make_text(text), spinner=_SPINNER)
        try:
            yield
        finally:
            _shown[0].update(outer, spinner=_SPINNER)
    elif console.is_terminal:
        with console.status(_make_text(text)) as status:
            _shown.append(status)
            status.update(status.status, spinner=_SPINNER)
            try:
                yield
            finally:
                _shown.clear()
    else:
        yield


def update_status(text: str) -> None:
    """Changes the text of the spinner to the next step of its work; does nothing without one."""
    if _shown:
        _shown[0].update(_make_text(text))


@contextlib.contextmanager
def _hide_spinner() -> Iterator[None]:
    """Stops the spinner, if there is one, while the block runs."""
    spinners = list(_shown)
    for spinner in spinners:
        spinner.stop()
    try:
        yield
    finally:
        for spinner in spinners:
            spinner.start()


@contextlib.contextmanager
def show_progress(unit: str, count: float) -> Iterator[Callable[[float], None]]:
    """Shows a bar; yields the function that adds a number of finished items to it.

    Inside of a spinner the bar replaces it.
    """
    from rich.console import Console
    from rich.progress import MofNCompleteColumn, Progress

    console = Console(stderr=True)
    with (
        _hide_spinner(),
        Progress(
            *Progress.get_default_columns(),
            MofNCompleteColumn(),
            console=console,
            transient=True,
            disable=not console.is_terminal,
        ) as progress,
    ):
        task = progress.add_task(translate_line(unit), total=count)
        yield lambda finished: progress.advance(task, finished)


@contextlib.contextmanager
def show_work(total: int) -> Iterator[Callable[[int, str], None]]:
    """Shows a bar, a text and the time left; where stderr is no terminal, a line every 10 seconds.

    ``total``: of the work, in any unit. Yields a function of the amount that is done and the text.
    """
    from rich.console import Console
    from rich.progress import Progress

    start = printed = time.monotonic()
    console = Console(stderr=True)
    with Progress(
        *Progress.get_default_columns(),
        console=console,
        transient=True,
        disable=not console.is_terminal,
    ) as progress:
        task = progress.add_task("", total=total)

        def update(done: int, text: str) -> None:
            nonlocal printed
            text = translate_line(text)
            progress.update(task, completed=done, description=text)
            now = time.monotonic()
            if not console.is_terminal and done and now - printed >= _LINE_SECONDS:
                printed = now
                left = (now - start) * (total - done) / done
                share = f"{done / total:.0%}"
                say(f"{share}, {text}, {format_seconds(left)} left", err=True)

        yield update


def format_seconds(seconds: float) -> str:
    """Formats a duration for people: "42 s", "12 min", "3 h 20 min"."""
    minutes = round(seconds / 60)
    if seconds < 100:
        return f"{seconds:.0f} s"
    if minutes < 100:
        return f"{minutes} min"
    return f"{minutes // 60} h {minutes % 60} min"
