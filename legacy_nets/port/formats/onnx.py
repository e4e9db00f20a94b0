"""ONNX, converted by tf2onnx from the frozen graph; metadata become ``metadata_props``.

ONNX Runtime runs it twice, with all graph optimisations and with none: two sides of the report.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from google.protobuf.message import Error as MessageError

from legacy_nets import tf1 as tf
from legacy_nets.errors import BadInputError, join_lines
from legacy_nets.graphdef.control_flow import use_old_control_flow
from legacy_nets.graphdef.edit import copy_graph_def
from legacy_nets.port.build import NetTensors, build_for_port
from legacy_nets.port.formats.frozen import Folded, freeze
from legacy_nets.port.formats.onnx_weights import (
    DATA_ENDING,
    LazyWeight,
    apply_views,
    become_placeholders,
    declare_weights,
    hide_weights,
    write_model,
)
from legacy_nets.port.formats.rewrites import rewrite_plain
from legacy_nets.port.jobs import INPUT, OUTPUTS, Job, Metadata
from legacy_nets.port.memory import release_memory
from legacy_nets.port.report import OPTIMISED
from legacy_nets.port.restored_net import RestoredNet, rebuild_net
from legacy_nets.port.verify import Run
from legacy_nets.types import Array, GraphDef

if TYPE_CHECKING:
    from onnx import ModelProto

OPSET = 17  # the newest one that tf2onnx supports reliably
# What tf2onnx, and TensorFlow and ONNX in it, raise for graphs that they do not take: its handlers
# of operations look up, unpack and compute with whatever the graph has.
_CONVERSION_ERRORS = (
    *(ArithmeticError, AssertionError, AttributeError, LookupError),
    *(RuntimeError, TypeError, ValueError),
    tf.errors.OpError,
    MessageError,
)


def write(path: Path, net: RestoredNet, metadata: Metadata) -> tuple[str, ...]:
    """Writes the file; returns notes. Raises BadInputError for an op that tf2onnx lacks."""
    if net.has_loops:
        with rebuild_net(net, _build_with_old_loops) as rebuilt:
            frozen = freeze(rebuilt)
    else:
        frozen = freeze(net)
    release_memory()
    notes = convert(path, frozen, [INPUT], OUTPUTS, metadata, net.job.net.name)
    release_memory()
    return (
        f"opset {OPSET}; {frozen.folded} batch norms folded, {frozen.unfolded} not",
        *notes,
    )


def convert(
    path: Path,
    frozen: Folded,
    inputs: Sequence[str],
    outputs: Sequence[str],
    metadata: Metadata,
    label: str,
    ranks: Mapping[str, int] | None = None,
) -> tuple[str, ...]:
    """Writes a frozen graph as ONNX, between nodes that keep their names; returns notes.

    ``label``: what errors call the graph. ``ranks``: the number of axes of each output, for those
    whose graph does not tell it.
    Raises BadInputError for an op that tf2onnx lacks.
    """
    import onnx

    graph = rewrite_plain(frozen.graph, label, "ONNX")
    model, weights = _convert_leniently(frozen._replace(graph=graph), inputs, outputs, label)
    for value in model.graph.output:  # ONNX wants a rank; tf.squeeze, for one, may have none
        tensor_type, rank = value.type.tensor_type, (ranks or {}).get(value.name)
        if rank is not None and not tensor_type.HasField("shape"):
            tensor_type.shape.SetInParent()
            tensor_type.shape.dim.extend(onnx.TensorShapeProto.Dimension() for _ in range(rank))
    texts = {
        name: value if isinstance(value, str) else json.dumps(value)
        for name, value in metadata.items()
    }
    onnx.helper.set_model_props(model, texts)
    if model.ByteSize() >= 1 << 31:  # the limit of one protocol buffer
        raise BadInputError(f"{label} is larger than 2 GB: port it to saved_model")
    try:
        onnx.checker.check_model(declare_weights(model, weights))
    except onnx.checker.ValidationError as error:
        raise BadInputError(
            f"tf2onnx made no valid ONNX of {label}: {join_lines(error)[:300]}; "
            "try --to saved_model"
        ) from error
    is_apart = write_model(path, model, weights)
    return (f"the weights are in {path.with_suffix(DATA_ENDING).name}",) if is_apart else ()


def _convert_leniently(
    frozen: Folded, inputs: Sequence[str], outputs: Sequence[str], label: str
) -> tuple[ModelProto, dict[str, LazyWeight]]:
    """Converts a graph without its large weights; returns the model, and those weights.

    Where that fails, converts it with all weights in it and without the optimizers that fail. To
    skip a failed optimizer, tf2onnx copies all weights some thirty times: not at first.
    """
    weights: dict[str, LazyWeight]
    try:
        graph, weights = hide_weights(frozen.graph, frozen.values, outputs)
        model = _convert(graph, inputs, outputs, list(weights), label, False)
        return model, apply_views(model, weights)
    except _CONVERSION_ERRORS as first:
        try:
            graph = copy_graph_def(frozen.complete())
            return _convert(graph, inputs, outputs, [], label, True), {}
        except _CONVERSION_ERRORS as error:
            is_too_large = isinstance(error, BadInputError)  # for all weights in one graph
            cause = first if is_too_large else error
            raise BadInputError(
                f"tf2onnx cannot convert {label}: {join_lines(cause)[:300]}; try --to "
                "saved_model, or --outputs before it"
            ) from cause


def _convert(
    graph: GraphDef,
    inputs: Sequence[str],
    outputs: Sequence[str],
    weights: Sequence[str],
    label: str,
    skips_failures: bool,
) -> ModelProto:
    """Converts a graph, whose ``inputs`` and ``outputs`` keep their names.

    ``weights``: names of variables, which become inputs, too.
    """
    import tf2onnx

    logging.getLogger("tf2onnx").setLevel(logging.CRITICAL)  # its errors say the same
    input_names, output_names = ([f"{name}:0" for name in names] for names in (inputs, outputs))
    with tf.Graph().as_default() as imported:
        optimised = tf2onnx.tf_loader.tf_optimize(input_names, output_names, graph)
        become_placeholders(optimised, weights)
        values = tf2onnx.tf_utils.compress_graph_def(optimised)  # takes the weights out
        tf.import_graph_def(optimised, name="")
        converted = tf2onnx.tfonnx.process_tf_graph(
            imported,
            continue_on_error=True,
            opset=OPSET,
            input_names=[*input_names, *(f"{name}:0" for name in weights)],
            output_names=output_names,
            const_node_values=values,
            tensors_to_rename={f"{name}:0": name for name in (*inputs, *outputs)},
        )
        if not skips_failures:  # else every optimizer would copy all weights when it is done
            converted.update_proto = lambda: None
        converted = tf2onnx.optimizer.optimize_graph(converted, skips_failures)
    vars(converted).pop("update_proto", None)
    return converted.make_model(f"converted from {label}")


def _build_with_old_loops(job: Job) -> NetTensors:
    """Builds a net with TensorFlow 1's own loops: tf2onnx lacks today's lists in loops."""
    with use_old_control_flow():
        return build_for_port(job)


def run(path: Path, net: RestoredNet) -> Iterator[Run]:
    """Runs the file in ONNX Runtime, as written and optimised."""
    return run_onnx(path, {INPUT: net.inputs}, OUTPUTS)


def run_onnx(path: Path, inputs: Mapping[str, Array], outputs: Sequence[str]) -> Iterator[Run]:
    """Runs a file in ONNX Runtime, as written and optimised.

    ``inputs``: name -> array of the input's shape.
    """
    import onnxruntime

    levels = onnxruntime.GraphOptimizationLevel
    for side, level in (
        ("as written", levels.ORT_DISABLE_ALL),
        (OPTIMISED, levels.ORT_ENABLE_ALL),
    ):
        options = onnxruntime.SessionOptions()
        options.graph_optimization_level = level
        options.log_severity_level = 3  # errors
        session = onnxruntime.InferenceSession(
            str(path), options, providers=["CPUExecutionProvider"]
        )
        values = session.run(list(outputs), dict(inputs))
        del session
        release_memory()
        yield Run(side, dict(zip(outputs, values, strict=True)))
