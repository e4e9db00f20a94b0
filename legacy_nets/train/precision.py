"""The numbers that a training computes with."""

from __future__ import annotations

from legacy_nets import tf1 as tf
from legacy_nets.devices import restrict_config
from legacy_nets.types import ConfigProto

_ON = 1  # of RewriterConfig.Toggle


def make_config(bf16: bool) -> ConfigProto | None:
    """Makes the configuration of a session; None is TensorFlow's own.

    ``bf16``: convolutions and matrix products take and give bfloat16. Variables, their updates and
    the loss stay in float32.
    """
    if not bf16:
        return None
    config = tf.ConfigProto()
    restrict_config(config)
    config.graph_options.rewrite_options.auto_mixed_precision_onednn_bfloat16 = _ON
    return config
