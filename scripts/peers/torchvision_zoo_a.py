"""Runs torchvision's VGGs; their numbers are kept in tests/golden/peers.

  python scripts/peers/torchvision_zoo_a.py [NET ...]          compare, change nothing
  python scripts/peers/torchvision_zoo_a.py --write [NET ...]  write

Runs under any Python with torch and torchvision; this package needs neither. The nets run
with 64 units in place of 4096, which saves the tests a hundred million weights. The kept names,
shapes and number of parameters are those of the full net.
"""

from __future__ import annotations

import sys
from typing import Any

import common
import torch
import torchvision

NETS = ("vgg11", "vgg13", "vgg16", "vgg19")
HIDDEN = 64  # units of the dense layers 1 and 2
REQUESTS = ({"batch": 1, "height": 224, "width": 224, "hidden": HIDDEN},)


def points(model: Any) -> dict[str, str]:
    """End points of this package's net -> modules of ``features``: a pool, or a layer's ReLU."""
    found: dict[str, str] = {}
    counts = {"ReLU": 0, "MaxPool2d": 0}
    for index, module in enumerate(model.features):
        kind = type(module).__name__
        if kind in counts:
            counts[kind] += 1
            key = "conv" if kind == "ReLU" else "pool"
            found[f"{key}{counts[kind]}"] = f"features.{index}"
    return found | {"dense1": "classifier.1", "dense2": "classifier.4"}


def ask(net: str) -> dict[str, Any]:
    """One net's numbers."""
    model = getattr(torchvision.models, net)(init_weights=False)
    whole = {name: list(tensor.shape) for name, tensor in model.state_dict().items()}
    parameters = sum(p.numel() for p in model.parameters())
    for index, before, after in ((0, 25088, HIDDEN), (3, HIDDEN, HIDDEN), (6, HIDDEN, 1000)):
        model.classifier[index] = torch.nn.Linear(before, after)
    peer = f"torchvision {torchvision.__version__}"
    kept = common.golden(model, net, peer, REQUESTS, points(model))
    return {**kept, "parameters": parameters, "tensors": common.names_and_shapes(whole)}


if __name__ == "__main__":
    sys.exit(common.main(NETS, ask, __doc__))
