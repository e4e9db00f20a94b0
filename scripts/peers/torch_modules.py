"""Lists names and shapes in the state_dicts of the PyTorch modules that ``port`` writes.

  python scripts/peers/torch_modules.py          compare with tests/golden/torch_modules.json
  python scripts/peers/torch_modules.py --write  write it

Each net is made as a golden file of TensorFlow 1.15.5 or of Keras made its own. Runs under any
Python with torch; it does not need this package.
"""

from __future__ import annotations

import importlib
import inspect
import json
import sys
from typing import Any

import common
import golden_files
import torch

MODULES = common.REPOSITORY / "legacy_nets" / "port" / "formats" / "torch" / "modules"
KEPT = ("net", "num_classes", "frames", "height", "width", "channels", "options")
TARGET = common.GOLDEN.parent / "torch_modules.json"


def requests() -> dict[str, dict[str, Any]]:
    """What was asked of TensorFlow 1, by golden file; of Keras, where TensorFlow has none."""
    found = {}
    for path in [*sorted(common.GOLDEN.parent.glob("*.json")), *sorted(common.GOLDEN.glob("*"))]:
        golden = json.loads(path.read_text()) if path.suffix == ".json" else {}
        if "request" in golden:
            found[path.stem] = golden["request"]
        elif "cases" in golden:
            found.setdefault(path.stem, {"net": path.stem, **golden["cases"][0]["request"]})
    return {
        case: {key: request[key] for key in KEPT if key in request}
        for case, request in found.items()
    }


def modules() -> dict[str, Any]:
    """Everything that a file of the modules has, by name."""
    sys.path.insert(0, str(MODULES))
    files = (path.stem for path in MODULES.glob("*.py") if path.stem not in ("__init__", "run"))
    return {
        name: value for file in files for name, value in vars(importlib.import_module(file)).items()
    }


def names_and_shapes(net: Any, request: dict[str, Any]) -> dict[str, Any]:
    """Of the state_dict of a net, sorted; its values are never made."""
    size = tuple(request[side] for side in ("frames", "height", "width") if side in request)
    options = request.get("options", {})
    taken = inspect.signature(net).parameters
    options = {name: value for name, value in options.items() if name in taken}
    with torch.device("meta"):
        model = net(
            num_classes=request["num_classes"],
            image_size=size,
            channels=request.get("channels", 3),
            **options,
        )
    state = sorted(model.state_dict().items())
    return common.names_and_shapes({name: list(tensor.shape) for name, tensor in state})


def main() -> int:
    """The command line."""
    nets = modules()
    found = {
        case: {"request": request, "tensors": names_and_shapes(nets[request["net"]], request)}
        for case, request in requests().items()
        if request["net"] in nets
    }
    write = "--write" in sys.argv
    return 0 if golden_files.compare_and_write(str(TARGET), found, write) == 0 or write else 1


if __name__ == "__main__":
    sys.exit(main())
