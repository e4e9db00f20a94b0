"""``tf.contrib.compiler``: XLA, which TensorFlow itself still has."""

from __future__ import annotations

from tensorflow.python.compiler.xla import jit, xla

__all__ = ["jit", "xla"]
