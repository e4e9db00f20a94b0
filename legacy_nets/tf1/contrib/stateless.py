"""``tf.contrib.stateless``: random numbers from a seed of two numbers."""

from __future__ import annotations

from tensorflow.compat.v1.random import stateless_multinomial, stateless_truncated_normal
from tensorflow.compat.v1.random import stateless_normal as stateless_random_normal
from tensorflow.compat.v1.random import stateless_uniform as stateless_random_uniform

__all__ = [
    "stateless_multinomial",
    "stateless_random_normal",
    "stateless_random_uniform",
    "stateless_truncated_normal",
]
