"""OpenVINO runs the net; NNCF makes integers of it.

A batch runs in two parts side by side, each on half of the cores: they wait for each other once,
and not after each layer.
"""

from __future__ import annotations

import contextlib
import io
import logging
import tempfile
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from legacy_nets.engines.prepare import FrozenNet, Run
from legacy_nets.port.formats import openvino as openvino_format
from legacy_nets.port.jobs import INPUT, OUTPUTS
from legacy_nets.progress import show_status
from legacy_nets.types import Array

if TYPE_CHECKING:
    from openvino import Model, Node

_WITH_WEIGHTS = ("Convolution", "GroupConvolution", "MatMul")
_PARTS = 2
_HINTS = {"fp32": "f32", "bf16": "bf16", "int8": "bf16"}  # int8: of what stays in float


def load(net: FrozenNet, precision: str, threads: int) -> Run:
    """Loads a frozen net into inference requests of OpenVINO; see ``Load``."""
    import openvino

    parts = min(_PARTS, net.batch)
    streams = {"NUM_STREAMS": parts} if parts > 1 else {"PERFORMANCE_HINT": "LATENCY"}
    config = {"INFERENCE_PRECISION_HINT": _HINTS[precision], **streams}
    core = openvino.Core()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "net.xml")
        openvino_format.convert(path, net.graph, [INPUT], OUTPUTS, {}, net.name)
        model = core.read_model(path)
        if precision == "int8":
            model = _quantize(model, net)
        compiled = core.compile_model(model, "CPU", config)
    requests = [compiled.create_infer_request() for _ in range(parts)]
    output = compiled.output(OUTPUTS[1])

    def run(images: Array) -> Array:
        pieces = np.array_split(images, min(parts, len(images)))
        busy = requests[: len(pieces)]
        for request, piece in zip(busy, pieces, strict=True):
            request.start_async({INPUT: piece}, share_inputs=True)
        for request in busy:
            request.wait()
        return np.concatenate([request.get_tensor(output).data for request in busy])

    return run


def _quantize(model: Model, net: FrozenNet) -> Model:
    """Makes integers of a model's weights and activations, with ranges from the examples.

    The first and the last layers stay in floating point: they do little of the work, and most of
    the difference comes from the last one.
    """
    import nncf

    logging.getLogger("nncf").setLevel(logging.ERROR)
    examples = [{INPUT: example[None]} for example in net.examples]
    with (
        show_status(f"measuring the ranges of {net.name} on {len(examples)} examples"),
        contextlib.redirect_stdout(io.StringIO()),  # its bars would be in the output of commands
    ):
        return nncf.quantize(
            model,
            nncf.Dataset(examples),
            subset_size=len(examples),
            model_type=nncf.ModelType.TRANSFORMER if net.has_attention else None,
            ignored_scope=nncf.IgnoredScope(names=find_outer_layers(model)),
        )


def find_outer_layers(model: Model) -> list[str]:
    """Finds the layers with weights that no other one is before, or after: their names.

    There are none where that would be all layers.
    """
    first = _find_layers(model.get_parameters(), _list_readers)
    last = _find_layers(model.get_results(), _list_operands)
    count = sum(node.get_type_name() in _WITH_WEIGHTS for node in model.get_ops())
    outer = first | last
    return sorted(outer) if len(outer) < count else []


def _find_layers(ends: Iterable[Node], step: Callable[[Node], Iterable[Node]]) -> set[str]:
    """Walks from the ends of a model to the nearest layers with weights."""
    found: set[str] = set()
    seen: set[str] = set()
    ahead = list(ends)
    while ahead:
        node = ahead.pop()
        name = node.get_friendly_name()
        if node.get_type_name() in _WITH_WEIGHTS:
            found.add(name)
        elif name not in seen:
            ahead += step(node)
        seen.add(name)
    return found


def _list_readers(node: Node) -> list[Node]:
    return [item.get_node() for output in node.outputs() for item in output.get_target_inputs()]


def _list_operands(node: Node) -> list[Node]:
    return [value.get_node() for value in node.input_values()]
