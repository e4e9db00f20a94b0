"""The formats that a checkpoint can be ported to. Reading the table imports nothing heavy."""

from __future__ import annotations

import importlib
import importlib.util
from types import ModuleType
from typing import NamedTuple

from legacy_nets.errors import BadInputError


class Target(NamedTuple):
    """A format. Its module has ``write`` and, where a graph is written, ``run``."""

    module: str  # in legacy_nets.port.formats
    weights: bool  # weights alone: compared tensor by tensor, and no graph is built
    needs: tuple[str, ...] = ()  # packages beyond those that legacy_nets always has
    extra: str = ""  # of setup.py: what brings those packages
    tensorflow: bool = True  # TensorFlow is asked to write it


TARGETS = {
    "npz": Target("npz", True, tensorflow=False),
    "safetensors": Target("safetensors", True, tensorflow=False),
    "h5": Target("h5", True, tensorflow=False),
    "ckpt": Target("ckpt", True),
    "torch": Target("torch.target", True),  # and the outputs, where PyTorch should say the same
    "saved_model": Target("saved_model", False),
    "frozen": Target("frozen", False),
    "onnx": Target("onnx", False, ("tf2onnx", "onnx", "onnxruntime"), "onnx"),
    "keras": Target("keras.target", False),
}


def load_target(name: str) -> ModuleType:
    """The module of a target. Raises BadInputError: no such target, or its packages are missing."""
    if name not in TARGETS:
        raise BadInputError(f"no target is called {name!r}; there are {', '.join(TARGETS)}")
    target = TARGETS[name]
    missing = [package for package in target.needs if importlib.util.find_spec(package) is None]
    if missing:
        raise BadInputError(
            f"--to {name} needs {', '.join(missing)}: pip install 'legacy-nets[{target.extra}]'"
        )
    return importlib.import_module(f"legacy_nets.port.formats.{target.module}")
