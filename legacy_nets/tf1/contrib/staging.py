"""``tf.contrib.staging``: a queue of tensors on a device, which TensorFlow itself still has."""

from __future__ import annotations

from tensorflow.python.ops.data_flow_ops import StagingArea

__all__ = ["StagingArea"]
