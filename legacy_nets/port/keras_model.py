"""Freezes a complete Keras model (.h5 of Keras 1 or 2), with its own outputs for comparison.

The file is read in the sandboxed process.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from legacy_nets import tf1 as tf
from legacy_nets.checkpoints.open import open_weights
from legacy_nets.nets.keras.load_file import load_keras_model
from legacy_nets.port.formats.keras.rebuild import KerasModel
from legacy_nets.port.imported.freeze import freeze_graph
from legacy_nets.port.imported.targets import FrozenGraph
from legacy_nets.port.jobs import ImportedJob
from legacy_nets.types import Array, Session
from legacy_nets.types import KerasModel as Model


def freeze_keras_model(job: ImportedJob, folder: Path) -> FrozenGraph:
    """Loads a model, freezes it, and computes the outputs of the model itself for comparison.

    ``folder``: for the frozen graph on the way; it is removed.
    Raises BadInputError for a Lambda layer, and for what Keras cannot load.
    """
    frozen_path = folder / f"{job.graph_path.stem}.frozen.pb"
    with load_keras_model(job.graph_path, job.target == "tflite") as (model, session):
        outputs = [tensor.op.name for tensor in model.outputs]
        definition = tf.graph_util.convert_variables_to_constants(
            session, session.graph.as_graph_def(), outputs
        )
        frozen_path.write_bytes(definition.SerializeToString())
        try:
            inputs = job.inputs or tuple(tensor.op.name for tensor in model.inputs)
            frozen_job = dataclasses.replace(job, graph_path=frozen_path, inputs=inputs)
            if not job.outputs:
                frozen_job = dataclasses.replace(
                    frozen_job, outputs=tuple(outputs), output_origin="the model's own"
                )
            frozen = freeze_graph(frozen_job)
        finally:
            frozen_path.unlink()
        reference = _run_model(session, frozen)
        reader_notes = open_weights(job.graph_path).notes if model.weights else ()
        keras_model = KerasModel(
            type(model).__name__,
            model.get_config(),
            dict(_iterate_weights(model, ())),
            tuple(tensor.op.name for tensor in model.inputs),
            tuple(outputs),
        )
    return dataclasses.replace(
        frozen,
        name=str(job.graph_path),
        reference=reference,
        notes=frozen.notes + reader_notes,
        keras_model=keras_model,
    )


def _iterate_weights(
    model: Model, path: tuple[str, ...]
) -> Iterator[tuple[tuple[str, ...], list[Array]]]:
    """Yields the weights of every layer, under the names of the models that it is in."""
    for layer in model.layers:
        if hasattr(layer, "layers"):
            yield from _iterate_weights(layer, (*path, layer.name))
        else:
            yield (*path, layer.name), layer.get_weights()


def _run_model(session: Session, frozen: FrozenGraph) -> dict[str, Array]:
    """Runs the model, whose tensors have the names of the frozen graph's nodes."""
    feeds = {f"{name}:0": value for name, value in frozen.inputs.items()}
    values = session.run({name: f"{name}:0" for name in frozen.reference}, feeds)
    return {name: np.asarray(value) for name, value in values.items()}
