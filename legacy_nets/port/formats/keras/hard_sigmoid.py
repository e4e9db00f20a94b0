"""hard_sigmoid of Keras 1 and 2, clip(0.2 x + 0.5), with today's, clip(x / 6 + 0.5).

The old one of x is the new one of 1.2 x: the weights that make x are multiplied by 1.2.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from legacy_nets.types import Array

if TYPE_CHECKING:
    from keras import Layer

HARD_SIGMOID = "hard_sigmoid"
_SCALE = 1.2
_LINEAR = ("Dense", "Conv1D", "Conv2D", "Conv3D", "Conv1DTranspose", "Conv2DTranspose")
_GATES = {  # recurrent layer -> which of its parts, side by side on the last axis, are gates
    **dict.fromkeys(("LSTM", "ConvLSTM1D", "ConvLSTM2D", "ConvLSTM3D"), (True, True, False, True)),
    "GRU": (True, True, False),
}


def can_scale(class_name: str, setting: str) -> bool:
    """Whether weights can be scaled for a layer that has hard_sigmoid as this setting."""
    if setting == "recurrent_activation":
        return class_name in _GATES
    return setting == "activation" and class_name in _LINEAR


def scale_weights(layer: Layer, weights: Sequence[Array]) -> list[Array]:
    """Scales those weights of a layer, as ``get_weights`` gives them, that hard_sigmoid needs.

    Other layers get their weights as they are.
    """
    class_name = type(layer).__name__
    if class_name == "Bidirectional":
        half = len(weights) // 2
        return [
            *scale_weights(layer.forward_layer, weights[:half]),
            *scale_weights(layer.backward_layer, weights[half:]),
        ]
    if class_name == "TimeDistributed":
        return scale_weights(layer.layer, weights)
    settings = layer.get_config()
    if class_name in _LINEAR and settings["activation"] == HARD_SIGMOID:
        return [weight * np.float32(_SCALE) for weight in weights]
    if class_name in _GATES and settings["recurrent_activation"] == HARD_SIGMOID:
        gates = np.where(_GATES[class_name], np.float32(_SCALE), np.float32(1))
        return [weight * np.repeat(gates, weight.shape[-1] // gates.size) for weight in weights]
    return list(weights)
