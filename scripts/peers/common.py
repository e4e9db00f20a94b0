"""Shared code of the scripts that run a peer's model and keep its numbers in tests/golden/peers.

The scripts need scripts/oracle (fill, golden_files, measure) and tests/support (Keras models).
Importing this module adds both folders to the path; no other script does that.

``value`` computes a tensor of the state_dict with NumPy only. The tests fill this package's nets
with it through each net's table of names, so the golden files check arithmetic and table.
"""

from __future__ import annotations

import argparse
import hashlib
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

REPOSITORY = Path(__file__).resolve().parent.parent.parent
GOLDEN = REPOSITORY / "tests" / "golden" / "peers"
sys.path[:0] = [str(REPOSITORY / "scripts" / "oracle"), str(REPOSITORY / "tests" / "support")]

import fill  # noqa: E402
import golden_files  # noqa: E402
import measure  # noqa: E402

TOLERANCE = 1e-3  # between two runs of a peer: versions and machines differ
UNUSED = ".num_batches_tracked"  # a counter that no forward pass reads


def value(name: str, shape: Sequence[int]) -> np.ndarray:
    """float32 values of a tensor of a state_dict, from its name and its shape there.

    Scales and variances lie near 1, means and biases near 0; kernels [out, in, ...] have
    variance 1.1 / fan in.
    """
    u = fill.uniform(name, int(np.prod(shape))).reshape(shape)
    role = name.rpartition(".")[2]
    if role == "running_var" or (role == "weight" and len(shape) == 1):
        values = 1 + 0.2 * u
    elif role in ("running_mean", "bias"):
        values = 0.1 * u
    else:
        values = u * np.sqrt(3.3 / np.prod(shape[1:]))
    return values.astype(np.float32)


def names_and_shapes(tensors: Mapping[str, Sequence[int]]) -> dict[str, Any]:
    """How many tensors a state_dict has, and a digest of their names and shapes in order."""
    lines = "".join(f"{name} {list(shape)}\n" for name, shape in tensors.items())
    return {"count": len(tensors), "sha256": hashlib.sha256(lines.encode()).hexdigest()}


def golden(
    model: Any, net: str, peer: str, requests: Sequence[dict[str, Any]], points: Mapping[str, str]
) -> dict[str, Any]:
    """Fills a torch.nn.Module by name, runs it in inference mode, keeps its numbers.

    Args:
      model: takes [N, 3, ...spatial].
      net: this package's name of it.
      peer: library and version.
      requests: dicts with batch, height, width and, for clips, frames.
      points: end point of this package's net -> dotted name of the module that gives it. Maps
        are kept channels last.
    """
    import torch

    state = {k: v for k, v in model.state_dict().items() if not k.endswith(UNUSED)}
    shapes = {name: list(tensor.shape) for name, tensor in state.items()}
    filled = {name: torch.from_numpy(value(name, shape)) for name, shape in shapes.items()}
    missing, unexpected = model.load_state_dict(filled, strict=False)
    if unexpected or not all(name.endswith(UNUSED) for name in missing):
        raise SystemExit(f"{net}: not filled: {missing} {unexpected}")
    model.eval()
    return {
        "net": net,
        "peer": peer,
        "parameters": sum(p.numel() for p in model.parameters()),
        "tensors": names_and_shapes(shapes),
        "cases": [{"request": request, **_run(model, request, points)} for request in requests],
    }


def _run(model: Any, request: dict[str, Any], points: Mapping[str, str]) -> dict[str, Any]:
    import torch

    kept: dict[str, Any] = {}

    def keep(key: str) -> Callable[..., None]:
        return lambda module, inputs, output: kept.__setitem__(key, output.detach().clone())

    modules = dict(model.named_modules())
    hooks = [modules[name].register_forward_hook(keep(key)) for key, name in points.items()]
    shape = [request[key] for key in ("batch", "frames", "height", "width") if key in request]
    images = np.moveaxis(fill.images([*shape, 3]), -1, 1)
    with torch.no_grad():
        logits = model(torch.from_numpy(np.ascontiguousarray(images)))
    for hook in hooks:
        hook.remove()
    return {
        "logits": measure.summary(logits.numpy()),
        "end_points": {key: measure.summary(_channels_last(kept[key].numpy())) for key in points},
    }


def _channels_last(x: np.ndarray) -> np.ndarray:
    return np.moveaxis(x, 1, -1) if x.ndim > 3 else x


def main(nets: Sequence[str], ask: Callable[[str], dict[str, Any]], about: str | None) -> int:
    """The command line of a script: compares each net's ``golden`` with its file, or writes it."""
    parser = argparse.ArgumentParser(description=about)
    parser.add_argument("nets", nargs="*", metavar="NET", help=f"of {', '.join(nets)}")
    parser.add_argument("--write", action="store_true", help="else compare, and change nothing")
    arguments = parser.parse_args()
    for net in arguments.nets:
        if net not in nets:
            parser.error(f"no such net: {net} (nets: {', '.join(nets)})")
    worst = 0.0
    for net in arguments.nets or nets:
        path = str(GOLDEN / f"{net}.json")
        worst = max(worst, golden_files.compare_and_write(path, ask(net), arguments.write))
    return 0 if arguments.write or worst < TOLERANCE else 1
