"""Weights of the 18-layer video nets from torchvision."""

from __future__ import annotations

from legacy_nets.checkpoints.translate import CONV, DENSE, Entry
from legacy_nets.nets.video_resnet_18 import KINDS
from legacy_nets.nets.weights.entries import map_batch_norm, map_layer
from legacy_nets.nets.weights.layouts import FamilyWeights, WeightLayout

# The layers of a unit, and their indices in torchvision's sequences: in a block, in the stem.
_ONE_CONV = (("conv", "0", "0"), ("bn", "1", "1"))
_INDICES = {
    "3d": _ONE_CONV,
    "2d": _ONE_CONV,
    "2plus1d": (
        ("space", "0.0", "0"),
        ("space_bn", "0.1", "1"),
        ("time", "0.3", "3"),
        ("bn", "1", "4"),
    ),
}


def map_torch_names(name: str) -> tuple[Entry, ...]:
    """Maps each variable to its tensor in torchvision, in the order of the state_dict."""
    stem_type, *layer_types = KINDS[name]
    layers = [(f"stem/{part}", f"stem.{index}") for part, _, index in _INDICES[stem_type]]
    for layer, layer_type in enumerate(layer_types, 1):
        for block in (0, 1):
            units = {"conv1": _INDICES[layer_type], "conv2": _INDICES[layer_type]}
            if layer > 1 and block == 0:
                units["downsample"] = _ONE_CONV
            layers += [
                (f"layer{layer}/block{block}/{unit}/{part}", f"layer{layer}.{block}.{unit}.{index}")
                for unit, indices in units.items()
                for part, index, _ in indices
            ]
    entries = []
    for scope, module in layers:
        if scope.endswith("bn"):
            entries += map_batch_norm(f"{name}/{scope}", module)
        else:
            entries.append(Entry(f"{name}/{scope}/kernel", f"{module}.weight", CONV))
    return (*entries, *map_layer(f"{name}/fc", "fc", DENSE))


WEIGHTS = FamilyWeights((WeightLayout("torch", map_torch_names),))
