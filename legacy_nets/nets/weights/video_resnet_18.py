"""Weights of the 18-layer video nets from torchvision."""

from __future__ import annotations

from legacy_nets.checkpoints.translate import CONV, DENSE, Entry
from legacy_nets.nets.video_resnet_18 import KINDS
from legacy_nets.nets.weights.entries import map_batch_norm, map_layer
from legacy_nets.nets.weights.layouts import FamilyWeights, WeightLayout

# A unit's layers here, and their places in torchvision's sequences: in a block, in the stem.
_ONE_CONV = (("conv", "0", "0"), ("bn", "1", "1"))
_PLACES = {
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
    """Each variable of a net and the tensor of torchvision's state_dict, in its order."""
    layers = [(f"stem/{here}", f"stem.{there}") for here, _, there in _PLACES[KINDS[name][0]]]
    for layer, kind in enumerate(KINDS[name][1:], 1):
        for block in (0, 1):
            units = {"conv1": _PLACES[kind], "conv2": _PLACES[kind]}
            if layer > 1 and block == 0:
                units["downsample"] = _ONE_CONV
            layers += [
                (f"layer{layer}/block{block}/{unit}/{here}", f"layer{layer}.{block}.{unit}.{there}")
                for unit, places in units.items()
                for here, there, _ in places
            ]
    entries = []
    for here, there in layers:
        if here.endswith("bn"):
            entries += map_batch_norm(f"{name}/{here}", there)
        else:
            entries.append(Entry(f"{name}/{here}/kernel", f"{there}.weight", CONV))
    return (*entries, *map_layer(f"{name}/fc", "fc", DENSE))


WEIGHTS = FamilyWeights((WeightLayout("torch", map_torch_names),))
