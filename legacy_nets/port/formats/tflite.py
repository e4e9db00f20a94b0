"""TensorFlow Lite (LiteRT), converted from the frozen graph and run by the interpreter.

Inputs and outputs keep their order. The metadata, with labels and preprocessing, are JSON in the
buffer that the file's metadata call ``legacy_nets``.
"""

from __future__ import annotations

import dataclasses
import json
import re
import warnings
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from legacy_nets import tf1 as tf
from legacy_nets.checkpoints.formats.tflite_model import METADATA, LiteGraph, parse_tflite
from legacy_nets.errors import BadInputError, join_lines
from legacy_nets.graphdef.traverse import has_attention
from legacy_nets.nets.build import unroll_loops
from legacy_nets.port.build import NetTensors, build_for_port
from legacy_nets.port.calibration import Example
from legacy_nets.port.formats.frozen import freeze
from legacy_nets.port.formats.lazy_constants import leave_out_values
from legacy_nets.port.formats.rewrites import rewrite_plain, split_pools
from legacy_nets.port.jobs import INPUT, OUTPUTS, Job, Metadata, Precision
from legacy_nets.port.restored_net import RestoredNet, rebuild_net
from legacy_nets.port.verify import Run
from legacy_nets.quiet import hold_back_stderr
from legacy_nets.tf1.lite_schema import (
    add_metadata,
    convert_to_int8,
    create_converter,
    list_operator_names,
)
from legacy_nets.types import Array, GraphDef, Interpreter

_LACKING = re.compile(r"(?:Select TF|TF Select|Custom) ops: ([\w, ]+)")
_LACKING_DTYPES = {"xf16>": "float16", "xf64>": "float64"}  # as the converter writes them
# XNNPACK, which the interpreter uses by default, computes it wrongly in int8 (TensorFlow 2.21): it
# takes the zero point of the second factor for 0.
_WRONG_IN_INT8 = "BATCH_MATMUL"
_WITH_WEIGHTS = frozenset({"CONV_2D", "DEPTHWISE_CONV_2D", "FULLY_CONNECTED", "TRANSPOSE_CONV"})
_MAX_NAMES = 4  # operators that a note names


def write(path: Path, net: RestoredNet, metadata: Metadata) -> tuple[str, ...]:
    """Writes the file; returns notes. Raises BadInputError for an operation that it lacks."""
    notes: tuple[str, ...] = ()
    if net.has_loops:
        with rebuild_net(net, _build_without_loops) as rebuilt:
            frozen = freeze(rebuilt)
        notes = ("its loops are unrolled: in them the batch would have a fixed size",)
    else:
        frozen = freeze(net)
    notes = (f"{frozen.folded} batch norms folded, {frozen.unfolded} not", *notes)
    examples = [{INPUT: example[None]} for example in net.examples]
    conversion = Conversion([INPUT], OUTPUTS, net.job.precision, examples)
    return notes + convert(path, frozen.complete(), conversion, metadata, net.job.net.name)


def _build_without_loops(job: Job) -> NetTensors:
    """Builds a net with all time steps of its LSTMs."""
    options = unroll_loops(job.net, job.options)
    return build_for_port(dataclasses.replace(job, options=options))


def run(path: Path, net: RestoredNet) -> Iterator[Run]:
    """Runs the file in the interpreter."""
    yield run_tflite(path, {INPUT: net.inputs}, OUTPUTS)


class Conversion(NamedTuple):
    """What a graph is converted between and with."""

    inputs: Sequence[str]  # placeholders
    outputs: Sequence[str]  # nodes
    precision: Precision
    examples: Sequence[Example]  # for integers


def convert(
    path: Path, graph: GraphDef, conversion: Conversion, metadata: Metadata, label: str
) -> tuple[str, ...]:
    """Writes a frozen GraphDef as TensorFlow Lite; returns notes.

    ``label``: what errors call the graph.
    Raises BadInputError for an operation that TensorFlow Lite lacks.
    """
    rewritten = split_pools(rewrite_plain(graph, label, "TensorFlow Lite"))
    is_transformer = has_attention(rewritten, conversion.inputs)
    model = _convert(rewritten, conversion, label, is_transformer)
    path.write_bytes(add_metadata(model, METADATA, json.dumps(metadata)))
    if conversion.precision.dtype != "int8":
        return ()
    count = len(conversion.examples)
    folder = conversion.precision.calibration
    [main, *_] = parse_tflite(path).graphs
    return (
        f"ranges measured on {count} example{'s' if count != 1 else ''} in {folder}",
        *_describe_floats(main, is_transformer),
    )


