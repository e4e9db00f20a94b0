"""A Keras 3 model (.keras) of plain layers, which loads without this package and trains on.

The net is built as it trains, and its graph is read back into layers (``keras_graph``): dropout
and the momentum of batch norm come along. Images go in, logits come out: train with
``from_logits=True``. Layers are called after their variables (``checkpoints.keras3_names``), so
that the model is read back as a checkpoint, also when it was trained on and saved by Keras.
``legacy_nets.json`` in the archive holds the metadata, and which layer each end point is the
output of.
"""

from __future__ import annotations

import contextlib
import json
import os
import warnings
import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from legacy_nets import tf1 as tf
from legacy_nets.checkpoints.formats.h5 import METADATA
from legacy_nets.errors import BadInputError
from legacy_nets.port.formats.keras.graph import Walk
from legacy_nets.port.restored_net import Restored, answers, build
from legacy_nets.tf1.speed import without_initial_values


def write(path: Path, net: Restored, metadata: Mapping[str, Any]) -> tuple[str, ...]:
    """Writes the file. Raises BadInputError for a net that plain layers cannot make up."""
    if path.suffix != ".keras":
        raise BadInputError(f"--out {path.name}: Keras opens only what ends in .keras")
    variables = {variable.op.name: variable for variable in net.graph.get_collection("variables")}
    with tf.Graph().as_default(), without_initial_values():  # to be read, not to be run
        images, logits, _, end_points = build(net.job, is_training=True)
    values = net.session.run(variables)  # at once: every new fetch prunes the graph anew
    walk = Walk(net.job.net, images, values.__getitem__)
    with _silent():
        import keras

        model = walk.model(logits)
        model.save(path)
        keras.backend.clear_session()
    places = {
        name: place
        for name, tensor in end_points.items()
        if (place := walk.place(tensor)) is not None and name in net.reference
    }
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr(METADATA, json.dumps({**metadata, "end_points": places}, indent=1))
    left = sorted(set(variables) - walk.used)
    notes = ["the model gives logits: compile it with from_logits=True"]
    if left:
        notes.append(f"{len(left)} variables of training-only heads stayed behind ({left[0]}, ...)")
    return tuple(notes)


def runs(path: Path, net: Restored) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Loads the file as Keras does and runs it up to its logits, with its end points."""
    with _silent():
        import keras

        model = keras.saving.load_model(path, compile=False)
    with zipfile.ZipFile(path) as archive:
        places = json.loads(archive.read(METADATA))["end_points"]
    operations = {operation.name: operation for operation in model.operations}
    outputs = {name: operations[place].output for name, place in places.items()}
    inner = keras.Model(model.inputs[0], {**outputs, "logits": model.outputs[0]})
    found = {name: np.asarray(value) for name, value in inner(net.inputs, training=False).items()}
    yield "", {**found, **answers(net, found["logits"])}


@contextlib.contextmanager
def _silent() -> Iterator[None]:
    """Keras' advice is not the user's business."""
    os.environ.setdefault("KERAS_BACKEND", "tensorflow")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield
