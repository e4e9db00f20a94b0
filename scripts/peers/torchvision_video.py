"""Runs torchvision's video ResNets; their numbers are kept in tests/golden/peers.

  python scripts/peers/torchvision_video.py [NET ...]          compare, change nothing
  python scripts/peers/torchvision_video.py --write [NET ...]  write

Runs under any Python with torch and torchvision; this package needs neither.
"""

from __future__ import annotations

import sys
from typing import Any

import common
import torchvision

NETS = ("r2plus1d_18", "r3d_18", "mc3_18")
REQUESTS = (
    {"batch": 2, "frames": 9, "height": 57, "width": 49},
    {"batch": 1, "frames": 16, "height": 112, "width": 112},
)
POINTS = {
    "stem": "stem",
    **{
        f"layer{layer}/block{block}": f"layer{layer}.{block}"
        for layer in (1, 2, 3, 4)
        for block in (0, 1)
    },
}


def ask(net: str) -> dict[str, Any]:
    """One net's numbers."""
    model = getattr(torchvision.models.video, net)()
    return common.golden(model, net, f"torchvision {torchvision.__version__}", REQUESTS, POINTS)


if __name__ == "__main__":
    sys.exit(common.main(NETS, ask, __doc__))
