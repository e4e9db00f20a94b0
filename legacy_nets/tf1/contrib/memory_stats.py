"""``tf.contrib.memory_stats``: the memory of the device that computes the op."""

from __future__ import annotations

import tensorflow.compat.v1 as tf

from legacy_nets.types import Tensor

__all__ = ["BytesInUse", "BytesLimit", "MaxBytesInUse"]


def BytesInUse() -> Tensor:
    """Returns an int64 scalar: the bytes that a GPU's allocator has given out now."""
    return _make_op("BytesInUse", "current")


def MaxBytesInUse() -> Tensor:
    """Returns an int64 scalar: the most bytes at a time so far, of a GPU."""
    return _make_op("MaxBytesInUse", "peak")


def BytesLimit() -> Tensor:
    """Returns an int64 scalar: the bytes that a device may use; -1, as for a CPU, is no limit."""
    return tf.constant(-1, tf.int64, name="BytesLimit")


def _make_op(name: str, key: str) -> Tensor:
    """Makes an op that reads the statistics of its device when it runs.

    It raises InvalidArgumentError on a CPU, for which 1.15 has no such kernel.
    """

    def read() -> int:
        device = tensor.op.device.rpartition("/device:")[2] or "GPU:0"
        if not device.startswith("GPU"):
            raise ValueError(f"{name} is known for GPUs only: {device} has no such statistics")
        return tf.config.experimental.get_memory_info(device)[key]

    tensor = tf.numpy_function(read, [], tf.int64, name=name)
    tensor.set_shape([])
    return tensor
