"""A SavedModel for TF Serving: ``serving_default``, from images to logits and probabilities.

Its metadata are in ``assets.extra/metadata.json``: the format has that folder for users' files.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path

from legacy_nets import tf1 as tf
from legacy_nets.graphdef.old_readers import adapt_to_tf1
from legacy_nets.port.jobs import INPUT, SAVED_MODEL, Metadata
from legacy_nets.port.restored_net import RestoredNet, run_graph
from legacy_nets.port.verify import Run
from legacy_nets.tf1.functions import parse_saved_model
from legacy_nets.types import Operation, Session, Tensor

TAG = "serve"


def write(path: Path, net: RestoredNet, metadata: Metadata) -> tuple[str, ...]:
    """Writes the folder; there are no notes."""
    inputs = {INPUT: net.tensors.images}
    save(path, net.get_session(), inputs, net.tensors.outputs, metadata)
    net.close_session()
    return ()


def save(
    path: Path,
    session: Session,
    inputs: Mapping[str, Tensor],
    outputs: Mapping[str, Tensor],
    metadata: Metadata,
    initializer: Operation | None = None,
) -> None:
    """Writes the graph of a session, with a signature of named tensors. TensorFlow 1.15 reads it.

    ``initializer``: what a server runs once, before the first request.
    """
    build_info = tf.saved_model.utils.build_tensor_info
    key = tf.saved_model.signature_constants.DEFAULT_SERVING_SIGNATURE_DEF_KEY
    builder = tf.saved_model.Builder(str(path))
    with session.graph.as_default():
        signature = tf.saved_model.signature_def_utils.build_signature_def(
            {name: build_info(tensor) for name, tensor in inputs.items()},
            {name: build_info(tensor) for name, tensor in outputs.items()},
            tf.saved_model.signature_constants.PREDICT_METHOD_NAME,
        )
        builder.add_meta_graph_and_variables(
            session, [TAG], {key: signature}, main_op=initializer, strip_default_attrs=True
        )
        builder.save()
    file = path / SAVED_MODEL
    message = parse_saved_model(file.read_bytes())
    for meta in message.meta_graphs:
        adapt_to_tf1(meta.graph_def)
    file.write_bytes(message.SerializeToString())
    extra = path / "assets.extra"
    extra.mkdir()
    (extra / "metadata.json").write_text(json.dumps(metadata, indent=1) + "\n", encoding="utf-8")


def run(path: Path, net: RestoredNet) -> Iterator[Run]:
    """Loads the folder into a new graph and runs its signature and its end points."""
    with tf.Graph().as_default() as graph, tf.Session() as session:
        meta = tf.saved_model.load(session, [TAG], str(path))
        [signature] = meta.signature_def.values()
        outputs = {name: info.name for name, info in signature.outputs.items()}
        yield Run("", run_graph(net, graph, session, outputs))
