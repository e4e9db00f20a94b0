"""Ends a command within seconds of SIGTERM, and leaves no half file."""

from __future__ import annotations

import contextlib
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from types import FrameType

EXIT_CODE = 128 + signal.SIGTERM
GRACE = 4.0  # seconds from SIGTERM to the end of the process, whatever it does
_LOST = b"legacy-nets: ended by SIGTERM in a long operation: what it had not saved is lost\n"

_clean_ups: list[Callable[[], object]] = []


@contextlib.contextmanager
def end_on_sigterm() -> Iterator[None]:
    """Makes SIGTERM end the process within ``GRACE`` seconds, with exit code 143, in the block.

    SIGTERM raises SystemExit, or calls a handler that the block sets itself. Python calls it
    between two of its own instructions, which a native call delays until it returns. Where the
    process does not end in time, a thread calls what ``clean_up`` was given, and ends it.

    A handler of the caller stays as it is. Does nothing outside of the main thread.
    """
    if signal.getsignal(signal.SIGTERM) != signal.SIG_DFL:
        yield
        return
    try:
        signal.signal(signal.SIGTERM, _leave)
    except ValueError:  # not the main thread: signals go elsewhere
        yield
        return
    reading_end, writing_end = os.pipe()
    os.set_blocking(writing_end, False)
    older = signal.set_wakeup_fd(writing_end, warn_on_full_buffer=False)
    threading.Thread(target=_wait, args=(reading_end,), daemon=True).start()
    try:
        yield
    finally:
        signal.set_wakeup_fd(older)
        os.close(writing_end)  # ends the thread
        signal.signal(signal.SIGTERM, signal.SIG_DFL)


@contextlib.contextmanager
def clean_up(function: Callable[[], object]) -> Iterator[None]:
    """Calls a function after the block, also where SIGTERM ends the process in the meantime.

    The function removes what is not finished; a second call must do no harm.
    """
    _clean_ups.append(function)
    try:
        yield
    finally:
        function()
        _clean_ups.remove(function)


def _leave(number: int, _: FrameType | None) -> None:
    """Handles SIGTERM."""
    raise SystemExit(EXIT_CODE)


def _wait(reading_end: int) -> None:
    """Waits for SIGTERM, then for the process to end; ends it after that time."""
    with open(reading_end, "rb", buffering=0) as numbers:  # of each signal that has a handler
        while number := numbers.read(1):
            if number[0] == signal.SIGTERM:
                time.sleep(GRACE)
                for function in reversed(_clean_ups):
                    with contextlib.suppress(OSError):
                        function()
                with contextlib.suppress(OSError):
                    os.write(2, _LOST)
                os._exit(EXIT_CODE)
