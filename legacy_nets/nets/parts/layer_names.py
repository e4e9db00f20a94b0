"""TensorFlow 1's own names of layers that have no name."""

from __future__ import annotations

import itertools
from collections.abc import Iterator


def layer_names(layer_type: str) -> Iterator[str]:
    """Iterates over the names that layers of a type get: conv2d, conv2d_1, conv2d_2, ...

    A net states them, so that ``reuse`` finds its variables.
    """
    return (f"{layer_type}_{number}" if number else layer_type for number in itertools.count())
