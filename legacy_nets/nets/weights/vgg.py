"""Weights of VGG from torchvision and from Keras in eager mode."""

from __future__ import annotations

from legacy_nets.checkpoints.translate import DENSE, Entry, dense_after_flatten
from legacy_nets.nets.vgg import cfgs
from legacy_nets.nets.weights.entries import map_layer
from legacy_nets.nets.weights.layouts import FamilyWeights, WeightLayout


def map_torch_names(name: str) -> tuple[Entry, ...]:
    """Maps each variable to its tensor in torchvision, which counts ReLUs and pools too."""
    entries: list[Entry] = []
    number = index = 0
    for filters in cfgs[name]:
        if filters != "M":
            scope = f"feature/conv2d_{number}" if number else "feature/conv2d"
            entries += map_layer(scope, f"features.{index}")
            number += 1
        index += 1 if filters == "M" else 2  # itself and its ReLU
    entries += map_layer("dense", "classifier.0", dense_after_flatten(7, 7, 512))
    entries += map_layer("dense_1", "classifier.3", DENSE)
    return (*entries, *map_layer("dense_2", "classifier.6", DENSE))


def map_keras_names(name: str) -> tuple[Entry, ...]:
    """Maps each variable to its name in Keras' eager mode, which has no name of the Sequential."""
    variables = [entry.name for entry in map_torch_names(name)]
    return tuple(Entry(variable, variable.removeprefix("feature/")) for variable in variables)


WEIGHTS = FamilyWeights(
    (
        WeightLayout("torch", map_torch_names, preprocessing="imagenet"),
        WeightLayout("keras", map_keras_names),
    )
)
