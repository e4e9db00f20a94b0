"""Ports a complete Keras model (.h5 of Keras 2): its configuration becomes a graph.

The file is read in the sandboxed process. A Lambda layer holds Python code, which is never run:
it is refused.
"""

from __future__ import annotations

import contextlib
import dataclasses
import functools
import json
import sys
from collections.abc import Iterator
from pathlib import Path

import h5py
import numpy as np

from legacy_nets import tf1 as tf
from legacy_nets.errors import BadInputError, join_lines
from legacy_nets.graphdef.control_flow import use_old_control_flow
from legacy_nets.port.imported.freeze import freeze_graph
from legacy_nets.port.imported.targets import FrozenGraph
from legacy_nets.port.jobs import ImportedJob
from legacy_nets.types import Array, Session

_LAMBDA = "Lambda"
_MAX_MESSAGE = 300


def freeze_keras_model(job: ImportedJob, folder: Path) -> FrozenGraph:
    """Loads a model, freezes it, and computes the outputs of the model itself for comparison.

    ``folder``: for the frozen graph on the way; it is removed.
    Raises BadInputError for a Lambda layer, and for what Keras cannot load.
    """
    check_layers(job.graph_path)
    frozen_path = folder / f"{job.graph_path.stem}.frozen.pb"
    with tf.Graph().as_default() as graph, tf.Session(graph=graph) as session:
        backend = tf.keras.backend
        backend.set_session(session)
        backend.set_learning_phase(0)
        try:
            # ONNX has no lists of tensors, as today's loops use
            with use_old_control_flow(), _write_every_step():
                model = tf.keras.models.load_model(str(job.graph_path), compile=False)
        except Exception as error:  # Keras raises anything
            raise BadInputError(
                f"{job.graph_path}: Keras cannot load it ({type(error).__name__}: "
                f"{join_lines(error)[:_MAX_MESSAGE]}): port its weights alone, or --net NAME"
            ) from error
        outputs = [tensor.op.name for tensor in model.outputs]
        definition = tf.graph_util.convert_variables_to_constants(
            session, graph.as_graph_def(), outputs
        )
        frozen_path.write_bytes(definition.SerializeToString())
        try:
            inputs = job.inputs or tuple(tensor.op.name for tensor in model.inputs)
            frozen_job = dataclasses.replace(
                job, graph_path=frozen_path, inputs=inputs, outputs=job.outputs or tuple(outputs)
            )
            frozen = freeze_graph(frozen_job)
        finally:
            frozen_path.unlink()
        reference = _run_model(session, frozen)
    return dataclasses.replace(frozen, name=str(job.graph_path), reference=reference)


def check_layers(path: Path) -> None:
    """Raises BadInputError for a model with a Lambda layer; it names the layer."""
    for name, class_name in _iterate_layers(json.loads(_read_config(path))):
        if class_name == _LAMBDA:
            raise BadInputError(
                f"{path}: the layer {name} is a Lambda, Python code in the file, which is not run: "
                "build the model in Python, save its weights (model.save_weights), or port the "
                "weights alone (--to npz)"
            )


def _read_config(path: Path) -> str:
    with h5py.File(path) as file:
        config = file.attrs["model_config"]
    return config.decode() if isinstance(config, bytes) else str(config)


def _iterate_layers(config: object) -> Iterator[tuple[str, str]]:
    """Yields name and class of every layer in a configuration, also of nested models."""
    if isinstance(config, dict):
        inner = config.get("config")
        if isinstance(inner, dict) and "class_name" in config:
            yield str(inner.get("name", config.get("name"))), str(config["class_name"])
        for value in config.values():
            yield from _iterate_layers(value)
    elif isinstance(config, list):
        for value in config:
            yield from _iterate_layers(value)


@contextlib.contextmanager
def _write_every_step() -> Iterator[None]:
    """Lets recurrent layers write each step to a place of its own, as Keras 2.3 did.

    Keras has come to write all steps to one place where only the last is asked for, which the
    loops of TensorFlow 1 refuse. The last step is the same.
    """
    module = sys.modules[tf.keras.backend.rnn.__module__]
    rnn = module.rnn

    @functools.wraps(rnn)
    def write_every_step(*arguments: object, **options: object) -> object:
        return rnn(*arguments, **{**options, "return_all_outputs": True})

    module.rnn = write_every_step  # type: ignore[attr-defined]
    try:
        yield
    finally:
        module.rnn = rnn  # type: ignore[attr-defined]


def _run_model(session: Session, frozen: FrozenGraph) -> dict[str, Array]:
    """Runs the model, whose tensors have the names of the frozen graph's nodes."""
    feeds = {f"{name}:0": value for name, value in frozen.inputs.items()}
    values = session.run({name: f"{name}:0" for name in frozen.reference}, feeds)
    return {name: np.asarray(value) for name, value in values.items()}
