"""Which weights of other frameworks each net reads: one line for each family.

A net that is not listed reads weights under its own names only, and those that ``port`` wrote.
"""

from __future__ import annotations

from legacy_nets.nets.weights import (
    alexnet,
    googlenet,
    mobilenet,
    mobilenet_v3,
    resnet,
    vgg,
    video_resnet_18,
    vit,
    vit_hybrid,
)
from legacy_nets.nets.weights.layouts import FamilyWeights, WeightLayout
from legacy_nets.registry import Net

FAMILIES: dict[str, FamilyWeights] = {  # module under legacy_nets.nets -> its weights
    "alexnet": alexnet.WEIGHTS,
    "googlenet": googlenet.WEIGHTS,
    "mobilenet": mobilenet.WEIGHTS,
    "mobilenet_v3": mobilenet_v3.WEIGHTS,
    "resnet_sizes": resnet.WEIGHTS,
    "resnext": resnet.WEIGHTS,
    "vgg": vgg.WEIGHTS,
    "video_resnet_18": video_resnet_18.WEIGHTS,
    "vit_sizes": vit.WEIGHTS,
    "vit_hybrid": vit_hybrid.WEIGHTS,
}
_NONE = FamilyWeights()


def get_family(net: Net) -> FamilyWeights:
    """Gives the weights of a net's family; an empty record for a net that has none."""
    return FAMILIES.get(net.module, _NONE)


def get_layouts(net: Net) -> list[WeightLayout]:
    """Gives the layouts that the registry lists for a net, in the registry's order."""
    layouts = {layout.name: layout for layout in get_family(net).layouts}
    return [layouts[name] for name in net.layouts]


def get_layout(net: Net, layout_name: str) -> WeightLayout:
    """Gives one layout of a net. Raises KeyError where the registry does not list it."""
    return {layout.name: layout for layout in get_layouts(net)}[layout_name]
