"""ONNX Runtime runs the net, written as ONNX."""

from __future__ import annotations

import tempfile
from pathlib import Path

from legacy_nets.engines.prepare import FrozenNet, Run
from legacy_nets.port.formats import onnx
from legacy_nets.port.formats.frozen import Folded
from legacy_nets.port.jobs import INPUT, OUTPUTS
from legacy_nets.processor import examine_processor


def load(net: FrozenNet, precision: str, threads: int) -> Run:
    """Loads a frozen net into a session of ONNX Runtime; see ``Load``."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3  # errors
    options.intra_op_num_threads = examine_processor().cores or 0
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "net.onnx")
        onnx.convert(path, Folded(net.graph, 0, 0), [INPUT], OUTPUTS, {}, net.name)
        session = onnxruntime.InferenceSession(
            str(path), options, providers=["CPUExecutionProvider"]
        )
    return lambda images: session.run([OUTPUTS[1]], {INPUT: images})[0]
