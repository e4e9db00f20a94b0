"""A port whose two sides differ is run once more without TensorFlow's own optimisations."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys

import imported_models as models
import numpy as np
import port_cases
import pytest
from imported_models import create_job

from legacy_nets import registry
from legacy_nets import tf1 as tf
from legacy_nets.port import convert_net
from legacy_nets.port.formats.frozen import Folded
from legacy_nets.port.imported import targets
from legacy_nets.port.pipeline import port
from legacy_nets.tf1.contrib import rnn

pytestmark = pytest.mark.slow

NOTE = "without its graph optimiser and without oneDNN, "


def freeze_layer_norm_lstm(path):
    """A layer norm in a loop: oneDNN computes it otherwise, by some percent."""
    uses_v2 = tf.control_flow_v2_enabled()
    tf.disable_control_flow_v2()  # TensorFlow 1 has only Enter and Exit
    try:
        with tf.Graph().as_default() as graph, tf.Session() as session:
            x = tf.placeholder(tf.float32, [None, 6, 4], name="x")
            cell = rnn.LayerNormBasicLSTMCell(5)
            steps, _ = tf.nn.dynamic_rnn(cell, x, dtype=tf.float32)
            tf.identity(steps, name="out")
            for index, variable in enumerate(tf.global_variables()):
                random = np.random.default_rng(index)
                variable.load(random.uniform(-1, 1, variable.shape.as_list()), session)
            frozen = tf.graph_util.convert_variables_to_constants(
                session, graph.as_graph_def(), ["out"]
            )
    finally:
        if uses_v2:
            tf.enable_control_flow_v2()
    path.write_bytes(frozen.SerializeToString())


ASK = """
import os
from legacy_nets import tf1
from legacy_nets.processor import uses_onednn
from legacy_nets.quiet import quiet_tensorflow
quiet_tensorflow(uses_onednn=True)  # as commands and legacy_nets.fast do: too late here
from tensorflow.python.util import _pywrap_util_port
print(_pywrap_util_port.IsMklEnabled(), uses_onednn(), os.environ.get("TF_ENABLE_ONEDNN_OPTS"))
"""


@pytest.mark.parametrize(
    ("before", "given", "want"),
    [
        ("", None, "False False None"),  # programs that this one starts choose for themselves
        ("", "1", "True True 1"),
        ("", "0", "False False 0"),
        ("import tensorflow", None, "(True|False) True None"),  # too late to choose
    ],
)
def test_onednn_is_off_in_this_process_unless_the_user_has_chosen(before, given, want):
    environment = {n: text for n, text in os.environ.items() if n != "TF_ENABLE_ONEDNN_OPTS"}
    if given is not None:
        environment["TF_ENABLE_ONEDNN_OPTS"] = given
    command = [sys.executable, "-c", before + ASK]
    done = subprocess.run(command, env=environment, capture_output=True, text=True)
    assert re.fullmatch(want, done.stdout.strip()), done.stdout + done.stderr


@pytest.mark.slow
def test_where_onednn_makes_the_reference_wrong_the_second_run_decides(tmp_path):
    written = port_with_onednn(tmp_path, "1")
    assert written["passed"] and NOTE + "both sides agree" in written["notes"][-1]
    assert max(item["relative"] for item in written["comparisons"]) < 1e-5


@pytest.mark.slow
def test_without_onednn_the_reference_is_right_at_once(tmp_path):
    written = port_with_onednn(tmp_path, None)
    assert written["passed"] and not any(NOTE in note for note in written["notes"])
    assert max(item["relative"] for item in written["comparisons"]) < 1e-6


def port_with_onednn(folder, value):
    """Ports a layer norm in a loop to ONNX with TF_ENABLE_ONEDNN_OPTS; returns the report."""
    model = folder / "model.pb"
    freeze_layer_norm_lstm(model)
    report = folder / "report.json"
    others = {name: text for name, text in os.environ.items() if name != "TF_ENABLE_ONEDNN_OPTS"}
    command = [sys.executable, "-m", "legacy_nets", "port", f"{model}", "--to", "onnx"]
    done = subprocess.run(
        [*command, "--out", f"{folder}/x.onnx", "--report", f"{report}"],
        env={**others, "TF_ENABLE_ONEDNN_OPTS": value} if value else others,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return json.loads(report.read_text())


@pytest.mark.usefixtures("in_one_process")
def test_a_target_that_is_wrong_differs_in_both_runs(tmp_path, monkeypatch):
    """A broken fold of batch norms: the second run says that the optimiser is not to blame."""

    def scale_constants(graph, outputs):
        for node in graph.node:
            if node.name == "w":
                value = tf.make_ndarray(node.attr["value"].tensor) * np.float32(1.5)
                node.attr["value"].tensor.CopyFrom(tf.make_tensor_proto(value))
        return Folded(graph, 0, 0)

    def build():
        x = tf.placeholder(tf.float32, [None, 4], name="x")
        tf.matmul(x, models.create_weights(4, 3, name="w"), name="out")

    monkeypatch.setattr(targets.frozen, "fold_batch_norms", scale_constants)
    meta = models.save_model(tmp_path, build)
    report = port(create_job(meta, tmp_path / "x.pb"))
    assert not report.passed and not (tmp_path / "x.pb").exists()
    assert "out differs by 0.5 of the largest value" in report.notes[-1]
    assert report.notes[-1].endswith(NOTE + "it differs, too")


@pytest.mark.usefixtures("tiny_nets", "optimiser")
@pytest.mark.parametrize("is_target_wrong", [False, True])
def test_nets_of_the_registry_are_run_once_more_too(tmp_path, monkeypatch, is_target_wrong):
    """The graph is wrong where oneDNN is on, or always."""
    run = convert_net.compare_runs

    def compare(reference, runs, *given):
        if is_target_wrong or os.environ["TF_ENABLE_ONEDNN_OPTS"] == "1":
            reference = {name: value * np.float32(1.5) for name, value in reference.items()}
        return run(reference, runs, *given)

    monkeypatch.setattr(convert_net, "compare_runs", compare)
    monkeypatch.setattr(
        convert_net, "run_sandboxed", lambda function, *arguments, **_: function(*arguments)
    )
    prefix = port_cases.save(tmp_path, "tiny", num_classes=6)
    size = registry.get_net("tiny").image_size
    out = tmp_path / "x.pb"
    report = port(port_cases.job(prefix, "tiny", "frozen", out, size, {}, 6))
    assert report.passed is out.exists() is not is_target_wrong
    end = "it differs, too" if is_target_wrong else "both sides agree"
    assert report.notes[-1].endswith(NOTE + end)
    assert "differs by 0.33 of the largest value" in report.notes[-1]


@pytest.mark.slow
def test_the_second_run_of_a_net_is_in_a_process_of_its_own(tmp_path):
    prefix = port_cases.save(tmp_path, "demo_cnn")
    command = [sys.executable, "-m", "legacy_nets", "port", prefix, "--net", "demo_cnn"]
    done = subprocess.run(
        [*command, "--num-classes", "5", "--to", "keras", "--out", f"{tmp_path}/x.keras"]
        + ["--tolerance", "1e-12"],
        capture_output=True,
        text=True,
    )
    assert done.returncode == 1, done.stdout + done.stderr
    assert NOTE + "it differs, too" in done.stdout
    assert not (tmp_path / "x.keras").exists()