def _convert(graph: GraphDef, conversion: Conversion, label: str, is_transformer: bool) -> bytes:
    dtype = conversion.precision.dtype
    with tf.Graph().as_default() as imported:
        tf.import_graph_def(leave_out_values(graph), name="")
        inputs, outputs = (
            [imported.get_tensor_by_name(f"{name}:0") for name in names]
            for names in (conversion.inputs, conversion.outputs)
        )
        converter = create_converter(graph, inputs, outputs)
        if dtype != "float32":
            converter.optimizations = [tf.lite.Optimize.DEFAULT]
        if dtype == "float16":
            converter.target_spec.supported_types = [tf.float16]
        with hold_back_stderr():
            try:
                if dtype != "int8":
                    return bytes(converter.convert())
                converter.representative_dataset = lambda: (
                    [example[item.op.name].astype(item.dtype.as_numpy_dtype) for item in inputs]
                    for example in conversion.examples
                )
                return convert_to_int8(converter, _choose_float_operators(is_transformer))
            except MemoryError:
                raise
            except Exception as error:  # the converter raises plain Exceptions, and calls examples
                cause = error
    lacking = _LACKING.search(str(cause))
    if lacking:
        dtypes = [dtype for mark, dtype in _LACKING_DTYPES.items() if mark in str(cause)]
        of_dtype = f" ({dtypes[0]})" if dtypes else ""
        raise BadInputError(
            f"{label}: TensorFlow Lite has no {lacking[1]}{of_dtype}: try --to onnx, or --outputs "
            "before it"
        ) from cause
    message = f"{type(cause).__name__}: {join_lines(cause)[:200]}"
    raise BadInputError(
        f"{label} cannot be converted to TensorFlow Lite ({message}): try --to onnx"
    ) from cause


def _choose_float_operators(is_transformer: bool) -> Collection[str]:
    """Chooses the operators that stay in float32 in a model of int8.

    With attention, those without weights: layer norms, softmax and sums around it lose too much
    in eight bits.
    """
    names = set(list_operator_names().values())
    return names - _WITH_WEIGHTS if is_transformer else {_WRONG_IN_INT8}


def _describe_floats(graph: LiteGraph, is_transformer: bool) -> tuple[str, ...]:
    """Notes the operators of a quantized graph that compute in floating point."""
    names = list_operator_names()
    counts = Counter(
        operator.custom_name or names[operator.code]
        for operator in graph.operators
        if any(graph.tensors[index].dtype.startswith("float") for index in operator.outputs)
    )
    counts.pop("DEQUANTIZE", None)  # it lies between the two
    if not counts:
        return ()
    kinds = [f"{count} {name}" for name, count in counts.most_common(_MAX_NAMES)]
    kinds += ["..."] if len(counts) > _MAX_NAMES else []
    cause = (
        "attention needs it: only operators with weights are int8"
        if is_transformer
        else "they have no integer kernel that is right"
    )
    return (
        f"{counts.total()} of {len(graph.operators)} operators compute in float32: "
        f"{', '.join(kinds)} ({cause})",
    )


def run_tflite(path: Path, inputs: Mapping[str, Array], outputs: Sequence[str]) -> Run:
    """Runs a file in the interpreter.

    Integers that stand for real numbers are made of the inputs, and real numbers of the outputs.

    Args:
      path: the file.
      inputs: in its order, of the inputs' shapes; those of a file for a batch of one in one batch.
      outputs: names, in its order.
    """
    with warnings.catch_warnings(), hold_back_stderr():  # of advice and news of the runtime
        warnings.simplefilter("ignore")
        interpreter = tf.lite.Interpreter(str(path))
    details = interpreter.get_input_details()
    batch = max((len(value) for value in inputs.values() if np.ndim(value)), default=1)
    is_single = batch > 1 and all(
        np.ndim(value) and item["shape_signature"][0] == 1
        for item, value in zip(details, inputs.values(), strict=True)
    )
    batches = (
        [[value[row : row + 1] for value in inputs.values()] for row in range(batch)]
        if is_single
        else [list(inputs.values())]
    )
    try:
        with hold_back_stderr():
            runs = [_invoke(interpreter, values) for values in batches]
    except (RuntimeError, ValueError) as error:
        raise BadInputError(
            f"the interpreter cannot run {path.name}: {join_lines(error)[:200]}; try --to onnx"
        ) from error
    joined = [np.concatenate(parts) if is_single else parts[0] for parts in zip(*runs, strict=True)]
    return Run("", dict(zip(outputs, joined, strict=True)))


def _invoke(interpreter: Interpreter, values: Sequence[Array]) -> list[Array]:
    """Runs the interpreter once."""
    details = interpreter.get_input_details()
    for item, value in zip(details, values, strict=True):
        interpreter.resize_tensor_input(item["index"], value.shape)
    interpreter.allocate_tensors()
    for item, value in zip(interpreter.get_input_details(), values, strict=True):
        scale, zero_point = item["quantization"]
        if scale and value.dtype.kind == "f":
            limits = np.iinfo(item["dtype"])
            value = np.clip(np.rint(value / scale + zero_point), limits.min, limits.max)
        interpreter.set_tensor(item["index"], value.astype(item["dtype"]))
    interpreter.invoke()
    outputs = []
    for item in interpreter.get_output_details():
        value = interpreter.get_tensor(item["index"])
        scale, zero_point = item["quantization"]
        outputs.append((value.astype(np.float32) - zero_point) * scale if scale else value)
    return outputs
