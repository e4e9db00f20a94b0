"""Where a stranger's graph begins and ends, where it does not say so itself."""

from __future__ import annotations

import contextlib
import shutil

import imported_models as models
import numpy as np
import pytest
from imported_models import job, refused, run

from legacy_nets import tf1 as tf
from legacy_nets.errors import CheckpointError
from legacy_nets.port.jobs import ImportedJob, find_graph_checkpoint
from legacy_nets.port.pipeline import port

pytestmark = pytest.mark.usefixtures("in_one_process")


@contextlib.contextmanager
def loops_of_tensorflow_1():
    today = tf.control_flow_v2_enabled()
    tf.disable_control_flow_v2()
    try:
        yield
    finally:
        if today:
            tf.enable_control_flow_v2()


def sentences():
    """A loop over time, of which the lengths decide; what goes into it and lies in it is inner."""
    words = tf.placeholder(tf.int32, [None, 7], name="words")
    lengths = tf.placeholder(tf.int32, [None], name="lengths")
    looked_up = tf.nn.embedding_lookup(models.weights(9, 4), words)
    with loops_of_tensorflow_1():
        cell = tf.nn.rnn_cell.GRUCell(4)
        _, state = tf.nn.dynamic_rnn(cell, looked_up, lengths, dtype=tf.float32)
    tf.matmul(state, models.weights(4, 2), name="scores")


def branched():
    """A summary looks into a branch that nothing decides; a loss takes a logarithm."""
    x = tf.placeholder(tf.float32, [None, 6], name="x")
    y = tf.placeholder(tf.float32, [None, 3], name="y")
    hidden = tf.matmul(x, models.weights(6, 3))
    with loops_of_tensorflow_1():

        def seen():
            tf.summary.histogram("seen", tf.maximum(hidden, 0.5))
            return hidden * 2.0

        hidden = tf.cond(tf.reduce_sum(x) > 0, seen, lambda: hidden)
    answer = tf.nn.softmax(hidden, name="answer")
    tf.train.AdamOptimizer().minimize(-tf.reduce_sum(y * tf.log(answer)))


@pytest.mark.parametrize(
    "build, outputs",
    [(sentences, {"rnn/transpose_1", "scores"}), (branched, {"answer"})],
)
def test_what_is_inner_is_no_output(tmp_path, build, outputs):
    report = port(job(models.save(tmp_path, build), tmp_path / "x.pb"))
    assert report.passed and {item.name for item in report.comparisons} == outputs


def line():
    """The first program of all: two numbers are learnt, and nothing has a shape."""
    x, y = tf.placeholder(tf.float32, name="x"), tf.placeholder(tf.float32, name="y")
    said = tf.add(x * models.weights(name="w"), models.weights(name="b"), name="said")
    tf.train.GradientDescentOptimizer(0.1).minimize(tf.reduce_sum(tf.pow(said - y, 2)) / 34.0)


def reshaped():
    x = tf.placeholder(tf.float32, name="x")
    rows = tf.reshape(x / 255.0, [-1, 2, 3])
    tf.reduce_sum(rows * models.weights(3), 1, name="said")


def looked_up():
    table = models.weights(9, 4)
    tf.nn.l2_normalize(tf.gather(table, tf.placeholder(tf.int32, name="x")), -1, name="said")


@pytest.mark.parametrize(
    "build, shape", [(line, "[?]"), (reshaped, "[?, 2, 3]"), (looked_up, "[?]")]
)
def test_a_shape_that_no_layer_says(tmp_path, build, shape):
    report = port(job(models.save(tmp_path, build), tmp_path / "x.pb"))
    assert report.passed and {item.name for item in report.comparisons} == {"said"}
    assert any(note.startswith(f"input x {shape} ") for note in report.notes)


def steps():
    """One number says how many steps the rows of a batch have."""
    x = tf.placeholder(tf.float32, [1, None, 6], name="x")
    count = tf.placeholder(tf.int32, [], name="count")
    kept = tf.reshape(x, tf.stack([1, count, 6]))
    tf.matmul(tf.reduce_sum(kept, 1), models.weights(6, 2), name="out")


def test_a_lone_integer_may_be_the_length_of_the_sequences(tmp_path):
    meta, out = models.save(tmp_path, steps), tmp_path / "x.pb"
    report = port(job(meta, out))
    assert report.passed and "input count [] int32" in report.notes
    weights = tf.train.load_checkpoint(str(meta).removesuffix(".meta")).get_tensor("Variable")
    x = np.arange(24, dtype=np.float32).reshape(1, 4, 6)
    got = run(out, {"x:0": x, "count:0": 4}, "out:0")
    np.testing.assert_allclose(got, x.sum(1) @ weights, rtol=1e-5)


def constant_data():
    data = tf.identity(tf.ones([5, 6]), name="data")
    tf.matmul(data, models.weights(6, 2), name="out")


def test_data_that_are_constants_need_a_name(tmp_path):
    meta, out = models.save(tmp_path, constant_data), tmp_path / "x.pb"
    assert "has no input" in (said := refused(meta, out)) and "use --inputs NAME" in said
    report = port(job(meta, out, inputs=("data",)))
    assert report.passed and {item.name for item in report.comparisons} == {"out"}


def test_a_checkpoint_of_a_part_of_the_variables(tmp_path):
    meta = models.save(tmp_path, line)
    prefix = str(meta).removesuffix(".meta")
    with tf.Graph().as_default(), tf.Session() as session:
        line()
        session.run(tf.global_variables_initializer())
        tf.train.Saver(tf.global_variables()[:1]).save(session, prefix, write_state=False)
    said = refused(meta, tmp_path / "x.pb", CheckpointError)
    assert "no values for 1 variables that the outputs need, the first b" in said


def test_the_nearest_names_are_offered(tmp_path):
    meta, out = models.save(tmp_path, models.classifier), tmp_path / "x.pb"
    assert "nearest: keep_prob" in refused(meta, out, settings={"keep_probs": "1"})
    assert "it has x, y, keep_prob" in refused(meta, out, settings={"zzz": "1"})
    assert "nearest: scores" in refused(meta, out, outputs=("score",))
    for missing in (tmp_path / "model.ckt.meta", tmp_path / "model.ckt.pb"):
        with pytest.raises(CheckpointError, match="no such file .*; nearest: model.ckpt.meta"):
            find_graph_checkpoint(missing)
    shutil.copy(meta, tmp_path / "other.meta")
    gone = ImportedJob(tmp_path / "othr.meta", find_graph_checkpoint(meta), "frozen", out)
    with pytest.raises(CheckpointError, match="othr.meta: no such file .*; nearest: other.meta"):
        port(gone)


@pytest.mark.parametrize("idle", ["y", "keep_prob"])
def test_an_input_that_no_output_needs_is_named(tmp_path, idle):
    meta = models.save(tmp_path, models.classifier)
    said = refused(meta, tmp_path / "x.pb", inputs=("x", idle), outputs=("scores",))
    assert said.startswith(f"--inputs {idle}: scores does not depend on it")


def test_an_output_that_is_asked_for_twice_is_one(tmp_path):
    meta, out = models.save(tmp_path, models.classifier), tmp_path / "x.pb"
    report = port(job(meta, out, outputs=("scores", "scores:0")))
    assert report.passed and sum("output scores" in note for note in report.notes) == 1
