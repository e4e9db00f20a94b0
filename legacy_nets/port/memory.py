"""Gives memory that was freed back to the system."""

from __future__ import annotations

import ctypes
import gc
import sys


def release_memory() -> None:
    """Collects garbage and gives freed memory back, so that what comes next does not add to it.

    glibc keeps freed blocks of up to 32 MB for itself. Elsewhere there is nothing to do.
    """
    gc.collect()
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None) if sys.platform == "linux" else None
    if trim is not None:  # musl has none
        trim(0)
