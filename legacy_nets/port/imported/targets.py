"""Writes a frozen graph in each target format, and runs what was written."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping, Sequence
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

_WITHOUT_TABLES = {"onnx": "ONNX", "tflite": "TensorFlow Lite", "openvino": "OpenVINO"}
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


def write_target(
    target: str, path: Path, graph: FrozenGraph, metadata: Metadata, precision: Precision
) -> tuple[str, ...]:
    """Writes the file or folder; returns notes.

    Raises BadInputError where the target has no such operation, or today's Keras no such layer.
    """
    if target == "keras":
        from legacy_nets.port.formats.keras import rebuild

        return rebuild.write(path, _get_keras_model(graph), metadata, graph.name)
    if target == "saved_model":
        return _write_saved_model(path, graph, metadata)
    outputs = list(graph.reference)
    initializers = [graph.table_initializer] if graph.table_initializer else []
    if initializers and target in _WITHOUT_TABLES:
        raise BadInputError(
            f"{graph.name}: {_WITHOUT_TABLES[target]} has no lookup tables: use --to saved_model, "
            "or --inputs after the table, or --outputs before it"
        )
    folded = frozen.fold_batch_norms(graph.definition, [*outputs, *initializers])
    notes: tuple[str, ...] = (folded.describe(),) if folded.folded or folded.unfolded else ()
    if target == "frozen":
        frozen.write_graph(path, folded.graph, metadata)
        return notes + tuple(
            f"run {name} once before: it fills the tables" for name in initializers
        )
    return _convert(target, path, graph, folded.graph, metadata, precision) + notes


def _convert(
    target: str,
    path: Path,
    graph: FrozenGraph,
    definition: GraphDef,
    metadata: Metadata,
    precision: Precision,
) -> tuple[str, ...]:
    """Writes a graph with folded batch norms by the converter of the target; returns notes."""
    inputs, outputs = list(graph.inputs), list(graph.reference)
    if target == "tflite":
        from legacy_nets.port.formats import tflite

        _complete_ranks(definition, graph.inputs)
        conversion = tflite.Conversion(inputs, outputs, precision, graph.examples)
        return tflite.convert(path, definition, conversion, metadata, graph.name)
    if target == "openvino":
        from legacy_nets.port.formats import openvino

        return openvino.convert(path, definition, inputs, outputs, metadata, graph.name)
    from legacy_nets.port.formats import onnx

    ranks = {name: np.ndim(value) for name, value in graph.reference.items()}
    onnx.convert(path, definition, inputs, outputs, metadata, graph.name, ranks)
    return (f"opset {onnx.OPSET}",)


def run_target(target: str, path: Path, graph: FrozenGraph) -> Iterator[Run]:
    """Runs what was written on the test inputs: yields one run for each way to run it."""
    if target == "keras":
        from legacy_nets.port.formats.keras import rebuild

        yield from rebuild.run(path, _get_keras_model(graph), graph.inputs)
        return
    if target == "onnx":
        from legacy_nets.port.formats import onnx

        yield from onnx.run_onnx(path, graph.inputs, list(graph.reference))
        return
    if target == "tflite":
        from legacy_nets.port.formats import tflite

        yield tflite.run_tflite(path, graph.inputs, list(graph.reference))
        return
    if target == "openvino":
        from legacy_nets.port.formats import openvino

        yield openvino.run_openvino(path, graph.inputs, list(graph.reference))
        return
    with tf.Graph().as_default(), tf.Session() as session:
        if target == "saved_model":
            inputs, outputs = _load_saved_model(path, session)
        else:
            tf.import_graph_def(tf.GraphDef.FromString(path.read_bytes()), name="")
            inputs = {name: f"{name}:0" for name in graph.inputs}
            outputs = {name: f"{name}:0" for name in graph.reference}
            if graph.table_initializer:
                session.run(graph.table_initializer)
        feeds = {inputs[name]: value for name, value in graph.inputs.items()}
        try:
            yield Run("", session.run(outputs, feeds))
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


def _write_saved_model(path: Path, graph: FrozenGraph, metadata: Metadata) -> tuple[str, ...]:
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
        notes = saved_model.save(path, session, inputs, outputs, metadata, initializer)
    return ("the weights are constants of the graph", *notes)


def _load_saved_model(path: Path, session: Session) -> tuple[dict[str, str], dict[str, str]]:
    """Loads a SavedModel of one signature; returns the tensors of its inputs and outputs."""
    from legacy_nets.port.formats import saved_model

    meta = tf.saved_model.load(session, [saved_model.TAG], str(path))
    [signature] = meta.signature_def.values()
    inputs = {name: info.name for name, info in signature.inputs.items()}
    return inputs, {name: info.name for name, info in signature.outputs.items()}
