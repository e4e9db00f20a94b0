"""Ends a process when the one that started it ends, however that happens."""

from __future__ import annotations

import contextlib
import os
import threading
from collections.abc import Iterator
from typing import NamedTuple

VARIABLE = "LEGACY_NETS_LIFELINE"  # the number of the pipe's reading end, in a child


class Lifeline(NamedTuple):
    """What a child process is started with: ``pass_fds`` and environment of subprocess.Popen."""

    pass_fds: tuple[int, ...]
    environment: dict[str, str]


@contextlib.contextmanager
def open_lifeline() -> Iterator[Lifeline]:
    """Yields a pipe for children; its writing end closes with this process, or with the block."""
    reading_end, writing_end = os.pipe()
    try:
        yield Lifeline((reading_end,), {VARIABLE: str(reading_end)})
    finally:
        os.close(reading_end)
        os.close(writing_end)


def hold_lifeline() -> None:
    """Ends this process when its lifeline is cut; does nothing in a process without one."""
    number = os.environ.pop(VARIABLE, "")
    if not number.isdigit():
        return

    def wait() -> None:
        with contextlib.suppress(OSError):
            while os.read(int(number), 1):
                pass
        os._exit(1)

    threading.Thread(target=wait, daemon=True).start()
