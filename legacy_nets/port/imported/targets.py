"""Writes a frozen graph in each target format, and runs what was written."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from legacy_nets import tf1 as tf
from legacy_nets.errors import BadInputError, join_lines
from legacy_nets.graphdef.edit import separate_names
from legacy_nets.port.calibration import Example
from legacy_nets.port.formats import frozen
from legacy_nets.port.jobs import Metadata, Precision
from legacy_nets.port.verify import Run
from legacy_nets.types import Array, GraphDef, Session

if TYPE_CHECKING:
    from legacy_nets.port.formats.keras.rebuild import KerasModel

_MAX_MESSAGE = 300  # characters of TensorFlow's own message


@dataclasses.dataclass(frozen=True)
class FrozenGraph:
    """A graph of constants between named nodes, and what the original computes."""

    definition: GraphDef
    name: str  # for messages
    inputs: Mapping[str, Array]  # placeholder -> test input
    reference: Mapping[str, Array]  # output node -> what the original computed
    examples: Sequence[Example]  # of the calibration folder
    table_initializer: str  # the operation that fills the lookup tables; "" without any
    has_averages: bool  # moving averages have replaced variables
    notes: tuple[str, ...]
    keras_model: KerasModel | None = None  # that the graph is of


@dataclasses.dataclass(frozen=True)
class ImportedFormat:
    """How a graph of a user becomes one target: the row of ``IMPORTED_FORMATS``.

    ``write`` writes the file or folder and returns notes; it raises BadInputError where the target
    has no such operation, or today's Keras no such layer. ``run`` runs what was written on the test
    inputs, once for each way to run it.
    """

    write: Callable[[Path, FrozenGraph, Metadata, Precision], tuple[str, ...]]
    run: Callable[[Path, FrozenGraph], Iterable[Run]]


def _write_frozen(
    path: Path, graph: FrozenGraph, metadata: Metadata, _: Precision
) -> tuple[str, ...]:
    initializers = [graph.table_initializer] if graph.table_initializer else []
    definition, notes = _fold_batch_norms(graph, initializers)
    frozen.write_graph(path, definition, metadata)
    return notes + tuple(f"run {name} once before: it fills the tables" for name in initializers)


def _run_frozen(path: Path, graph: FrozenGraph) -> Iterator[Run]:
    with tf.Graph().as_default(), tf.Session() as session:
        tf.import_graph_def(tf.GraphDef.FromString(path.read_bytes()), name="")
        if graph.table_initializer:
            session.run(graph.table_initializer)
        inputs, outputs = (
            {name: f"{name}:0" for name in names} for names in (graph.inputs, graph.reference)
        )
        yield _run_session(session, graph, inputs, outputs, "frozen")


def _write_saved_model(
    path: Path, graph: FrozenGraph, metadata: Metadata, _: Precision
) -> tuple[str, ...]:
    from legacy_nets.port.formats import saved_model

    new_names = separate_names(graph.definition, [*graph.inputs, *graph.reference])
    with tf.Graph().as_default() as tf_graph, tf.Session() as session:
        tf.import_graph_def(graph.definition, name="")
        inputs, outputs = (
            {name: tf_graph.get_tensor_by_name(f"{new_names.get(name, name)}:0") for name in names}
            for names in (graph.inputs, graph.reference)
        )
        name = new_names.get(graph.table_initializer, graph.table_initializer)
        initializer = tf_graph.get_operation_by_name(name) if name else None
        saved_model.save(path, session, inputs, outputs, metadata, initializer)
    return ("the weights are constants of the graph",)


def _run_saved_model(path: Path, graph: FrozenGraph) -> Iterator[Run]:
    """Runs the only signature of the SavedModel."""
    from legacy_nets.port.formats import saved_model

    with tf.Graph().as_default(), tf.Session() as session:
        meta = tf.saved_model.load(session, [saved_model.TAG], str(path))
        [signature] = meta.signature_def.values()
        inputs, outputs = (
            {name: info.name for name, info in ends.items()}
            for ends in (signature.inputs, signature.outputs)
        )
        yield _run_session(session, graph, inputs, outputs, "saved_model")


def _write_onnx(
    path: Path, graph: FrozenGraph, metadata: Metadata, _: Precision
) -> tuple[str, ...]:
    from legacy_nets.port.formats import onnx

    definition, notes = _fold_without_tables(graph, "ONNX")
    inputs, outputs = list(graph.inputs), list(graph.reference)
    ranks = {name: np.ndim(value) for name, value in graph.reference.items()}
    folded = frozen.Folded(definition, 0, 0)
    more = onnx.convert(path, folded, inputs, outputs, metadata, graph.name, ranks)
    return (f"opset {onnx.OPSET}", *notes, *more)


def _run_onnx(path: Path, graph: FrozenGraph) -> Iterable[Run]:
    from legacy_nets.port.formats import onnx

    return onnx.run_onnx(path, graph.inputs, list(graph.reference))


def _write_tflite(
    path: Path, graph: FrozenGraph, metadata: Metadata, precision: Precision
) -> tuple[str, ...]:
    from legacy_nets.port.formats import tflite

    definition, notes = _fold_without_tables(graph, "TensorFlow Lite")
    _complete_ranks(definition, graph.inputs)
    conversion = tflite.Conversion(
        list(graph.inputs), list(graph.reference), precision, graph.examples
    )
    return tflite.convert(path, definition, conversion, metadata, graph.name) + notes


def _run_tflite(path: Path, graph: FrozenGraph) -> Iterable[Run]:
    from legacy_nets.port.formats import tflite

    return (tflite.run_tflite(path, graph.inputs, list(graph.reference)),)


def _write_openvino(
    path: Path, graph: FrozenGraph, metadata: Metadata, _: Precision
) -> tuple[str, ...]:
    from legacy_nets.port.formats import openvino

    definition, notes = _fold_without_tables(graph, "OpenVINO")
    inputs, outputs = list(graph.inputs), list(graph.reference)
    return openvino.convert(path, definition, inputs, outputs, metadata, graph.name) + notes


def _run_openvino(path: Path, graph: FrozenGraph) -> Iterable[Run]:
    from legacy_nets.port.formats import openvino

    return (openvino.run_openvino(path, graph.inputs, list(graph.reference)),)


def _write_keras(
    path: Path, graph: FrozenGraph, metadata: Metadata, _: Precision
) -> tuple[str, ...]:
    from legacy_nets.port.formats.keras import rebuild

    return rebuild.write(path, _get_keras_model(graph), metadata, graph.name)


def _run_keras(path: Path, graph: FrozenGraph) -> Iterable[Run]:
    from legacy_nets.port.formats.keras import rebuild

    return rebuild.run(path, _get_keras_model(graph), graph.inputs)


IMPORTED_FORMATS: Mapping[str, ImportedFormat] = {
    "frozen": ImportedFormat(_write_frozen, _run_frozen),
    "saved_model": ImportedFormat(_write_saved_model, _run_saved_model),
    "onnx": ImportedFormat(_write_onnx, _run_onnx),
    "tflite": ImportedFormat(_write_tflite, _run_tflite),
    "openvino": ImportedFormat(_write_openvino, _run_openvino),
    "keras": ImportedFormat(_write_keras, _run_keras),
}


def _fold_without_tables(graph: FrozenGraph, runtime: str) -> tuple[GraphDef, tuple[str, ...]]:
    """Folds batch norms, for a runtime without lookup tables; returns the graph and notes.

    Raises BadInputError for a graph with tables.
    """
    if graph.table_initializer:
        raise BadInputError(
            f"{graph.name}: {runtime} has no lookup tables: use --to saved_model, "
            "or --inputs after the table, or --outputs before it"
        )
    return _fold_batch_norms(graph)


def _fold_batch_norms(
    graph: FrozenGraph, initializers: Sequence[str] = ()
) -> tuple[GraphDef, tuple[str, ...]]:
    """Folds batch norms; returns the graph up to the outputs and initializers, and notes."""
    folded = frozen.fold_batch_norms(graph.definition, [*graph.reference, *initializers])
    has_norms = folded.folded or folded.unfolded
    return folded.graph, ((folded.describe(),) if has_norms else ())


def _run_session(
    session: Session,
    graph: FrozenGraph,
    inputs: Mapping[str, str],
    outputs: Mapping[str, str],
    target: str,
) -> Run:
    """Runs a graph that was loaded; ``inputs`` and ``outputs`` are names of tensors.

    Raises BadInputError where TensorFlow cannot run it.
    """
    feeds = {inputs[name]: value for name, value in graph.inputs.items()}
    try:
        return Run("", session.run(dict(outputs), feeds))
    except (tf.errors.OpError, ValueError) as error:
        message = join_lines(error)[:_MAX_MESSAGE]
        raise BadInputError(f"{graph.name} as {target} cannot be run: {message}") from error


def _get_keras_model(graph: FrozenGraph) -> KerasModel:
    if graph.keras_model is None:
        raise BadInputError(f"--to keras: {graph.name} is no Keras model: add --net NAME")
    return graph.keras_model


def _complete_ranks(graph: GraphDef, inputs: Mapping[str, Array]) -> None:
    """Gives inputs of unknown rank the rank of their test input, in place."""
    for node in graph.node:
        if node.name in inputs and tf.TensorShape(node.attr["shape"].shape).rank is None:
            shape = tf.TensorShape([None] * np.ndim(inputs[node.name]))
            node.attr["shape"].shape.CopyFrom(shape.as_proto())
