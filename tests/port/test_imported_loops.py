"""Removes dropout in loops of TensorFlow 1, as tf.nn.DropoutWrapper builds it."""

from __future__ import annotations

import imported_models as models
import numpy as np
import pytest
from imported_models import create_job, run_frozen

from legacy_nets import tf1 as tf
from legacy_nets.graphdef.control_flow import find_unchanged_by_loops
from legacy_nets.graphdef.op_types import LOOPS
from legacy_nets.port.pipeline import port

pytestmark = pytest.mark.usefixtures("in_one_process")
X = np.linspace(-1, 1, 2 * 3 * 4, dtype=np.float32).reshape(2, 3, 4)


def recurrent_builder(**wrapper):
    """Returns a builder of an LSTM: 2 units, 3 steps, dropout with constant probabilities."""

    def build():
        x = tf.placeholder(tf.float32, [None, 3, 4], name="x")
        cell = tf.nn.rnn_cell.DropoutWrapper(tf.nn.rnn_cell.BasicLSTMCell(2), **wrapper)
        today = tf.control_flow_v2_enabled()
        tf.disable_control_flow_v2()  # TensorFlow 1 has only Enter and Exit
        try:
            steps, _ = tf.nn.dynamic_rnn(cell, x, dtype=tf.float32)
        finally:
            if today:
                tf.enable_control_flow_v2()
        tf.identity(steps, name="out")

    return build


def compute_lstm(x, kernel, bias):
    """Computes the layer without dropout: x [batch, steps, 4] gives [batch, steps, 2]."""
    c = h = np.zeros((len(x), 2))
    outputs = []
    for step in range(x.shape[1]):
        gates = np.concatenate([x[:, step], h], 1) @ kernel + bias
        i, j, f, o = np.split(gates, 4, 1)
        c = c / (1 + np.exp(-f - 1)) + np.tanh(j) / (1 + np.exp(-i))  # the forget gate's bias: 1
        h = np.tanh(c) / (1 + np.exp(-o))
        outputs.append(h)
    return np.stack(outputs, 1)


@pytest.mark.parametrize("target", ["frozen", "saved_model"])
@pytest.mark.parametrize(
    "dropouts, wrapper",
    [
        (1, {"output_keep_prob": 0.5}),
        (3, {"input_keep_prob": 0.8, "output_keep_prob": 0.5, "state_keep_prob": 0.7}),
        (1, {"output_keep_prob": 0.5, "variational_recurrent": True, "dtype": tf.float32}),
    ],
)
def test_a_constant_dropout_in_a_loop_is_removed(tmp_path, dropouts, wrapper, target):
    meta, out = models.save_model(tmp_path, recurrent_builder(**wrapper)), tmp_path / "made.pb"
    report = port(create_job(meta, out, target, outputs=("out",)))
    assert report.passed and report.worst.relative == 0
    assert any(f"{dropouts} dropouts with a constant probability" in n for n in report.notes)
    if target == "saved_model":
        return
    reader = tf.train.load_checkpoint(str(meta).removesuffix(".meta"))
    kernel, bias = (reader.get_tensor(f"rnn/basic_lstm_cell/{name}") for name in ("kernel", "bias"))
    got = run_frozen(out, {"x:0": X}, "out:0")
    np.testing.assert_allclose(got, compute_lstm(X, kernel, bias), rtol=1e-5)
    graph = tf.GraphDef.FromString(out.read_bytes())
    assert {"Enter", "Exit"} <= {node.op for node in graph.node}
    assert "RandomUniform" not in {node.op for node in graph.node}


def build_rnn():
    """An LSTM and a dense layer: the loop takes the cell's kernel and bias, and returns them."""
    x = tf.placeholder(tf.float32, [None, 3, 4], name="x")
    steps, _ = tf.nn.dynamic_rnn(tf.nn.rnn_cell.BasicLSTMCell(2), x, dtype=tf.float32)
    tf.layers.dense(steps[:, -1], 2)


def build_loop_with_weights():
    """A loop whose variables are the weights, too; its body returns one by way of two Identity."""
    x = tf.placeholder(tf.float32, [None, 4], name="x")
    w, v = (models.create_weights(4, 4, name=name) for name in "wv")

    def compute(step, y, w, v):
        return step + 1, tf.tanh(tf.matmul(y, w) @ v), tf.identity(tf.identity(w)), v

    _, y, _, _ = tf.while_loop(lambda step, *_: step < 3, compute, [0, x, w, v])
    tf.nn.softmax(y, name="out")


def build_loop_that_exchanges():
    """A loop that exchanges its two matrices: what it returns is not what it took at that place."""
    x = tf.placeholder(tf.float32, [None, 4], name="x")
    w = models.create_weights(4, 4, name="w")
    _, y, z = tf.while_loop(
        lambda step, *_: step < 3, lambda step, y, z: (step + 1, z, y), [0, x, x @ w]
    )
    tf.add(y, z, name="out")


@pytest.mark.parametrize(
    "build, shapes",
    [
        # the states c and h after the last step, and the dense layer
        (
            build_rnn,
            {
                "rnn/while/Identity_4": (2, 2),
                "rnn/while/Identity_5": (2, 2),
                "dense/BiasAdd": (2, 2),
            },
        ),
        (build_loop_with_weights, {"out": (2, 4)}),
        (build_loop_that_exchanges, {"out": (2, 4)}),
    ],
)
def test_what_a_loop_of_tensorflow_2_does_not_change_is_no_output(tmp_path, build, shapes):
    assert tf.control_flow_v2_enabled()
    meta = models.save_model(tmp_path, build)
    report = port(create_job(meta, tmp_path / "x.pb"))
    assert report.passed
    assert {item.name: item.shape for item in report.comparisons} == shapes


def test_a_loop_returns_some_tensors_as_it_took_them():
    with tf.Graph().as_default() as graph:
        x, y = (tf.placeholder(tf.float32, [2], name=name) for name in "xy")
        tf.while_loop(
            lambda step, *_: step < 3,
            lambda step, a, b, c: (step + 1, a, c, b),
            [0, x, y, x],
            name="w",
        )
    definition = graph.as_graph_def()
    [loop] = [node for node in definition.node if node.op in LOOPS]
    first = next(index for index, name in enumerate(loop.input) if name == "x")
    unchanged = find_unchanged_by_loops(definition)
    assert f"{loop.name}:{first}" in unchanged  # a
    assert not unchanged & {f"{loop.name}:{first + 1}", f"{loop.name}:{first + 2}"}  # b and c


def build_shared_keep():
    """A dropout divides by the probability, and the output is multiplied by it."""
    x = tf.placeholder(tf.float32, [None, 6], name="x")
    keep = tf.constant(0.5, name="keep")
    mask = tf.floor(keep + tf.random_uniform(tf.shape(x)))
    tf.multiply(tf.matmul(x / keep * mask, models.create_weights(6, 2, name="w")), keep, name="out")


def test_other_readers_of_the_probability_keep_it(tmp_path):
    meta, out = models.save_model(tmp_path, build_shared_keep), tmp_path / "x.pb"
    assert port(create_job(meta, out, outputs=("out",))).passed
    x = np.arange(12, dtype=np.float32).reshape(2, 6)
    w = tf.train.load_checkpoint(str(meta).removesuffix(".meta")).get_tensor("w")
    np.testing.assert_allclose(run_frozen(out, {"x:0": x}, "out:0"), x @ w * 0.5, rtol=1e-6)
