"""ONNX Runtime runs what tf2onnx makes of the frozen graph, in its default session."""

from __future__ import annotations

import json
from importlib.metadata import version
from pathlib import Path

import numpy as np
import onnxruntime
from protocol import count_per_second, read_arguments, serve

arguments = read_arguments()
folder, name = Path(arguments["folder"]), arguments["net"]
facts = json.loads((folder / f"{name}.json").read_text())
options = onnxruntime.SessionOptions()
options.log_severity_level = 3
session = onnxruntime.InferenceSession(
    folder / f"{name}.onnx", options, providers=["CPUExecutionProvider"]
)
shrinking = onnxruntime.RunOptions()
shrinking.add_run_config_entry("memory.enable_memory_arena_shrinkage", "cpu:0")


def run(images, run_options=None):
    """One batch."""
    session.run([facts["output"]], {facts["input"]: images}, run_options)


measures = {}
for batch in arguments["batches"]:
    images = np.random.default_rng(0).uniform(-1, 1, (batch, *facts["shape"])).astype("f")
    measures[f"batch {batch}", "ONNX Runtime fp32"] = count_per_second(
        lambda x=images: run(x), batch, free=lambda x=images: run(x[:1], shrinking)
    )
serve(measures, {"ONNX Runtime": onnxruntime.__version__, "tf2onnx": version("tf2onnx")})
