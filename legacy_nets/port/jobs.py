"""What a port is asked to do: a net of the registry (``Job``) or an imported graph."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from legacy_nets import registry
from legacy_nets.checkpoints.open import find_weights
from legacy_nets.errors import CheckpointError
from legacy_nets.files import suggest_paths
from legacy_nets.types import Shape
from legacy_nets.version import __version__

TOLERANCE = 1e-4  # of the largest value
IMPORTED_TARGETS = ("frozen", "saved_model", "onnx", "npz", "safetensors")
GRAPH_ENDINGS = (".meta", ".pb", ".pbtxt")
SAVED_MODEL = "saved_model.pb"  # its variables are in a folder next to it


@dataclasses.dataclass(frozen=True)
class Job:
    """A checkpoint to port, and the settings that its net was built with."""

    checkpoint: str
    net: str
    target: str
    out: Path
    num_classes: int
    image_size: Shape
    label_offset: int = 0  # logits before the first class
    pixels: str = ""  # preprocessing; "" is the registry's
    class_names: tuple[str, ...] = ()
    options: dict[str, Any] = dataclasses.field(default_factory=dict)  # of the net's function
    ema: bool | None = None  # averaged weights; None: where there are any
    tolerance: float = TOLERANCE

    def build_metadata(self, averaged: bool) -> dict[str, Any]:
        """Builds the metadata that the target stores."""
        return {
            "writer": f"legacy_nets {__version__}",
            "net": self.net,
            "checkpoint": Path(self.checkpoint).name,
            "weights": "averaged" if averaged else "raw",
            "num_classes": self.num_classes,
            "label_offset": self.label_offset,
            "image_size": list(self.image_size),
            "pixels": self.pixels or registry.get_net(self.net).pixels,
            "options": self.options,
            **({"class_names": list(self.class_names)} if self.class_names else {}),
        }


@dataclasses.dataclass(frozen=True)
class ImportedJob:
    """An imported graph to port. Empty fields are inferred."""

    graph_path: Path  # .meta, .pb, .pbtxt or saved_model.pb
    checkpoint: str  # "": a frozen graph
    target: str
    out: Path
    inputs: tuple[str, ...] = ()
    outputs: tuple[str, ...] = ()
    shapes: Mapping[str, str] = dataclasses.field(default_factory=dict)  # "1,224,224,3"
    settings: Mapping[str, str] = dataclasses.field(default_factory=dict)  # placeholder -> value
    ema: bool | None = None  # moving averages; None: where there are any
    trust: bool = False
    tolerance: float = TOLERANCE

    def build_metadata(self, averaged: bool) -> dict[str, Any]:
        """Builds the metadata that the target stores."""
        return {
            "writer": f"legacy_nets {__version__}",
            "model": self.graph_path.name,
            "checkpoint": Path(self.checkpoint).name,
            "weights": "averaged" if averaged else "raw",
        }


def find_graph_checkpoint(graph_path: Path) -> str:
    """Finds the checkpoint next to a graph; "" for a graph that holds its own weights.

    Raises CheckpointError where the graph or its checkpoint is missing.
    """
    check_graph_exists(graph_path)
    variables = graph_path.parent / "variables" / "variables"
    if graph_path.name == SAVED_MODEL and Path(f"{variables}.index").is_file():
        return str(variables)
    if graph_path.suffix != ".meta":
        return ""
    prefix = str(graph_path).removesuffix(".meta")
    try:
        return find_weights(prefix)
    except CheckpointError:
        raise CheckpointError(
            f"{graph_path}: no checkpoint {prefix} next to it: name the checkpoint before --meta"
        ) from None


def check_graph_exists(graph_path: Path) -> None:
    """Raises CheckpointError where there is no such file."""
    if graph_path.is_file():
        return
    raise CheckpointError(
        f"{graph_path}: no such file (a checkpoint's .meta, or a frozen .pb)"
        f"{suggest_paths(graph_path)}"
    )
