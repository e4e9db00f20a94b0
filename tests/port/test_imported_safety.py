"""Operations of untrusted graphs that are never run, and those that need trust."""

from __future__ import annotations

import pickle

import imported_models as models
import numpy as np
import pytest
from imported_models import create_job, get_port_error, run_frozen, save_frozen

from legacy_nets import anatomy, sandbox
from legacy_nets import tf1 as tf
from legacy_nets.port.pipeline import port

pytestmark = pytest.mark.usefixtures("in_one_process")
X = np.arange(12, dtype=np.float32).reshape(2, 6)


def make_unknown(meta, name, gives=tf.float32):
    """Turns a node of a .meta into an operation that only its exporter had."""
    graph = tf.MetaGraphDef.FromString(meta.read_bytes())
    [node] = [node for node in graph.graph_def.node if node.name == name]
    node.op = "SomeContribOp"
    node.attr.clear()
    operation = graph.meta_info_def.stripped_op_list.op.add(name=node.op)
    for index in range(len(node.input)):
        operation.input_arg.add(name=f"i{index}", type=gives.as_datatype_enum)
    operation.output_arg.add(name="o", type=gives.as_datatype_enum)
    meta.write_bytes(graph.SerializeToString())
    return meta


def build_unknown_training():
    """A net with a custom loss; a Python call, a file and an update do not belong to it."""
    x = tf.placeholder(tf.float32, [None, 6], name="x")
    y = tf.placeholder(tf.float32, [None, 3], name="y")
    hidden = tf.nn.relu(tf.matmul(x, weights := models.create_weights(6, 5)), name="hidden")
    logits = tf.matmul(hidden, models.create_weights(5, 3), name="scores")
    loss = tf.reduce_mean(tf.math.squared_difference(logits, y, name="odd"))
    seen = tf.py_func(lambda value: value, [logits], tf.float32)
    tf.summary.scalar("seen", tf.reduce_mean(seen))
    tf.write_file("never", tf.as_string(loss))
    tf.assign_sub(weights, tf.ones([6, 5]) * tf.reduce_mean(loss))


def test_operations_that_no_output_needs_are_left_out(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    meta = make_unknown(models.save_model(tmp_path, build_unknown_training), "odd")
    report = port(create_job(meta, tmp_path / "x.pb"))
    assert report.passed
    assert {item.name for item in report.comparisons} == {"scores"}
    assert any("left out" in note and "SomeContribOp" in note for note in report.notes)
    assert not (tmp_path / "never").exists()
    values = tf.train.load_checkpoint(str(meta).removesuffix(".meta"))
    want = np.maximum(X @ values.get_tensor("Variable"), 0) @ values.get_tensor("Variable_1")
    np.testing.assert_allclose(
        run_frozen(tmp_path / "x.pb", {"x:0": X}, "scores:0"), want, rtol=1e-5
    )


def test_an_unknown_operation_that_an_output_needs_is_named(tmp_path):
    meta, out = models.save_model(tmp_path, build_unknown_training), tmp_path / "x.pb"
    make_unknown(meta, "hidden")
    message = get_port_error(meta, out)
    assert "SomeContribOp (hidden), which this TensorFlow does not have" in message
    assert "SomeContribOp (hidden)" in get_port_error(meta, out, trust=True)
    assert port(create_job(meta, out, inputs=("hidden",), shapes={"hidden": "?,5"})).passed
    assert port(create_job(meta, out, outputs=("MatMul",))).passed


def test_the_last_operation_of_a_frozen_graph_may_be_unknown(tmp_path):
    def build():
        x = tf.placeholder(tf.float32, [None, 6], name="x")
        tf.identity(tf.matmul(x, tf.ones([6, 2]), name="boxes"), name="detections")

    path, out = save_frozen(tmp_path, build), tmp_path / "x.pb"
    graph = tf.GraphDef.FromString(path.read_bytes())
    graph.node[-1].op = "SomeCustomOp"
    graph.node[-1].attr.clear()
    path.write_bytes(graph.SerializeToString())
    assert "SomeCustomOp (detections)" in get_port_error(path, out)
    assert port(create_job(path, out, outputs=("boxes",))).passed
    np.testing.assert_array_equal(run_frozen(out, {"x:0": X}, "boxes:0"), X @ np.ones([6, 2]))


def build_python_call():
    x = tf.placeholder(tf.float32, [None, 6], name="x")
    seen = tf.py_func(lambda value: value, [tf.matmul(x, models.create_weights(6, 2))], tf.float32)
    tf.matmul(seen, models.create_weights(2, 3), name="out")


@pytest.mark.parametrize("trust", [False, True])
def test_a_python_call_is_refused(tmp_path, trust):
    meta, out = models.save_model(tmp_path, build_python_call), tmp_path / "x.pb"
    message = get_port_error(meta, out, outputs=("out",), trust=trust)
    assert "PyFunc (PyFunc), which calls a Python function" in message and "--inputs" in message
    assert "--trust" not in message


@pytest.mark.parametrize("target", ["frozen", "saved_model"])
def test_a_file_is_read_if_trusted(tmp_path, target):
    number = tmp_path / "number"
    number.write_text("3.5")

    def build():
        x = tf.placeholder(tf.float32, [None, 6], name="x")
        tf.multiply(x, tf.string_to_number(tf.read_file(str(number))), name="out")

    path, out = save_frozen(tmp_path, build), tmp_path / "out"
    assert "ReadFile (ReadFile)" in get_port_error(path, out, target=target, outputs=("out",))
    report = port(create_job(path, out, target, outputs=("out",), trust=True))
    assert report.passed and report.worst.absolute == 0
    if target == "frozen":
        number.write_text("2")
        np.testing.assert_array_equal(run_frozen(out, {"x:0": X}, "out:0"), 2 * X)


def test_an_anatomy_comes_from_a_sandbox(tmp_path, monkeypatch):
    meta = models.save_model(tmp_path, models.build_classifier)
    graph = tf.MetaGraphDef.FromString(meta.read_bytes())
    wrong = next(node for node in graph.graph_def.node if node.name.endswith("MatMul_grad/MatMul"))
    del wrong.attr["_output_shapes"].list.shape[:]  # TensorFlow 1 did so for batch norms
    wrong.attr["_output_shapes"].list.shape.add().dim.add(size=7)
    meta.write_bytes(graph.SerializeToString())
    asked = []

    def run_sandboxed(function, *arguments, label, **_):
        asked.append(label)
        return pickle.loads(pickle.dumps(function))(*arguments)

    monkeypatch.setattr(sandbox, "run_sandboxed", run_sandboxed)
    layers = anatomy.analyze_file(meta)
    assert asked == [str(meta)]
    assert layers.parameters == 6 * 5 + 5 + 5 * 3 + 3
    assert pickle.loads(pickle.dumps(layers)).layers == layers.layers
