"""Switches this process to TensorFlow 1.15's behaviour, for scripts (never for the library)."""

from __future__ import annotations

import functools


@functools.cache
def as_tf1() -> None:
    """Graph mode, reference variables, old control flow and ``Dimension``: as 1.15 began."""
    from legacy_nets import tf1

    tf1.disable_v2_behavior()
