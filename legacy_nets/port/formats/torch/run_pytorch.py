"""Runs a net in PyTorch on the graph's inputs, to verify ``port --to torch``.

PyTorch runs in a process of its own: PyTorch and TensorFlow bring libraries of the same names.
"""

from __future__ import annotations

import importlib.util
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from legacy_nets.checkpoints.source import Source
from legacy_nets.errors import CheckpointError, join_lines
from legacy_nets.port.formats.torch.module import MODULES, find_family, get_code_path
from legacy_nets.port.jobs import OUTPUTS, Job
from legacy_nets.port.report import Comparison
from legacy_nets.port.verify import Run, compare_runs, derive_outputs
from legacy_nets.registry import Net
from legacy_nets.types import Array

if TYPE_CHECKING:
    from legacy_nets.port.restored_net import RestoredNet

PYTHON = sys.executable


def list_missing_packages(net: Net, path: Path) -> list[str]:
    """Lists the packages that are missing to run a net in PyTorch from a file."""
    packages = ["torch"]
    if find_family(net) is None:
        packages.append("torchvision")
    if path.suffix == ".safetensors":
        packages.append("safetensors")
    return [name for name in packages if importlib.util.find_spec(name) is None]


def has_torchvision_net(net: Net) -> bool:
    """Tells whether the installed torchvision has a net of this name."""
    return _run([net.name]).returncode == 0


def check_weights(job: Job, source: Source, averaged: bool) -> None:
    """Builds the net alone. Raises CheckpointError where its weights do not match the source."""
    from legacy_nets.port.restored_net import check_fit

    check_fit(job, source, averaged)


def compare_outputs(job: Job, source: Source, averaged: bool, path: Path) -> tuple[Comparison, ...]:
    """Restores the net strictly and compares its logits and probabilities with PyTorch's.

    Args:
      job: the port.
      source: the checkpoint under the graph's names.
      averaged: whether the weights are moving averages.
      path: the state_dict that was written; the net's code, if it has any, is next to it.

    Raises CheckpointError where the checkpoint and the net do not cover each other.
    """
    from legacy_nets.port.restored_net import restore_net

    with restore_net(job, source, averaged, keeps_end_points=False) as net:
        outputs = derive_outputs(_compute_logits(path, net), job.label_offset)
        return tuple(compare_runs(net.reference, [Run("PyTorch", outputs)], OUTPUTS))


def _compute_logits(path: Path, net: RestoredNet) -> Array:
    """Returns the net's logits in PyTorch, [2, offset + classes]."""
    name = net.job.net.name
    with tempfile.TemporaryDirectory() as folder:
        images, logits = Path(folder, "images.npy"), Path(folder, "logits.npy")
        np.save(images, net.inputs)
        module = get_code_path(path) if find_family(net.job.net) else name
        process = _run([module, path, images, logits, net.job.num_logits])
        if process.returncode:
            lines = process.stderr.strip().splitlines() or ["no message"]
            raise CheckpointError(
                f"{path.name}: PyTorch cannot run {name}: {join_lines(lines[-1])[:300]}"
            )
        return np.load(logits)


def _run(arguments: Sequence[object]) -> subprocess.CompletedProcess[str]:
    command = [PYTHON, str(MODULES / "run.py"), *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True)
