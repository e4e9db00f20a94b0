"""ONNX Runtime runs what tf2onnx makes of the frozen graph, in its default session."""

from __future__ import annotations

import json
import os
import tempfile
from pathlib import Path

os.environ["CUDA_VISIBLE_DEVICES"] = ""

import numpy as np
import onnxruntime
import tensorflow as tf
import tf2onnx
from protocol import count_per_second, read_arguments, serve

arguments = read_arguments()
folder, name = Path(arguments["folder"]), arguments["net"]
facts = json.loads((folder / f"{name}.json").read_text())
graph_def = tf.compat.v1.GraphDef.FromString((folder / f"{name}.pb").read_bytes())
with tempfile.TemporaryDirectory() as scratch:
    path = os.path.join(scratch, "net.onnx")
    tf2onnx.convert.from_graph_def(
        graph_def,
        input_names=[facts["input"]],
        output_names=[facts["output"]],
        opset=17,
        output_path=path,
    )
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
measures = {}
for batch in arguments["batches"]:
    images = np.random.default_rng(0).uniform(-1, 1, (batch, *facts["shape"])).astype("f")
    measures[f"batch {batch}", "ONNX Runtime fp32"] = count_per_second(
        lambda x=images: session.run([facts["output"]], {facts["input"]: x}), batch
    )
serve(measures, {"ONNX Runtime": onnxruntime.__version__, "tf2onnx": tf2onnx.__version__})
