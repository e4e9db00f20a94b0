"""The targets: formats that a checkpoint can be ported to, and what each of them offers.

Reading the table imports nothing heavy; ``load`` imports the libraries of one format.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from legacy_nets.errors import BadInputError
from legacy_nets.port.jobs import Job, Metadata

if TYPE_CHECKING:
    from legacy_nets.checkpoints.source import Source
    from legacy_nets.port.report import Comparison, Verification
    from legacy_nets.port.restored_net import RestoredNet
    from legacy_nets.port.verify import Run
    from legacy_nets.port.weights import Weight
    from legacy_nets.registry import Net


def _accept_destination(net: Net, path: Path) -> None:
    """Accepts every destination: the format writes one file."""


@dataclass(frozen=True)
class WeightsFormat:
    """A format of weights alone.

    ``write`` writes a file and compares every tensor in it. ``check_destination`` raises
    BadInputError where further files would replace somebody's. ``run`` builds the net, runs what
    was written, and compares the outputs with the graph's.
    """

    write: Callable[[Path, Sequence[Weight], Metadata], Iterator[Comparison]]
    check_destination: Callable[[Net, Path], None] = _accept_destination
    run: Callable[[Job, Source, bool, Path], Verification] | None = None


@dataclass(frozen=True)
class GraphFormat:
    """A format of a graph with its weights. ``write`` returns notes, ``run`` runs the file."""

    write: Callable[[Path, RestoredNet, Metadata], tuple[str, ...]]
    run: Callable[[Path, RestoredNet], Iterable[Run]]


@dataclass(frozen=True)
class WeightsTarget:
    """A target whose tensors are compared one by one; no graph is built for it."""

    load: Callable[[], WeightsFormat]
    ending: str  # of the file's name; "" for the prefix of a checkpoint
    packages: tuple[str, ...] = ()  # beyond those that legacy_nets always has
    extra: str = ""  # the extra of the package that installs them
    uses_tensorflow: bool = False


@dataclass(frozen=True)
class GraphTarget:
    """A target whose outputs are compared with the original's."""

    load: Callable[[], GraphFormat]
    ending: str  # of the file's name; "" for a folder
    packages: tuple[str, ...] = ()
    extra: str = ""
    uses_tensorflow: bool = True
    companion: str = ""  # ending of a second file, without which the first cannot be read
    large_companion: str = ""  # the same, for weights of more than 1.5 GB alone
    keeps_variables: bool = False  # it holds the graph's variables, with their initializers
    keeps_end_points: bool = False  # the run gives them, too


def _load_npz() -> WeightsFormat:
    from legacy_nets.port.formats import npz

    return WeightsFormat(npz.write)


def _load_safetensors() -> WeightsFormat:
    from legacy_nets.port.formats import safetensors

    return WeightsFormat(safetensors.write)


def _load_h5() -> WeightsFormat:
    from legacy_nets.port.formats import h5

    return WeightsFormat(h5.write)


def _load_ckpt() -> WeightsFormat:
    from legacy_nets.port.formats import ckpt

    return WeightsFormat(ckpt.write)


def _load_torch() -> WeightsFormat:
    from legacy_nets.port.formats.torch import module, target

    return WeightsFormat(target.write, module.check_destination, target.run)


def _load_saved_model() -> GraphFormat:
    from legacy_nets.port.formats import saved_model

    return GraphFormat(saved_model.write, saved_model.run)


def _load_frozen() -> GraphFormat:
    from legacy_nets.port.formats import frozen

    return GraphFormat(frozen.write, frozen.run)


def _load_onnx() -> GraphFormat:
    from legacy_nets.port.formats import onnx

    return GraphFormat(onnx.write, onnx.run)


def _load_tflite() -> GraphFormat:
    from legacy_nets.port.formats import tflite

    return GraphFormat(tflite.write, tflite.run)


def _load_openvino() -> GraphFormat:
    from legacy_nets.port.formats import openvino

    return GraphFormat(openvino.write, openvino.run)


def _load_keras() -> GraphFormat:
    from legacy_nets.port.formats.keras import target

    return GraphFormat(target.write, target.run)


TARGETS: Mapping[str, WeightsTarget | GraphTarget] = {
    "npz": WeightsTarget(_load_npz, ".npz"),
    "safetensors": WeightsTarget(_load_safetensors, ".safetensors"),
    "h5": WeightsTarget(_load_h5, ".h5"),
    "ckpt": WeightsTarget(_load_ckpt, "", uses_tensorflow=True),
    "torch": WeightsTarget(_load_torch, ".pth", uses_tensorflow=True),
    "saved_model": GraphTarget(_load_saved_model, "", keeps_variables=True, keeps_end_points=True),
    "frozen": GraphTarget(_load_frozen, ".pb", keeps_end_points=True),
    "onnx": GraphTarget(
        _load_onnx,
        ".onnx",
        ("tf2onnx", "onnx", "onnxruntime"),
        "onnx",
        large_companion=".onnx.data",
    ),
    "tflite": GraphTarget(_load_tflite, ".tflite"),
    "openvino": GraphTarget(_load_openvino, ".xml", ("openvino",), "openvino", companion=".bin"),
    "keras": GraphTarget(_load_keras, ".keras", keeps_end_points=True),
}


def find_target(name: str) -> WeightsTarget | GraphTarget:
    """Returns a target. Raises BadInputError: no such target, or its packages are missing."""
    if name not in TARGETS:
        raise BadInputError(f"no target is called {name!r}; there are {', '.join(TARGETS)}")
    target = TARGETS[name]
    missing = [package for package in target.packages if importlib.util.find_spec(package) is None]
    if missing:
        raise BadInputError(
            f"--to {name} needs {', '.join(missing)}: pip install 'legacy-nets[{target.extra}]'"
        )
    return target
