"""ONNX, made by tf2onnx from the frozen graph; metadata become ``metadata_props``.

It is run in ONNX Runtime with all graph optimisations and with none, and the two are told apart.
"""

from __future__ import annotations

import contextlib
import dataclasses
import json
import logging
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from legacy_nets import tf1 as tf
from legacy_nets.errors import BadInputError, join_lines
from legacy_nets.port.formats.frozen import frozen
from legacy_nets.port.report import OPTIMISED
from legacy_nets.port.restored_net import INPUT, OUTPUTS, Restored, build

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
    ranks: Mapping[str, int] | None = None,
) -> None:
    """Writes a frozen GraphDef as ONNX, between nodes that keep their names.

    ``ranks``: the number of axes of each output, for those whose graph does not say it.
    Raises BadInputError, which names ``what``, for an op that tf2onnx does not know.
    """
    import onnx
    import tf2onnx

    logging.getLogger("tf2onnx").setLevel(logging.CRITICAL)  # what it raises says it, too

    given, wanted = ([f"{name}:0" for name in names] for names in (inputs, outputs))

    def converted(catch_errors: bool) -> Any:
        with tf.Graph().as_default() as imported:
            optimised = tf2onnx.tf_loader.tf_optimize(given, wanted, graph)
            values = tf2onnx.tf_utils.compress_graph_def(optimised)  # takes the weights out
            tf.import_graph_def(optimised, name="")
            made = tf2onnx.tfonnx.process_tf_graph(
                imported,
                continue_on_error=True,
                opset=OPSET,
                input_names=given,
                output_names=wanted,
                const_node_values=values,
                tensors_to_rename={f"{name}:0": name for name in (*inputs, *outputs)},
            )
            if not catch_errors:  # else every optimizer would copy all weights when it is done
                made.update_proto = lambda: None
            made = tf2onnx.optimizer.optimize_graph(made, catch_errors)
        vars(made).pop("update_proto", None)
        return made.make_model(f"converted from {what}")

    try:  # an optimizer's error is final at first: to pass over it, tf2onnx copies all weights
        model = converted(catch_errors=False)  # some thirty times
    except Exception:  # tf2onnx raises what it likes
        try:
            model = converted(catch_errors=True)
        except Exception as error:
            raise BadInputError(
                f"tf2onnx cannot convert {what}: {join_lines(error)[:300]}; try --to saved_model, "
                "or --outputs before it"
            ) from error
    for value in model.graph.output:  # ONNX wants a rank; tf.squeeze, for one, may have none to say
        kind, rank = value.type.tensor_type, (ranks or {}).get(value.name)
        if rank is not None and not kind.HasField("shape"):
            kind.shape.SetInParent()
            kind.shape.dim.extend(onnx.TensorShapeProto.Dimension() for _ in range(rank))
    texts = {
        name: value if isinstance(value, str) else json.dumps(value)
        for name, value in metadata.items()
    }
    onnx.helper.set_model_props(model, texts)
    if model.ByteSize() >= 1 << 31:  # larger ones have no place in one protocol buffer
        raise BadInputError(f"{what} is larger than 2 GB: port it to saved_model")
    written = model.SerializeToString()
    try:
        onnx.checker.check_model(written)
    except onnx.checker.ValidationError as error:
        raise BadInputError(
            f"tf2onnx made no valid ONNX of {what}: {join_lines(error)[:300]}; try --to saved_model"
        ) from error
    path.write_bytes(written)


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
    for side, kind in (("as written", level.ORT_DISABLE_ALL), (OPTIMISED, level.ORT_ENABLE_ALL)):
        options = onnxruntime.SessionOptions()
        options.graph_optimization_level = kind
        options.log_severity_level = 3  # errors
        session = onnxruntime.InferenceSession(
            str(path), options, providers=["CPUExecutionProvider"]
        )
        found = session.run(list(outputs), dict(inputs))
        yield side, dict(zip(outputs, found, strict=True))
