"""ONNX, made by tf2onnx from the frozen graph; metadata become ``metadata_props``.

It is run in ONNX Runtime with all graph optimisations and with none, and the two are told apart.
"""

from __future__ import annotations

import contextlib
import dataclasses
import json
import logging
import os
from collections.abc import Iterator
from collections.abc import Mapping
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from legacy_nets import tf1 as tf
from legacy_nets.errors import BadInputError
from legacy_nets.errors import one_line
from legacy_nets.port.frozen import frozen
from legacy_nets.port.graphs import INPUT
from legacy_nets.port.graphs import OUTPUTS
from legacy_nets.port.graphs import Restored
from legacy_nets.port.graphs import build

OPSET = 17  # the newest that tf2onnx can be relied on for
_LOOPS = ("While", "StatelessWhile")


def write(path: Path, net: Restored, metadata: Mapping[str, Any]) -> tuple[str, ...]:
    """Writes the file. Raises BadInputError for an op that tf2onnx does not know."""
    graph, folded, left = frozen(net)
    if any(node.op in _LOOPS for node in graph.node):
        with _with_old_loops(net) as other:
            graph, folded, left = frozen(other)
    convert(path, graph, [INPUT], OUTPUTS, metadata, net.job.net)
    return (f"opset {OPSET}; {folded} batch norms folded, {left} not",)


def convert(
    path: Path,
    graph: Any,
    inputs: Sequence[str],
    outputs: Sequence[str],
    metadata: Mapping[str, Any],
    what: str,
) -> None:
    """Writes a frozen GraphDef as ONNX, between nodes that keep their names.

    Raises BadInputError, which names ``what``, for an op that tf2onnx does not know.
    """
    import onnx
    import tf2onnx

    logging.getLogger("tf2onnx").setLevel(logging.CRITICAL)  # what it raises says it, too

    def converted(optimizers: str) -> Any:
        with _environment("TF2ONNX_CATCH_ERRORS", optimizers):
            return tf2onnx.convert.from_graph_def(
                graph,
                input_names=[f"{name}:0" for name in inputs],
                output_names=[f"{name}:0" for name in outputs],
                opset=OPSET,
                tensors_to_rename={f"{name}:0": name for name in (*inputs, *outputs)},
            )[0]

    try:  # an optimizer's error is final at first: to pass over it, tf2onnx copies all weights
        model = converted("FALSE")  # some thirty times
    except Exception:  # tf2onnx raises what it likes
        try:
            model = converted("TRUE")
        except Exception as error:
            raise BadInputError(
                f"tf2onnx cannot convert {what}: {one_line(error)[:300]}"
            ) from error
    texts = {
        name: value if isinstance(value, str) else json.dumps(value)
        for name, value in metadata.items()
    }
    onnx.helper.set_model_props(model, texts)
    if model.ByteSize() >= 1 << 31:  # larger ones have no place in one protocol buffer
        raise BadInputError(f"{what} is larger than 2 GB: port it to saved_model")
    try:
        onnx.checker.check_model(model)
    except onnx.checker.ValidationError as error:
        raise BadInputError(
            f"tf2onnx made no valid ONNX of {what}: {one_line(error)[:300]}"
        ) from error
    onnx.save_model(model, str(path))


@contextlib.contextmanager
def _environment(name: str, value: str) -> Iterator[None]:
    """A variable of the environment, for a while."""
    before = os.environ.get(name)
    os.environ[name] = value
    try:
        yield
    finally:
        if before is None:
            del os.environ[name]
        else:
            os.environ[name] = before


@contextlib.contextmanager
def _with_old_loops(net: Restored) -> Iterator[Restored]:
    """The same net with TensorFlow 1's own loops: tf2onnx does not know today's lists in loops."""
    values = net.session.run({v.op.name: v for v in net.graph.get_collection("variables")})
    graph = tf.Graph()
    with contextlib.closing(tf.Session(graph=graph)) as session, graph.as_default():
        today = tf.control_flow_v2_enabled()
        tf.disable_control_flow_v2()
        try:
            images, logits, probabilities, end_points = build(net.job)
        finally:
            if today:
                tf.enable_control_flow_v2()
        variables = tf.global_variables()
        feed = {v.initializer.inputs[1]: values[v.op.name] for v in variables}
        session.run([v.initializer for v in variables], feed)
        outputs = dict(zip(OUTPUTS, (logits, probabilities), strict=True))
        yield dataclasses.replace(
            net, graph=graph, session=session, images=images, outputs=outputs, end_points=end_points
        )


def runs(path: Path, net: Restored) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Runs the file in ONNX Runtime, optimised and as it is."""
    return run(path, {INPUT: net.inputs}, OUTPUTS)


def run(
    path: Path, inputs: Mapping[str, Any], outputs: Sequence[str]
) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """As ``runs``, from named inputs to named outputs."""
    import onnxruntime

    level = onnxruntime.GraphOptimizationLevel
    for side, kind in (("as written", level.ORT_DISABLE_ALL), ("optimised", level.ORT_ENABLE_ALL)):
        options = onnxruntime.SessionOptions()
        options.graph_optimization_level = kind
        options.log_severity_level = 3  # errors
        session = onnxruntime.InferenceSession(
            str(path), options, providers=["CPUExecutionProvider"]
        )
        found = session.run(list(outputs), dict(inputs))
        yield side, dict(zip(outputs, found, strict=True))
