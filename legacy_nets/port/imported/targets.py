"""A stranger's frozen graph as each target: written, and run from the file."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from legacy_nets import tf1 as tf
from legacy_nets.errors import BadInputError, join_lines
from legacy_nets.port.formats import frozen
from legacy_nets.port.jobs import Metadata
from legacy_nets.port.verify import Run


class Frozen(NamedTuple):
    """A graph of constants between named nodes, and what the original said."""

    graph: Any  # GraphDef
    name: str  # as messages call it
    inputs: dict[str, np.ndarray]  # placeholder -> what the original was given
    reference: dict[str, np.ndarray]  # node -> what the original said


def write(target: str, path: Path, model: Frozen, metadata: Metadata) -> tuple[str, ...]:
    """Writes the file or folder; returns notes. Raises BadInputError where ONNX has no such op."""
    outputs = list(model.reference)
    if target == "saved_model":
        from legacy_nets.port.formats import saved_model

        with tf.Graph().as_default() as graph, tf.Session() as session:
            tf.import_graph_def(model.graph, name="")
            inputs, answers = (
                {name: graph.get_tensor_by_name(f"{name}:0") for name in names}
                for names in (model.inputs, outputs)
            )
            saved_model.save(path, session, inputs, answers, metadata)
        return ("the weights are constants of the graph",)
    folded = frozen.fold_batch_norms(model.graph, outputs)
    note = (folded.describe(),) if folded.folded or folded.unfolded else ()
    if target == "onnx":
        from legacy_nets.port.formats import onnx

        ranks = {name: np.ndim(value) for name, value in model.reference.items()}
        onnx.convert(path, folded.graph, list(model.inputs), outputs, metadata, model.name, ranks)
        return (f"opset {onnx.OPSET}", *note)
    frozen.write_graph(path, folded.graph, metadata)
    return note


def runs(target: str, path: Path, model: Frozen) -> Iterator[Run]:
    """Runs what was written on the original's inputs: (side, output -> value)."""
    if target == "onnx":
        from legacy_nets.port.formats import onnx

        yield from onnx.run_onnx(path, model.inputs, list(model.reference))
        return
    with tf.Graph().as_default(), tf.Session() as session:
        if target == "saved_model":
            from legacy_nets.port.formats import saved_model

            meta = tf.saved_model.load(session, [saved_model.TAG], str(path))
            [signature] = meta.signature_def.values()
            into = {name: info.name for name, info in signature.inputs.items()}
            out_of = {name: info.name for name, info in signature.outputs.items()}
        else:
            tf.import_graph_def(tf.GraphDef.FromString(path.read_bytes()), name="")
            into = {name: f"{name}:0" for name in model.inputs}
            out_of = {name: f"{name}:0" for name in model.reference}
        feeds = {into[name]: value for name, value in model.inputs.items()}
        try:
            yield Run("", session.run(out_of, feeds))
        except (tf.errors.OpError, ValueError) as error:
            raise BadInputError(
                f"{model.name} as {target} cannot be run: {join_lines(error)[:300]}"
            ) from error
