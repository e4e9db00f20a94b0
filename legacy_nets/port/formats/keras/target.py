"""A Keras 3 model (.keras) of plain layers, which loads without this package and trains on.

The net is built in training mode, and its graph is converted into layers: dropout and the momentum
of batch norms are kept. The model takes images and gives logits: train it with
``from_logits=True``. Layers are named after their variables (``checkpoints.formats.keras3_names``).
So the model is read back as a checkpoint, also after Keras trained and saved it.
``legacy_nets.json`` in the archive holds the metadata, and the layer of each end point.
"""

from __future__ import annotations

import contextlib
import json
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from legacy_nets import tf1 as tf
from legacy_nets.checkpoints.formats.h5 import METADATA
from legacy_nets.graphdef.traverse import walk
from legacy_nets.port.build import build_for_port
from legacy_nets.port.formats.keras.archive import (
    add_metadata,
    check_ending,
    save_archive,
    without_advice,
)
from legacy_nets.port.formats.keras.conversion import Conversion, Recipe
from legacy_nets.port.formats.keras.operations import find_recipe
from legacy_nets.port.jobs import Metadata
from legacy_nets.port.restored_net import RestoredNet
from legacy_nets.port.verify import Run, derive_outputs
from legacy_nets.tf1.speed import without_initial_values
from legacy_nets.types import Operation, Tensor

if TYPE_CHECKING:
    from keras import Model


def write(path: Path, net: RestoredNet, metadata: Metadata) -> tuple[str, ...]:
    """Writes the file; returns notes.

    Raises BadInputError for a net that cannot be made of plain layers.
    """
    check_ending(path)
    with tf.Graph().as_default(), without_initial_values():  # to be read, not to be run
        tensors = build_for_port(net.job, is_training=True)
    net.close_session()
    readers = net.plan.list_readers()
    conversion = Conversion(net.job.net.name, tensors.images, lambda name: readers[name]())
    with without_advice(), _without_initial_weights():
        model = _build_model(conversion, tensors.outputs["logits"])
        save_archive(model, path)
    layers = {
        name: layer
        for name, tensor in tensors.end_points.items()
        if (layer := conversion.find_layer(tensor)) is not None and name in net.reference
    }
    add_metadata(path, {**metadata, "end_points": layers})
    notes = ["the model gives logits: compile it with from_logits=True"]
    unused = sorted(set(readers) - conversion.used)
    if unused:
        notes.append(f"{len(unused)} variables of training-only heads left out ({unused[0]}, ...)")
    return tuple(notes)


def run(path: Path, net: RestoredNet) -> Iterator[Run]:
    """Loads the file as Keras does, and runs it up to its logits and end points."""
    with zipfile.ZipFile(path) as archive:
        layers = json.loads(archive.read(METADATA))["end_points"]
    with without_advice(), _without_initial_weights():
        import keras

        model = keras.saving.load_model(path, compile=False)
        operations = {operation.name: operation for operation in model.operations}
        outputs = {name: operations[layer].output for name, layer in layers.items()}
        extended = keras.Model(model.inputs[0], {**outputs, "logits": model.outputs[0]})
        tensors = extended(net.inputs, training=False)
        values = {name: np.asarray(tensor) for name, tensor in tensors.items()}
    yield Run("", {**values, **derive_outputs(values["logits"], net.job.label_offset)})


@contextlib.contextmanager
def _without_initial_weights() -> Iterator[None]:
    """Makes layers whose weights are first those that they are set to, and forgets them.

    Keras would fill the weights of a deep net with random numbers before it loads them.
    """
    import keras

    try:
        with keras.StatelessScope(initialize_variables=False):
            yield
    finally:
        keras.backend.clear_session()


def _build_model(conversion: Conversion, logits: Tensor) -> Model:
    """Builds the Keras model. Raises BadInputError for an operation that no layer can replace."""
    import keras

    images = conversion.images
    recipes: dict[str, Recipe] = {}

    def list_operands(operation: Operation) -> list[Operation]:
        if operation is images.op:
            return []
        return [tensor.op for tensor in recipes[operation.name].inputs]

    for operation in walk([logits.op], list_operands):
        if operation is not images.op:
            recipes[operation.name] = find_recipe(conversion, operation)
    conversion.set_output(images, keras.Input(images.shape.as_list()[1:], name="images"))
    for operation in images.graph.get_operations():  # in the order of construction
        if operation.name in recipes:
            inputs, make = recipes[operation.name]
            outputs = make([conversion.get_output(tensor) for tensor in inputs])
            for tensor, output in zip(operation.outputs, outputs, strict=False):
                conversion.set_output(tensor, output)
    name = conversion.net if conversion.net[0].isalpha() else f"net_{conversion.net}"
    return keras.Model(conversion.get_images(), conversion.get_output(logits), name=name)
