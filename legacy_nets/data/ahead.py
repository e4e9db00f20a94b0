"""Calls functions in threads before their results are wanted: files are decoded as a net runs."""

from __future__ import annotations

import collections
from collections.abc import Callable, Generator, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

from legacy_nets.processor import examine_processor

MIN_READERS = 2  # threads; else one for each core
READ_AHEAD = 16  # results that wait, or are under way, at least; else one for each thread
Result = TypeVar("Result")


def count_readers() -> int:
    """Counts how many files, or batches of them, are decoded at the same time."""
    return max(MIN_READERS, examine_processor().cores or 0)


def call_ahead(calls: Iterable[Callable[[], Result]]) -> Generator[Result, None, None]:
    """Yields what each function returns, in order; raises what it raises in its place.

    What ``calls`` itself raises is raised after the results of what it gave before.
    """
    waiting: collections.deque[Future[Result]] = collections.deque()
    remaining = iter(calls)
    problem: Exception | None = None
    readers = count_readers()
    read_ahead = max(READ_AHEAD, readers)
    with ThreadPoolExecutor(readers) as pool:
        try:
            while True:
                try:
                    waiting.append(pool.submit(next(remaining)))
                except StopIteration:
                    break
                except Exception as error:  # it is raised below, after the results before it
                    problem = error
                    break
                if len(waiting) > read_ahead:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        finally:
            for future in waiting:
                future.cancel()
    if problem is not None:
        raise problem
