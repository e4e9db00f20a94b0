"""Loops and branches as TensorFlow 1 builds them."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

from legacy_nets import tf1 as tf


@contextlib.contextmanager
def use_old_control_flow() -> Iterator[None]:
    """Builds Switch, Merge and Enter in the block, and no functions.

    tf2onnx lacks the lists of tensors that today's loops keep.
    """
    was_enabled = tf.control_flow_v2_enabled()
    tf.disable_control_flow_v2()
    try:
        yield
    finally:
        if was_enabled:
            tf.enable_control_flow_v2()
