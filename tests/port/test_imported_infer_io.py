"""Infers the inputs and outputs of graphs without a signature, and their shapes."""

from __future__ import annotations

import contextlib
import shutil

import imported_models as models
import numpy as np
import pytest
from imported_models import create_job, get_port_error, run_frozen

from legacy_nets import tf1 as tf
from legacy_nets.errors import CheckpointError
from legacy_nets.port.jobs import ImportedJob, find_graph_checkpoint
from legacy_nets.port.pipeline import port

pytestmark = pytest.mark.usefixtures("in_one_process")


@contextlib.contextmanager
def use_v1_control_flow():
    today = tf.control_flow_v2_enabled()
    tf.disable_control_flow_v2()
    try:
        yield
    finally:
        if today:
            tf.enable_control_flow_v2()


def build_sentences():
    """A loop over time with sequence lengths. Nodes before and in the loop are no outputs."""
    words = tf.placeholder(tf.int32, [None, 7], name="words")
    lengths = tf.placeholder(tf.int32, [None], name="lengths")
    looked_up = tf.nn.embedding_lookup(models.create_weights(9, 4), words)
    with use_v1_control_flow():
        cell = tf.nn.rnn_cell.GRUCell(4)
        _, state = tf.nn.dynamic_rnn(cell, looked_up, lengths, dtype=tf.float32)
    tf.matmul(state, models.create_weights(4, 2), name="scores")


def build_branched():
    """A summary reads a node in a branch of unknown condition; a loss takes a logarithm."""
    x = tf.placeholder(tf.float32, [None, 6], name="x")
    y = tf.placeholder(tf.float32, [None, 3], name="y")
    hidden = tf.matmul(x, models.create_weights(6, 3))
    with use_v1_control_flow():

        def seen():
            tf.summary.histogram("seen", tf.maximum(hidden, 0.5))
            return hidden * 2.0

        hidden = tf.cond(tf.reduce_sum(x) > 0, seen, lambda: hidden)
    answer = tf.nn.softmax(hidden, name="answer")
    tf.train.AdamOptimizer().minimize(-tf.reduce_sum(y * tf.log(answer)))


@pytest.mark.parametrize(
    "build, outputs",
    [(build_sentences, {"rnn/transpose_1", "scores"}), (build_branched, {"answer"})],
)
def test_inner_nodes_are_no_outputs(tmp_path, build, outputs):
    report = port(create_job(models.save_model(tmp_path, build), tmp_path / "x.pb"))
    assert report.passed and {item.name for item in report.comparisons} == outputs


def build_line():
    """Linear regression, as the first tutorial has it: nothing has a shape."""
    x, y = tf.placeholder(tf.float32, name="x"), tf.placeholder(tf.float32, name="y")
    prediction = tf.add(
        x * models.create_weights(name="w"), models.create_weights(name="b"), name="prediction"
    )
    tf.train.GradientDescentOptimizer(0.1).minimize(tf.reduce_sum(tf.pow(prediction - y, 2)) / 34.0)


def build_reshaped():
    x = tf.placeholder(tf.float32, name="x")
    rows = tf.reshape(x / 255.0, [-1, 2, 3])
    tf.reduce_sum(rows * models.create_weights(3), 1, name="prediction")


def build_lookup():
    table = models.create_weights(9, 4)
    tf.nn.l2_normalize(tf.gather(table, tf.placeholder(tf.int32, name="x")), -1, name="prediction")


@pytest.mark.parametrize(
    "build, shape", [(build_line, "[?]"), (build_reshaped, "[?, 2, 3]"), (build_lookup, "[?]")]
)
def test_a_shape_that_no_layer_tells(tmp_path, build, shape):
    report = port(create_job(models.save_model(tmp_path, build), tmp_path / "x.pb"))
    assert report.passed and {item.name for item in report.comparisons} == {"prediction"}
    assert any(note.startswith(f"input x {shape} ") for note in report.notes)


def build_steps():
    """One number is the number of steps of each row."""
    x = tf.placeholder(tf.float32, [1, None, 6], name="x")
    count = tf.placeholder(tf.int32, [], name="count")
    kept = tf.reshape(x, tf.stack([1, count, 6]))
    tf.matmul(tf.reduce_sum(kept, 1), models.create_weights(6, 2), name="out")


def test_a_single_integer_may_be_the_sequence_length(tmp_path):
    meta, out = models.save_model(tmp_path, build_steps), tmp_path / "x.pb"
    report = port(create_job(meta, out))
    assert report.passed and "input count [] int32" in report.notes
    weights = tf.train.load_checkpoint(str(meta).removesuffix(".meta")).get_tensor("Variable")
    x = np.arange(24, dtype=np.float32).reshape(1, 4, 6)
    got = run_frozen(out, {"x:0": x, "count:0": 4}, "out:0")
    np.testing.assert_allclose(got, x.sum(1) @ weights, rtol=1e-5)


def build_constant_data():
    data = tf.identity(tf.ones([5, 6]), name="data")
    tf.matmul(data, models.create_weights(6, 2), name="out")


def test_constant_data_need_a_name(tmp_path):
    meta, out = models.save_model(tmp_path, build_constant_data), tmp_path / "x.pb"
    assert (
        "has no input" in (message := get_port_error(meta, out)) and "use --inputs NAME" in message
    )
    report = port(create_job(meta, out, inputs=("data",)))
    assert report.passed and {item.name for item in report.comparisons} == {"out"}


def test_a_checkpoint_without_all_variables_is_refused(tmp_path):
    meta = models.save_model(tmp_path, build_line)
    prefix = str(meta).removesuffix(".meta")
    with tf.Graph().as_default(), tf.Session() as session:
        build_line()
        session.run(tf.global_variables_initializer())
        tf.train.Saver(tf.global_variables()[:1]).save(session, prefix, write_state=False)
    message = get_port_error(meta, tmp_path / "x.pb", CheckpointError)
    assert "no values for 1 variables that the outputs need, the first b" in message


def test_the_nearest_names_are_suggested(tmp_path):
    meta, out = models.save_model(tmp_path, models.build_classifier), tmp_path / "x.pb"
    assert "nearest: keep_prob" in get_port_error(meta, out, settings={"keep_probs": "1"})
    assert "it has x, y, keep_prob" in get_port_error(meta, out, settings={"zzz": "1"})
    assert "nearest: scores" in get_port_error(meta, out, outputs=("score",))
    for missing in (tmp_path / "model.ckt.meta", tmp_path / "model.ckt.pb"):
        with pytest.raises(CheckpointError, match="no such file .*; nearest: model.ckpt.meta"):
            find_graph_checkpoint(missing)
    shutil.copy(meta, tmp_path / "other.meta")
    gone = ImportedJob(tmp_path / "othr.meta", find_graph_checkpoint(meta), "frozen", out)
    with pytest.raises(CheckpointError, match="othr.meta: no such file .*; nearest: other.meta"):
        port(gone)


@pytest.mark.parametrize("idle", ["y", "keep_prob"])
def test_an_unused_input_is_named(tmp_path, idle):
    meta = models.save_model(tmp_path, models.build_classifier)
    message = get_port_error(meta, tmp_path / "x.pb", inputs=("x", idle), outputs=("scores",))
    assert message.startswith(f"--inputs {idle}: scores does not depend on it")


def test_an_output_that_is_named_twice_is_one(tmp_path):
    meta, out = models.save_model(tmp_path, models.build_classifier), tmp_path / "x.pb"
    report = port(create_job(meta, out, outputs=("scores", "scores:0")))
    assert report.passed and sum("output scores" in note for note in report.notes) == 1
