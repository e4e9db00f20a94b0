"""Weights of AlexNet v2 that Keras saved in eager mode."""

from __future__ import annotations

from legacy_nets.checkpoints.translate import Entry
from legacy_nets.nets.parts.layer_names import layer_names
from legacy_nets.nets.weights.layouts import FamilyWeights, WeightLayout


def map_keras_names(name: str) -> tuple[Entry, ...]:
    """Maps each variable of version 2 to its name in Keras' eager mode.

    The name lacks those of the model and its Sequentials.
    """
    conv, dense = layer_names("conv2d"), layer_names("dense")
    layers = [f"sequential/{next(conv)}" for _ in range(5)]
    layers += [f"sequential_1/{next(dense)}" for _ in range(3)]
    return tuple(
        Entry(f"alex_net_v2/{layer}/{part}", f"{layer.split('/')[1]}/{part}")
        for layer in layers
        for part in ("kernel", "bias")
    )


WEIGHTS = FamilyWeights((WeightLayout("keras", map_keras_names),))
