"""Gives memory that was freed back to the system."""

from __future__ import annotations

import ctypes
import gc
import sys

_MMAP_THRESHOLD = -3  # M_MMAP_THRESHOLD of glibc's malloc.h
_LARGE = 1 << 20  # bytes


def release_memory() -> None:
    """Collects garbage and gives freed memory back, so that what comes next does not add to it.

    glibc keeps freed blocks of up to 32 MB for itself. Elsewhere there is nothing to do.
    """
    gc.collect()
    _call_libc("malloc_trim", 0)


def return_large_blocks() -> None:
    """Makes glibc give freed blocks of over 1 MB back at once, for the rest of the process.

    Else it would keep those of up to 32 MB, weights among them, until ``release_memory``.
    """
    _call_libc("mallopt", _MMAP_THRESHOLD, _LARGE)


def _call_libc(name: str, *arguments: int) -> None:
    """Calls a function of the C library; does nothing where it has none, as musl, or off Linux."""
    function = getattr(ctypes.CDLL(None), name, None) if sys.platform == "linux" else None
    if function is not None:
        function(*arguments)
