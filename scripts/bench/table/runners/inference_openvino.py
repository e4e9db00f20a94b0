"""OpenVINO converts the frozen graph itself and runs it: fp32 and bf16."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import openvino
from protocol import count_per_second, read_arguments, serve, try_each

arguments = read_arguments()
folder, name = Path(arguments["folder"]), arguments["net"]
facts = json.loads((folder / f"{name}.json").read_text())
shape = facts["shape"]
model = openvino.convert_model(folder / f"{name}.pb")
core = openvino.Core()


def make(precision, hint):
    """Compiles the model; measures of each batch size."""
    compiled = core.compile_model(
        model, "CPU", {"INFERENCE_PRECISION_HINT": hint, "PERFORMANCE_HINT": "LATENCY"}
    )
    request = compiled.create_infer_request()
    measures = {}
    for batch in arguments["batches"]:
        images = np.random.default_rng(0).uniform(-1, 1, (batch, *shape)).astype("f")
        run = count_per_second(
            lambda x=images: request.infer([x], share_inputs=True),
            batch,
            free=compiled.release_memory,
        )
        measures[f"batch {batch}", f"OpenVINO {precision}"] = run
    return measures


measures, failed = try_each(
    {f"OpenVINO {p}": lambda p=p, h=h: make(p, h) for p, h in (("fp32", "f32"), ("bf16", "bf16"))}
)
serve(measures, {"OpenVINO": openvino.__version__.split("-")[0]}, failed)
