"""The layers of a graph: parameters, multiply-adds and receptive fields.

    anatomy.analyze_net("inception_v3", size=(299, 299))    a net of the registry
    anatomy.analyze_file("model.ckpt.meta")                 a graph's file, never run
    anatomy.analyze_graph(graph)                            any tf.Graph

Each returns an ``Anatomy``: ``.layers``, ``.parameters``, ``.trainable``, ``.multiply_adds``.
``anatomy.compute_receptive_field(tensor)`` answers for one tensor of any graph.
"""

from __future__ import annotations

import dataclasses
import pathlib
from collections.abc import Iterable, Sequence

from legacy_nets import registry
from legacy_nets import tf1 as tf
from legacy_nets.anatomy import receptive
from legacy_nets.anatomy.analyze import analyze_graph
from legacy_nets.anatomy.layers import Anatomy, Layer, fold_layers
from legacy_nets.anatomy.onnx import analyze_onnx
from legacy_nets.anatomy.receptive import ReceptiveField
from legacy_nets.anatomy.tflite import analyze_tflite
from legacy_nets.checkpoints.formats.h5 import check_that_reading_ends, has_model
from legacy_nets.checkpoints.formats.onnx.model import is_onnx
from legacy_nets.checkpoints.formats.tflite_model import is_tflite
from legacy_nets.errors import BadInputError, report_build_errors
from legacy_nets.graphdef.live_graph import find_live_graph
from legacy_nets.graphdef.load import load_graph
from legacy_nets.graphdef.saved_model import load_saved_model
from legacy_nets.nets.build import build_by_name
from legacy_nets.nets.keras.load_file import load_keras_model
from legacy_nets.quiet import quiet_tensorflow
from legacy_nets.sandbox import run_in_subprocess
from legacy_nets.tf1.speed import without_initial_values
from legacy_nets.types import EndPoints, Tensor

__all__ = [
    "Anatomy",
    "Layer",
    "ReceptiveField",
    "analyze_file",
    "analyze_file_in_process",
    "analyze_graph",
    "analyze_net",
    "build_net",
    "compute_receptive_field",
    "compute_receptive_fields",
    "fold_layers",
]


def build_net(
    name: str, size: tuple[int | None, ...] | None = None, **options: object
) -> tuple[Tensor, Tensor, EndPoints]:
    """Builds a net for analysis, not to run it.

    Args:
      name: a name of the registry.
      size: (height, width) of the images, or (frames, height, width) of clips. A side of None
        is unknown; None as the size is the document's.
      **options: of the net.

    Returns: (images, logits, end points) in a new graph.
    Raises: BadInputError for a size or option that the net does not take.
    """
    net = registry.get_net(name)
    sides = tuple(net.image_size if size is None else size)
    if len(sides) != len(net.image_size):
        axes = "height and width" if len(net.image_size) == 2 else "frames, height and width"
        raise BadInputError(f"{name} takes a size of {axes}, not {len(sides)} numbers")
    with tf.Graph().as_default(), without_initial_values():
        images = tf.placeholder(tf.float32, [None, *sides, net.channels], name="images")
        with report_build_errors(name, sides, options):
            logits, end_points = build_by_name(name, images, **options)
    return images, logits, end_points


def analyze_net(
    name: str, size: tuple[int | None, ...] | None = None, **options: object
) -> Anatomy:
    """Analyzes a net of the registry; arguments and errors as in ``build_net``."""
    images, logits, end_points = build_net(name, size, **options)
    outputs = [point for point in end_points.values() if isinstance(point, tf.Tensor)]
    return analyze_graph(images.graph, [images], [*outputs, logits], name=name)


def analyze_file(path: str | pathlib.Path, tags: Sequence[str] | None = None) -> Anatomy:
    """Analyzes a graph of ``analyze_file_in_process`` in a subprocess.

    Raises: BadInputError as ``load_graph``; CheckpointError where the file crashes the
    reader, or its reading never ends.
    """
    check_that_reading_ends(pathlib.Path(path))
    anatomy: Anatomy = run_in_subprocess(analyze_file_in_process, path, tags)
    return anatomy


def analyze_file_in_process(path: str | pathlib.Path, tags: Sequence[str] | None = None) -> Anatomy:
    """Analyzes a file in this process; a damaged or hostile file may crash or fill it.

    Args:
      path: a .meta, frozen .pb, .onnx, .tflite, saved_model.pb, or a complete Keras model (.h5).
      tags: of a SavedModel's graph; None for the one that is served.
    """
    path = pathlib.Path(path)
    if path.suffix == ".onnx" or is_onnx(path):
        return analyze_onnx(path)
    if path.suffix == ".tflite" or is_tflite(path):
        return analyze_tflite(path)
    quiet_tensorflow()
    if path.suffix in (".h5", ".hdf5"):
        return _analyze_keras_model(path)
    name = path.name
    if name == "saved_model.pb":
        loaded = load_saved_model(path, tags)
        name = path.resolve().parent.name
    else:
        loaded = load_graph(path)
    anatomy = analyze_graph(loaded.graph, trainable=loaded.trainable, name=name)
    return dataclasses.replace(anatomy, notes=anatomy.notes + loaded.notes)


def _analyze_keras_model(path: pathlib.Path) -> Anatomy:
    """Analyzes a model that Keras builds from the configuration in the file."""
    if not has_model(path):
        raise BadInputError(f"{path} holds weights, not a graph: legacy-nets inspect {path}")
    with load_keras_model(path) as (model, session):
        trainable = frozenset(variable.op.name for variable in model.trainable_variables)
        return analyze_graph(
            session.graph, model.inputs, model.outputs, trainable=trainable, name=path.name
        )


def compute_receptive_field(
    output: Tensor, images: Tensor | None = None, *, known_size: bool = True
) -> ReceptiveField | None:
    """Computes the part of ``images`` that a value of ``output`` depends on; None if all.

    Args:
      output: a tensor, such as an end point.
      images: the input tensor; if None, the placeholder that ``output`` depends on.
      known_size: False computes as if the size of the input were unknown, as
        tf.contrib.receptive_field does without ``input_resolution``.

    Raises: BadInputError where ``output`` does not depend on ``images``.
    """
    alive = find_live_graph(output.graph, None if images is None else [images], [output])
    if not alive.sources:
        raise BadInputError(f"{output.name} does not depend on {images.name if images else '?'}")
    fields = receptive.compute_fields(alive.operations, alive.sources, known_size)
    return fields[output.op.name]


def compute_receptive_fields(
    outputs: Iterable[Tensor], images: Tensor, *, known_size: bool = True
) -> list[ReceptiveField | None]:
    """Computes the receptive fields of many tensors of one graph in one walk."""
    tensors = list(outputs)
    if not tensors:
        return []
    alive = find_live_graph(images.graph, [images], tensors)
    fields = receptive.compute_fields(alive.operations, alive.sources, known_size)
    return [fields.get(output.op.name) for output in tensors]
