"""Ways on which a stranger's graph could run what was not looked at: none of them does."""

from __future__ import annotations

import numpy as np
import pytest
from imported_models import frozen, job, refused, run

from legacy_nets import anatomy
from legacy_nets import tf1 as tf
from legacy_nets.port.pipeline import port

pytestmark = pytest.mark.usefixtures("in_one_process")
X = np.arange(12, dtype=np.float32).reshape(2, 6)


def edited(path, change):
    """A .pb after ``change(nodes by name)``."""
    graph = tf.GraphDef.FromString(path.read_bytes())
    change({node.name: node for node in graph.node})
    path.write_bytes(graph.SerializeToString())
    return path


def doubled(name="doubled"):
    x = tf.placeholder(tf.float32, [None, 6], name="x")
    return tf.multiply(x, 2.0, name=name)


@pytest.mark.parametrize("pivot", ["pivot", "gathered"])
def test_a_control_edge_that_looks_like_a_branch_runs_nothing(tmp_path, pivot):
    def build():
        x = doubled()
        switch = tf.raw_ops.Switch(data=tf.constant(1.0), pred=tf.reduce_sum(x) < 1e9)
        tf.identity(switch.output_true, name="pivot")
        tf.no_op(name="gathered")
        tf.write_file(str(tmp_path / "never"), "text", name="writes")
        tf.identity(x, name="out")

    def hide(nodes):
        nodes["gathered"].input.append("^pivot")
        nodes[pivot].input.append("^writes")
        nodes["out"].input.append(f"^{pivot}")

    said = refused(edited(frozen(tmp_path, build), hide), tmp_path / "x.pb", outputs=("out",))
    assert "WriteFile (writes), which needs --trust" in said
    assert not (tmp_path / "never").exists()


def test_what_feeds_a_branch_that_is_not_taken_is_not_read(tmp_path):
    secret = tmp_path / "secret"
    secret.write_text("3")

    def build():
        x = doubled()
        training = tf.placeholder(tf.bool, [], name="is_training")
        number = tf.string_to_number(tf.read_file(str(secret), name="reads"))
        dead = tf.raw_ops.Switch(data=number, pred=training).output_true
        live = tf.raw_ops.Switch(data=x, pred=training).output_false
        tf.identity(tf.raw_ops.Merge(inputs=[x * dead, live]).output, name="out")

    path, out = frozen(tmp_path, build), tmp_path / "x.pb"
    assert "ReadFile (reads), which needs --trust" in refused(path, out, outputs=("out",))
    assert port(job(path, out, outputs=("out",), trust=True)).passed
    np.testing.assert_array_equal(run(out, {"x:0": X}, "out:0"), 2 * X)


@pytest.mark.parametrize("by_name", [True, False])
def test_a_function_is_looked_into_however_it_is_called(tmp_path, by_name):
    @tf.function
    def body(x):
        with tf.control_dependencies([tf.write_file(str(tmp_path / "never"), "text")]):
            return tf.identity(x)

    def call(nodes):
        called = next(node for node in nodes.values() if "PartitionedCall" in node.op)
        called.op = called.attr["f"].func.name if by_name else called.op
        if by_name:
            called.attr.clear()

    path = frozen(tmp_path, lambda: tf.identity(body(doubled()), name="out"))
    said = refused(edited(path, call), tmp_path / "x.pb", outputs=("out",))
    assert "WriteFile" in said and "--trust" in said
    assert not (tmp_path / "never").exists()


@pytest.mark.parametrize("in_a_function", [False, True])
def test_reading_a_graph_writes_nothing(tmp_path, in_a_function):
    folder = tmp_path / "never"

    def sized():  # by numbers that TensorFlow would compute ahead, and write to the folder
        sides = tf.placeholder_with_default([3, 4], [2], name="sides")
        watched = {"tensor_name": "sides:0", "debug_urls": [f"file://{folder}"]}
        return tf.fill(tf.raw_ops.DebugIdentity(input=sides, **watched), 1.0)

    def build():
        out = tf.matmul(doubled(), tf.ones([6, 2]), name="out")
        tf.reduce_sum(out) + tf.reduce_sum(tf.function(sized)() if in_a_function else sized())

    path = frozen(tmp_path, build)
    graph = tf.GraphDef.FromString(path.read_bytes())
    for nodes in (graph.node, *(body.node_def for body in graph.library.function)):
        for node in nodes:
            if node.op == "DebugIdentity":
                node.input[0] = node.input[0].replace("sides", "sides/input")
    path.write_bytes(graph.SerializeToString())
    anatomy.analyze_file_in_process(path)
    assert port(job(path, tmp_path / "x.pb", outputs=("out",))).passed
    assert not folder.exists()
