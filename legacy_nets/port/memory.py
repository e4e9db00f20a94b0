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
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None) if sys.platform == "linux" else None
    if trim is not None:  # musl has none
        trim(0)


def return_large_blocks() -> None:
    """Makes glibc give freed blocks of over 1 MB back at once, for the rest of the process.

    Else it would keep those of up to 32 MB, weights among them, until ``release_memory``.
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None) if sys.platform == "linux" else None
    if mallopt is not None:
        mallopt(_MMAP_THRESHOLD, _LARGE)
