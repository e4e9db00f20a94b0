"""A SavedModel for TF Serving: ``serving_default``, images -> logits and probabilities.

Metadata lie in ``assets.extra/metadata.json``, where the format has room for what a user adds.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from legacy_nets import tf1 as tf
from legacy_nets.port.restored_net import INPUT, Restored, run_graph

TAG = "serve"


def write(path: Path, net: Restored, metadata: Mapping[str, Any]) -> tuple[str, ...]:
    """Writes the folder."""
    save(path, net.session, {INPUT: net.images}, net.outputs, metadata)
    return ()


def save(
    path: Path,
    session: Any,
    inputs: Mapping[str, Any],
    outputs: Mapping[str, Any],
    metadata: Mapping[str, Any],
) -> None:
    """Writes the graph of a session, under a signature of named tensors."""
    build = tf.saved_model.utils.build_tensor_info
    key = tf.saved_model.signature_constants.DEFAULT_SERVING_SIGNATURE_DEF_KEY
    builder = tf.saved_model.Builder(str(path))
    with session.graph.as_default():
        signature = tf.saved_model.signature_def_utils.build_signature_def(
            {name: build(tensor) for name, tensor in inputs.items()},
            {name: build(tensor) for name, tensor in outputs.items()},
            tf.saved_model.signature_constants.PREDICT_METHOD_NAME,
        )
        builder.add_meta_graph_and_variables(
            session, [TAG], {key: signature}, strip_default_attrs=True
        )
        builder.save()
    extra = path / "assets.extra"
    extra.mkdir()
    (extra / "metadata.json").write_text(json.dumps(metadata, indent=1) + "\n", encoding="utf-8")


def runs(path: Path, net: Restored) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Loads the folder into a graph of its own and runs its signature and its end points."""
    with tf.Graph().as_default() as graph, tf.Session() as session:
        meta = tf.saved_model.load(session, [TAG], str(path))
        [signature] = meta.signature_def.values()
        served = {name: info.name for name, info in signature.outputs.items()}
        yield "", run_graph(net, graph, session, served)
