"""What a port is asked to do: a net of the registry, an imported graph, or weights alone."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple, TypedDict

from legacy_nets.checkpoints.formats.h5 import has_model
from legacy_nets.checkpoints.open import find_readable_weights, find_weights
from legacy_nets.errors import BadInputError, CheckpointError
from legacy_nets.files import suggest_paths
from legacy_nets.registry import Net
from legacy_nets.types import Shape
from legacy_nets.version import __version__

TOLERANCE = 1e-4  # of the largest value
TOLERANCES = {"float32": TOLERANCE, "float16": 1e-2, "int8": 0.1}  # by the precision's dtype
WEIGHTS_TARGETS = ("npz", "safetensors", "h5", "ckpt", "torch")
IMPORTED_TARGETS = ("frozen", "saved_model", "onnx", "tflite", "openvino", *WEIGHTS_TARGETS)
GRAPH_ENDINGS = (".meta", ".pb", ".pbtxt")
INPUT = "images"  # what the graphs of registered nets call their input
OUTPUTS = ("logits", "probabilities")
SAVED_MODEL = "saved_model.pb"  # its variables are in a folder next to it


class Precision(NamedTuple):
    """The numbers that a target computes with, and where the ranges of integers come from."""

    dtype: str = "float32"
    calibration: Path | None = None  # a folder of inputs


FLOAT32 = Precision()


class Metadata(TypedDict, total=False):
    """What a target stores about its origin. These keys are part of the file formats."""

    writer: str
    net: str  # a net of the registry
    model: str  # or the file of an imported graph
    checkpoint: str
    weights: str  # "averaged" or "raw"
    num_classes: int
    label_offset: int
    image_size: list[int]
    preprocessing: str
    options: dict[str, object]
    class_names: list[str]


@dataclasses.dataclass(frozen=True)
class Job:
    """A checkpoint to port, and the settings that its net was built with."""

    checkpoint: str
    net: Net
    target: str
    out: Path
    num_classes: int
    image_size: Shape
    preprocessing: str
    label_offset: int = 0  # logits before the first class
    class_names: tuple[str, ...] = ()
    options: dict[str, object] = dataclasses.field(default_factory=dict)  # of the net's function
    ema: bool | None = None  # averaged weights; None: where there are any
    tolerance: float = TOLERANCE
    checks_fit: bool = False  # builds the net for formats of weights alone, too
    precision: Precision = FLOAT32

    @property
    def averages(self) -> bool | None:
        """Whether moving averages are asked for; None takes them where there are any."""
        return self.ema

    @property
    def title(self) -> str:
        """What reports call the original."""
        return self.net.name

    @property
    def weights_path(self) -> str:
        """The file or checkpoint that holds the weights."""
        return self.checkpoint

    @property
    def sources(self) -> list[str]:
        """The files that are ported."""
        return [self.checkpoint]

    @property
    def scope(self) -> str:
        """The variable scope that the net was built in; "" for a net without one."""
        return get_scope(self.net, self.options)

    @property
    def num_logits(self) -> int:
        """Logits of the net: the classes, and those before the first class."""
        return self.label_offset + self.num_classes

    def build_metadata(self, averaged: bool) -> Metadata:
        """Builds the metadata that the target stores."""
        metadata: Metadata = {
            "writer": f"legacy_nets {__version__}",
            "net": self.net.name,
            "checkpoint": Path(self.checkpoint).name,
            "weights": "averaged" if averaged else "raw",
            "num_classes": self.num_classes,
            "label_offset": self.label_offset,
            "image_size": list(self.image_size),
            "preprocessing": self.preprocessing,
            "options": self.options,
        }
        if self.class_names:
            metadata["class_names"] = list(self.class_names)
        return metadata


class Rename(NamedTuple):
    """A pattern of names (a regular expression) and what replaces each match."""

    pattern: re.Pattern[str]
    replacement: str


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
    renames: tuple[Rename, ...] = ()  # for targets of weights alone
    tolerance: float = TOLERANCE
    tags: tuple[str, ...] | None = None  # of a SavedModel's graph; None: the one that is served
    prefers_v1: bool = False  # of two checkpoints under one prefix
    inference: bool = False  # moving averages replace the batch statistics of batch norms
    precision: Precision = FLOAT32
    output_origin: str = "as asked"  # who chose ``outputs``, for notes

    @property
    def title(self) -> str:
        """What reports call the original."""
        return self.graph_path.name

    @property
    def weights_path(self) -> str:
        """The file or checkpoint that holds the weights."""
        return self.checkpoint or str(self.graph_path)

    @property
    def is_keras_model(self) -> bool:
        """Whether the graph is a complete Keras model."""
        return has_model(self.graph_path)

    @property
    def sources(self) -> list[str]:
        """The files that are ported."""
        return [str(self.graph_path), self.weights_path]

    @property
    def averages(self) -> bool | None:
        """Whether moving averages are asked for; None takes them where there are any.

        A SavedModel's reference is what it serves: averages are used on request only.
        """
        return bool(self.ema) if self.graph_path.name == SAVED_MODEL else self.ema

    def build_metadata(self, averaged: bool) -> Metadata:
        """Builds the metadata that the target stores."""
        return {
            "writer": f"legacy_nets {__version__}",
            "model": self.graph_path.name,
            "checkpoint": Path(self.checkpoint).name,
            "weights": "averaged" if averaged else "raw",
        }


@dataclasses.dataclass(frozen=True)
class WeightsJob:
    """Weights to copy into another format under their own names; no net is built."""

    checkpoint: str
    target: str
    out: Path
    renames: tuple[Rename, ...] = ()
    ema: bool | None = None  # moving averages; None: where there are any
    tolerance: float = TOLERANCE

    @property
    def averages(self) -> bool | None:
        """Whether moving averages are asked for; None takes them where there are any."""
        return self.ema

    @property
    def title(self) -> str:
        """What reports call the original."""
        return Path(self.checkpoint).name

    @property
    def weights_path(self) -> str:
        """The file or checkpoint that holds the weights."""
        return self.checkpoint

    @property
    def sources(self) -> list[str]:
        """The files that are ported."""
        return [self.checkpoint]

    def build_metadata(self, averaged: bool) -> Metadata:
        """Builds the metadata that the target stores."""
        return {
            "writer": f"legacy_nets {__version__}",
            "checkpoint": Path(self.checkpoint).name,
            "weights": "averaged" if averaged else "raw",
        }


def get_scope(net: Net, options: Mapping[str, object]) -> str:
    """Returns the variable scope of a net that was built with these options."""
    scope = options.get("scope")
    return net.scope if scope is None else str(scope)


def find_graph(path: str, target: str) -> tuple[Path | None, str | None]:
    """Finds the graph of a path: (graph, checkpoint).

    A graph (.meta, .pb, .pbtxt, SavedModel, complete Keras model for a target of graphs) is found
    without a checkpoint. A checkpoint is found with the .meta next to it, if there is one.

    Raises CheckpointError where there is no such graph or weight file.
    """
    if path.endswith(GRAPH_ENDINGS) or Path(path, SAVED_MODEL).is_file():
        return Path(path), None
    checkpoint = find_readable_weights(path)
    if target not in WEIGHTS_TARGETS and has_model(Path(checkpoint)):
        return Path(checkpoint), None
    neighbour = Path(f"{checkpoint}.meta")
    return (neighbour if neighbour.is_file() else None), checkpoint


def find_graph_checkpoint(graph_path: Path) -> str:
    """Finds the checkpoint next to a graph; "" for a graph that holds its own weights.

    Raises CheckpointError where the graph or its checkpoint is missing.
    """
    _check_exists(graph_path)
    variables = graph_path.parent / "variables" / "variables"
    if graph_path.name == SAVED_MODEL and Path(f"{variables}.index").is_file():
        return str(variables)
    if not graph_path.name.endswith(".meta"):
        return ""
    prefix = str(graph_path).removesuffix(".meta")
    try:
        return find_weights(prefix)
    except CheckpointError:
        raise CheckpointError(
            f"{graph_path}: no checkpoint {prefix} next to it: name the checkpoint before --meta"
        ) from None


def check_precision(target: str, precision: Precision) -> None:
    """Raises BadInputError for a precision that the target or the folder of examples lacks."""
    dtype, folder = precision
    if target != "tflite" and precision != FLOAT32:
        raise BadInputError(f"--precision and --calibrate are for --to tflite, not {target}")
    if dtype == "int8" and folder is None:
        raise BadInputError(
            "--precision int8 measures ranges on examples of inputs: add --calibrate FOLDER"
        )
    if dtype != "int8" and folder is not None:
        raise BadInputError(f"--calibrate is for --precision int8, {dtype} needs no examples")
    if folder is not None and not folder.is_dir():
        raise BadInputError(f"--calibrate {folder} is no folder{suggest_paths(folder)}")


def check_imported_job(job: ImportedJob) -> None:
    """Raises BadInputError or CheckpointError for a target or files that cannot be ported."""
    is_keras_model = job.target == "keras" and job.is_keras_model
    if job.target not in IMPORTED_TARGETS and not is_keras_model:
        raise BadInputError(
            f"--to {job.target} needs --net: a graph of your own can be ported to "
            f"{', '.join(IMPORTED_TARGETS)}"
        )
    if is_keras_model and (job.inputs or job.outputs):
        raise BadInputError("--inputs, --outputs: keras takes the complete model: leave them out")
    _check_exists(job.graph_path)
    if job.tags is not None and job.graph_path.name != SAVED_MODEL:
        raise BadInputError(f"--tags: {job.graph_path} has one graph, no SavedModel: leave it out")
    if job.inference and job.target in WEIGHTS_TARGETS:
        raise BadInputError(f"--inference is for graphs: --to {job.target} copies weights alone")
    if job.checkpoint.endswith(GRAPH_ENDINGS):
        raise BadInputError(
            f"--meta {job.graph_path}: its weights are a checkpoint, and {job.checkpoint} is a "
            "graph with weights of its own: name the checkpoint, or leave out --meta to port "
            f"{job.checkpoint}"
        )


def _check_exists(graph_path: Path) -> None:
    """Raises CheckpointError where there is no such file."""
    if not graph_path.is_file():
        raise CheckpointError(
            f"{graph_path}: no such file (a checkpoint's .meta, or a frozen .pb)"
            f"{suggest_paths(graph_path)}"
        )
