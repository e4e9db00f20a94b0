"""Runs a plain function on many items: in threads that wait for processes, or on Ray."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Iterator, Sequence
from typing import TypeVar

_Item = TypeVar("_Item")
_Result = TypeVar("_Result")


def distribute(
    run: Callable[[_Item], _Result], items: Sequence[_Item], jobs: int
) -> Iterator[_Result]:
    """Yields the results as they come, of ``jobs`` items at a time.

    The threads only wait for processes. They are daemons: when this process is interrupted it
    ends, and the processes end with it. Raises what ``run`` raises.
    """
    waiting: queue.SimpleQueue[_Item] = queue.SimpleQueue()
    results: queue.SimpleQueue[_Result | Exception] = queue.SimpleQueue()
    for item in items:
        waiting.put(item)

    def work() -> None:
        while True:
            try:
                results.put(run(waiting.get_nowait()))
            except queue.Empty:
                return
            except Exception as error:  # raised below: a thread would end in silence
                results.put(error)

    for _ in range(min(jobs, len(items))):
        threading.Thread(target=work, daemon=True).start()
    for _ in items:
        result = results.get()
        if isinstance(result, Exception):
            raise result
        yield result
