"""OpenVINO runs the net; NNCF makes integers of it."""

from __future__ import annotations

import contextlib
import io
import logging
import tempfile
from pathlib import Path

import numpy as np

from legacy_nets.engines.prepare import FrozenNet, Run
from legacy_nets.port.formats import openvino as openvino_format
from legacy_nets.port.jobs import INPUT, OUTPUTS
from legacy_nets.progress import show_status

_HINTS = {"fp32": "f32", "bf16": "bf16", "int8": "bf16"}  # int8: of what stays in float


def load(net: FrozenNet, precision: str, threads: int) -> Run:
    """Loads a frozen net into an inference request of OpenVINO; see ``Load``."""
    import openvino

    core = openvino.Core()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "net.xml")
        openvino_format.convert(path, net.graph, [INPUT], OUTPUTS, {}, net.name)
        model = core.read_model(path)
        if precision == "int8":
            model = _quantize(model, net)
        compiled = core.compile_model(
            model,
            "CPU",
            {"INFERENCE_PRECISION_HINT": _HINTS[precision], "PERFORMANCE_HINT": "LATENCY"},
        )
    request = compiled.create_infer_request()
    output = compiled.output(OUTPUTS[1])
    return lambda images: np.array(request.infer({INPUT: images}, share_inputs=True)[output])


def _quantize(model: object, net: FrozenNet) -> object:
    """Makes integers of a model's weights and activations, with ranges from the examples."""
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
        )
