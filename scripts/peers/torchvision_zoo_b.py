"""Runs the ResNets, ResNeXts and MobileNets of torchvision and timm.

  python scripts/peers/torchvision_zoo_b.py [NET ...]          compare, change nothing
  python scripts/peers/torchvision_zoo_b.py --write [NET ...]  write tests/golden/peers

Runs under any Python with torch, torchvision and timm; this package needs none of them.
"""

from __future__ import annotations

import sys
from typing import Any

import common
import timm
import torchvision

TIMM = {"resnext101_32x4d": "resnext101_32x4d", "mobilenet_v1": "mobilenetv1_100"}
RESNETS = {
    "resnet18": (2, 2, 2, 2),
    "resnet34": (3, 4, 6, 3),
    "resnet50": (3, 4, 6, 3),
    "resnet101": (3, 4, 23, 3),
    "resnet152": (3, 8, 36, 3),
    "resnext50_32x4d": (3, 4, 6, 3),
    "resnext101_32x4d": (3, 4, 23, 3),
}
NETS = (*RESNETS, "mobilenet_v1", "mobilenet_v2", "mobilenet_v3_small", "mobilenet_v3_large")
# Even and odd maps at each stride: 64 halves evenly, 75-38-19-10-5-3 does not.
REQUESTS = ({"batch": 2, "height": 64, "width": 75},)


def points(net: str) -> dict[str, str]:
    """End points of this package's net -> modules of the peer's."""
    if net in RESNETS:
        pool = {"pool1": "maxpool"}
        last = ((block, count) for block, count in enumerate(RESNETS[net], 1))
        return pool | {f"block{b}/unit_{n}": f"layer{b}.{n - 1}" for b, n in last}
    if net == "mobilenet_v1":  # module 2.1 is the fifth pair
        return {"conv1": "bn1", "conv_pw_5": "blocks.2.1", "conv_pw_13": "blocks.4.1"}
    if net == "mobilenet_v2":
        units = {"expanded_conv": 1, "block_3": 4, "block_16": 17}
        return {"Conv1": "features.0", **{key: f"features.{n}" for key, n in units.items()}}
    return {"Conv": "features.0", **{f"expanded_conv_{n}": f"features.{n + 1}" for n in (3, 7, 10)}}


def ask(net: str) -> dict[str, Any]:
    """One net's numbers."""
    if net in TIMM:
        model, peer = timm.create_model(TIMM[net]), f"timm {timm.__version__}"
    else:
        model = getattr(torchvision.models, net)()
        peer = f"torchvision {torchvision.__version__}"
    return common.golden(model, net, peer, REQUESTS, points(net))


if __name__ == "__main__":
    sys.exit(common.main(NETS, ask, __doc__))
