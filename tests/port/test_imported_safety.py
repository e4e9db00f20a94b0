"""What of a stranger's graph is never run, and what is run on trust."""

from __future__ import annotations

import pickle

import imported_models as models
import numpy as np
import pytest
from imported_models import frozen, job, refused, run

from legacy_nets import anatomy, sandbox
from legacy_nets import tf1 as tf
from legacy_nets.port.pipeline import port

pytestmark = pytest.mark.usefixtures("in_one_process")
X = np.arange(12, dtype=np.float32).reshape(2, 6)


def strange(meta, name, gives=tf.float32):
    """Makes a node of a .meta one of an operation that nobody has, as its exporter had it."""
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


def trained_strangely():
    """A loss of an operation of its own; Python, a file and an update beside the net."""
    x = tf.placeholder(tf.float32, [None, 6], name="x")
    y = tf.placeholder(tf.float32, [None, 3], name="y")
    hidden = tf.nn.relu(tf.matmul(x, weights := models.weights(6, 5)), name="hidden")
    logits = tf.matmul(hidden, models.weights(5, 3), name="scores")
    loss = tf.reduce_mean(tf.math.squared_difference(logits, y, name="odd"))
    seen = tf.py_func(lambda value: value, [logits], tf.float32)
    tf.summary.scalar("seen", tf.reduce_mean(seen))
    tf.write_file("never", tf.as_string(loss))
    tf.assign_sub(weights, tf.ones([6, 5]) * tf.reduce_mean(loss))


def test_what_no_output_needs_is_left_out(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    meta = strange(models.save(tmp_path, trained_strangely), "odd")
    report = port(job(meta, tmp_path / "x.pb"))
    assert report.passed
    assert {item.name for item in report.comparisons} == {"scores"}
    assert any("left out" in note and "SomeContribOp" in note for note in report.notes)
    assert not (tmp_path / "never").exists()
    values = tf.train.load_checkpoint(str(meta).removesuffix(".meta"))
    want = np.maximum(X @ values.get_tensor("Variable"), 0) @ values.get_tensor("Variable_1")
    np.testing.assert_allclose(run(tmp_path / "x.pb", {"x:0": X}, "scores:0"), want, rtol=1e-5)


def test_what_an_output_needs_is_named(tmp_path):
    meta, out = models.save(tmp_path, trained_strangely), tmp_path / "x.pb"
    strange(meta, "hidden")
    said = refused(meta, out)
    assert "SomeContribOp (hidden), which this TensorFlow does not have" in said
    assert "SomeContribOp (hidden)" in refused(meta, out, trust=True)
    assert port(job(meta, out, inputs=("hidden",), shapes={"hidden": "?,5"})).passed
    assert port(job(meta, out, outputs=("MatMul",))).passed


def test_the_last_operation_of_a_frozen_graph_may_be_unknown(tmp_path):
    def build():
        x = tf.placeholder(tf.float32, [None, 6], name="x")
        tf.identity(tf.matmul(x, tf.ones([6, 2]), name="boxes"), name="detections")

    path, out = frozen(tmp_path, build), tmp_path / "x.pb"
    graph = tf.GraphDef.FromString(path.read_bytes())
    graph.node[-1].op = "SomeCustomOp"
    graph.node[-1].attr.clear()
    path.write_bytes(graph.SerializeToString())
    assert "SomeCustomOp (detections)" in refused(path, out)
    assert port(job(path, out, outputs=("boxes",))).passed
    np.testing.assert_array_equal(run(out, {"x:0": X}, "boxes:0"), X @ np.ones([6, 2]))


def calls_python():
    x = tf.placeholder(tf.float32, [None, 6], name="x")
    seen = tf.py_func(lambda value: value, [tf.matmul(x, models.weights(6, 2))], tf.float32)
    tf.matmul(seen, models.weights(2, 3), name="out")


@pytest.mark.parametrize("trust", [False, True])
def test_no_file_holds_what_calls_python(tmp_path, trust):
    meta, out = models.save(tmp_path, calls_python), tmp_path / "x.pb"
    said = refused(meta, out, outputs=("out",), trust=trust)
    assert "PyFunc (PyFunc), which calls a Python function" in said and "--inputs" in said
    assert "--trust" not in said


@pytest.mark.parametrize("target", ["frozen", "saved_model"])
def test_a_file_is_read_on_trust(tmp_path, target):
    number = tmp_path / "number"
    number.write_text("3.5")

    def build():
        x = tf.placeholder(tf.float32, [None, 6], name="x")
        tf.multiply(x, tf.string_to_number(tf.read_file(str(number))), name="out")

    path, out = frozen(tmp_path, build), tmp_path / "out"
    assert "ReadFile (ReadFile)" in refused(path, out, target=target, outputs=("out",))
    report = port(job(path, out, target, outputs=("out",), trust=True))
    assert report.passed and report.worst.absolute == 0
    if target == "frozen":
        number.write_text("2")
        np.testing.assert_array_equal(run(out, {"x:0": X}, "out:0"), 2 * X)


def test_an_anatomy_comes_out_of_a_child(tmp_path, monkeypatch):
    meta = models.save(tmp_path, models.classifier)
    graph = tf.MetaGraphDef.FromString(meta.read_bytes())
    wrong = next(node for node in graph.graph_def.node if node.name.endswith("MatMul_grad/MatMul"))
    del wrong.attr["_output_shapes"].list.shape[:]  # as TensorFlow 1 says of batch norms' gradients
    wrong.attr["_output_shapes"].list.shape.add().dim.add(size=7)
    meta.write_bytes(graph.SerializeToString())
    asked = []

    def run_sandboxed(function, *arguments, label, **_):
        asked.append(label)
        return pickle.loads(pickle.dumps(function))(*arguments)

    monkeypatch.setattr(sandbox, "run_sandboxed", run_sandboxed)
    found = anatomy.analyze_file(meta)
    assert asked == [str(meta)]
    assert found.parameters == 6 * 5 + 5 + 5 * 3 + 3
    assert pickle.loads(pickle.dumps(found)).layers == found.layers
