"""The other side of ``port --to torch``: the net in PyTorch, on the graph's own inputs.

PyTorch runs in a process of its own: it and TensorFlow bring libraries of the same names.
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
from legacy_nets.port.formats.torch.module import MODULES, family_of, place_of
from legacy_nets.port.report import Comparison

if TYPE_CHECKING:
    from legacy_nets.port.jobs import Job
    from legacy_nets.port.restored_net import Restored

PYTHON = sys.executable
NOT_RUN = (
    "the outputs were not compared, for want of {missing}: pip install 'legacy-nets[torch]', and "
    "port again"
)


def missing_packages(net: str, path: Path) -> list[str]:
    """Of what it takes to run a net in PyTorch from a file, what is not installed here."""
    packages = ["torch"] + ["torchvision"] * (family_of(net) is None)
    packages += ["safetensors"] * (path.suffix == ".safetensors")
    return [name for name in packages if importlib.util.find_spec(name) is None]


def torchvision_has(net: str) -> bool:
    """Whether torchvision, which is installed, has a net of this name."""
    return _run([net]).returncode == 0


def compared(job: Job, source: Source, averaged: bool, path: Path) -> tuple[Comparison, ...]:
    """Builds the net strictly, and holds its logits and probabilities against PyTorch's.

    Args:
      source: under the graph's names.
      path: the state_dict that was written; the module, if the net has one, lies beside it.

    Nothing is compared where PyTorch is not installed: then the net is built alone.
    Raises CheckpointError where the checkpoint and the net do not cover each other.
    """
    from legacy_nets.port import restored_net

    if missing_packages(job.net, path):
        restored_net.check_fit(job, source, averaged)
        return ()
    with restored_net.restored(job, source, averaged) as net:
        said = restored_net.answers(net, _logits(path, net))
        return tuple(restored_net.verify(net, [("PyTorch", said)]))


def _logits(path: Path, net: Restored) -> np.ndarray:
    """What the net says in PyTorch."""
    name, classes = net.job.net, net.job.label_offset + net.job.num_classes
    with tempfile.TemporaryDirectory() as folder:
        images, logits = Path(folder, "images.npy"), Path(folder, "logits.npy")
        np.save(images, net.inputs)
        which = place_of(path) if family_of(name) else name
        done = _run([which, path, images, logits, classes])
        if done.returncode:
            said = (done.stderr.strip().splitlines() or ["no word"])[-1]
            raise CheckpointError(
                f"{path.name}: PyTorch cannot run {name}: {join_lines(said)[:300]}"
            )
        return np.load(logits)


def _run(arguments: Sequence[object]) -> subprocess.CompletedProcess[str]:
    command = [PYTHON, str(MODULES / "run.py"), *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True)
