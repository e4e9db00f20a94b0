"""Ways in which an untrusted graph could run unchecked operations: none of them works."""

from __future__ import annotations

import numpy as np
import pytest
from imported_models import create_job, get_port_error, run_frozen, save_frozen

from legacy_nets import anatomy
from legacy_nets import tf1 as tf
from legacy_nets.port.pipeline import port

pytestmark = pytest.mark.usefixtures("in_one_process")
X = np.arange(12, dtype=np.float32).reshape(2, 6)


def edit(path, change):
    """Calls ``change(nodes by name)`` on the graph of a .pb."""
    graph = tf.GraphDef.FromString(path.read_bytes())
    change({node.name: node for node in graph.node})
    path.write_bytes(graph.SerializeToString())
    return path


def build_doubled(name="doubled"):
    x = tf.placeholder(tf.float32, [None, 6], name="x")
    return tf.multiply(x, 2.0, name=name)


@pytest.mark.parametrize("pivot", ["pivot", "gathered"])
def test_a_control_edge_that_looks_like_a_branch_runs_nothing(tmp_path, pivot):
    def build():
        x = build_doubled()
        switch = tf.raw_ops.Switch(data=tf.constant(1.0), pred=tf.reduce_sum(x) < 1e9)
        tf.identity(switch.output_true, name="pivot")
        tf.no_op(name="gathered")
        tf.write_file(str(tmp_path / "never"), "text", name="writes")
        tf.identity(x, name="out")

    def hide(nodes):
        nodes["gathered"].input.append("^pivot")
        nodes[pivot].input.append("^writes")
        nodes["out"].input.append(f"^{pivot}")

    message = get_port_error(
        edit(save_frozen(tmp_path, build), hide), tmp_path / "x.pb", outputs=("out",)
    )
    assert "WriteFile (writes), which needs --trust" in message
    assert not (tmp_path / "never").exists()


def test_the_operands_of_a_branch_that_is_not_taken_are_not_run(tmp_path):
    secret = tmp_path / "secret"
    secret.write_text("3")

    def build():
        x = build_doubled()
        training = tf.placeholder(tf.bool, [], name="is_training")
        number = tf.string_to_number(tf.read_file(str(secret), name="reads"))
        dead = tf.raw_ops.Switch(data=number, pred=training).output_true
        live = tf.raw_ops.Switch(data=x, pred=training).output_false
        tf.identity(tf.raw_ops.Merge(inputs=[x * dead, live]).output, name="out")

    path, out = save_frozen(tmp_path, build), tmp_path / "x.pb"
    assert "ReadFile (reads), which needs --trust" in get_port_error(path, out, outputs=("out",))
    assert port(create_job(path, out, outputs=("out",), trust=True)).passed
    np.testing.assert_array_equal(run_frozen(out, {"x:0": X}, "out:0"), 2 * X)


@pytest.mark.parametrize("by_name", [True, False])
def test_functions_are_checked_however_they_are_called(tmp_path, by_name):
    @tf.function
    def body(x):
        with tf.control_dependencies([tf.write_file(str(tmp_path / "never"), "text")]):
            return tf.identity(x)

    def call(nodes):
        called = next(node for node in nodes.values() if "PartitionedCall" in node.op)
        called.op = called.attr["f"].func.name if by_name else called.op
        if by_name:
            called.attr.clear()

    path = save_frozen(tmp_path, lambda: tf.identity(body(build_doubled()), name="out"))
    message = get_port_error(edit(path, call), tmp_path / "x.pb", outputs=("out",))
    assert "WriteFile" in message and "--trust" in message
    assert not (tmp_path / "never").exists()


@pytest.mark.parametrize("in_a_function", [False, True])
def test_reading_a_graph_writes_nothing(tmp_path, in_a_function):
    folder = tmp_path / "never"

    def sized():  # TensorFlow would compute these numbers early, and write them to the folder
        sides = tf.placeholder_with_default([3, 4], [2], name="sides")
        watched = {"tensor_name": "sides:0", "debug_urls": [f"file://{folder}"]}
        return tf.fill(tf.raw_ops.DebugIdentity(input=sides, **watched), 1.0)

    def build():
        out = tf.matmul(build_doubled(), tf.ones([6, 2]), name="out")
        tf.reduce_sum(out) + tf.reduce_sum(tf.function(sized)() if in_a_function else sized())

    path = save_frozen(tmp_path, build)
    graph = tf.GraphDef.FromString(path.read_bytes())
    for nodes in (graph.node, *(body.node_def for body in graph.library.function)):
        for node in nodes:
            if node.op == "DebugIdentity":
                node.input[0] = node.input[0].replace("sides", "sides/input")
    path.write_bytes(graph.SerializeToString())
    anatomy.analyze_file_in_process(path)
    assert port(create_job(path, tmp_path / "x.pb", outputs=("out",))).passed
    assert not folder.exists()
