"""Weights of MobileNet v3 from torchvision."""

from __future__ import annotations

from legacy_nets.checkpoints.translate import DEPTHWISE, Entry
from legacy_nets.nets.weights.entries import DENSE_AS_CONV, map_conv_and_norm, map_layer
from legacy_nets.nets.weights.layouts import FamilyWeights, WeightLayout

_EXCITED = {  # whether each unit has squeeze-and-excitation
    "mobilenet_v3_small": (True, False, False, *[True] * 8),
    "mobilenet_v3_large": (*[False] * 3, *[True] * 3, *[False] * 4, *[True] * 5),
}


def map_torch_names(name: str) -> tuple[Entry, ...]:
    """Maps each variable to its tensor in torchvision.

    Run such weights with ``padding="torch"``.
    """
    units = _EXCITED[name]
    entries = map_conv_and_norm("Conv", "Conv/BatchNorm", "features.0.0", "features.0.1")
    for number, is_excited in enumerate(units):
        unit_scope = f"expanded_conv_{number}" if number else "expanded_conv"
        parts = ["expand"] if number else []
        parts += ["depthwise", *(["squeeze_excite"] if is_excited else []), "project"]
        for index, part in enumerate(parts):
            scope, module = f"{unit_scope}/{part}", f"features.{number + 1}.block.{index}"
            if part == "squeeze_excite":
                entries += map_layer(f"{scope}/Conv", f"{module}.fc1")
                entries += map_layer(f"{scope}/Conv_1", f"{module}.fc2")
                continue
            names = (scope, f"{scope}/BatchNorm", f"{module}.0", f"{module}.1")
            entries += map_conv_and_norm(*names, *([DEPTHWISE] if part == "depthwise" else []))
    last = f"features.{len(units) + 1}"
    entries += map_conv_and_norm("Conv_1", "Conv_1/BatchNorm", f"{last}.0", f"{last}.1")
    entries += map_layer("Conv_2", "classifier.0", DENSE_AS_CONV)
    return (*entries, *map_layer("Logits", "classifier.3", DENSE_AS_CONV))


WEIGHTS = FamilyWeights(
    (
        WeightLayout(
            "torch", map_torch_names, options={"padding": "torch"}, preprocessing="imagenet"
        ),
    )
)
