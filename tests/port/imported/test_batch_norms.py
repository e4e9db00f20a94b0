"""Batch norms of training graphs: found by what they compute, and said."""

from __future__ import annotations

import imported_models as models
import numpy as np
import pytest
from imported_models import create_job, run_frozen

from legacy_nets import tf1 as tf
from legacy_nets.port.pipeline import port
from legacy_nets.tf1.contrib import layers

pytestmark = pytest.mark.usefixtures("in_one_process")
SHAPE = (3, 4, 4, 2)


def normalize_by_sums(x):
    """As networks of 2015 wrote it: sums divided by a count."""
    count = tf.cast(tf.size(x), tf.float32) / 2
    mean = tf.reduce_sum(x, [0, 1, 2]) / count
    variance = tf.reduce_sum(tf.square(x), [0, 1, 2]) / count - tf.square(mean)
    return (x - mean) / tf.sqrt(variance + 1e-3)


def normalize_by_moments(x):
    mean, variance = tf.nn.moments(x, [-4, -3, -2], keep_dims=True)
    return tf.nn.batch_normalization(x, mean, variance, None, None, 1e-3)


def normalize_flat(x):
    flat = tf.reshape(x, [-1, 2])
    return tf.reshape(flat - tf.reduce_mean(flat, 0), tf.shape(x))


TRAINING = {
    "contrib": lambda x: layers.batch_norm(x, is_training=True, fused=False),
    "contrib_fused": lambda x: layers.batch_norm(x, is_training=True, fused=True),
    "layers": lambda x: tf.layers.batch_normalization(x, training=True, fused=False),
    "moments": normalize_by_moments,
    "sums": normalize_by_sums,
    "flat": normalize_flat,
}
PER_ROW = {
    "inference": lambda x: tf.layers.batch_normalization(x, training=False, fused=False),
    "layer_norm": lambda x: layers.layer_norm(x),
    "instance_norm": lambda x: layers.instance_norm(x),
    "squeeze": lambda x: x * tf.sigmoid(tf.reduce_mean(x, [1, 2], keepdims=True)),
}


def port_two(folder, normalize):
    """Ports a net with two of one normalization; returns the notes about it and the outputs."""

    def build():
        x = tf.placeholder(tf.float32, [None, *SHAPE[1:]], name="x")
        hidden = tf.nn.relu(normalize(tf.layers.conv2d(x, 2, 3, padding="same")))
        tf.identity(normalize(tf.layers.conv2d(hidden, 2, 3)), name="out")

    meta = models.save_model(folder, build)
    report = port(create_job(meta, folder / "x.pb", outputs=("out",)))
    assert report.passed
    batch = np.random.default_rng(1).random(SHAPE, np.float32)
    other = np.concatenate([batch[:1], batch[1:] + 1])
    outputs = [run_frozen(folder / "x.pb", {"x:0": value}, "out:0")[0] for value in (batch, other)]
    return [note for note in report.notes if "statistics of their batch" in note], outputs


@pytest.mark.parametrize("name", TRAINING)
def test_batch_norms_of_training_are_said_however_they_are_written(tmp_path, name):
    [note], (row, same_row) = port_two(tmp_path, TRAINING[name])
    assert note.startswith("2 batch norms use the statistics of their batch")
    assert "each row of the outputs depends on the other rows" in note
    assert np.abs(row - same_row).max() > 0.01  # which is true


@pytest.mark.parametrize("name", PER_ROW)
def test_what_normalizes_each_row_by_itself_is_no_batch_norm(tmp_path, name):
    notes, (row, same_row) = port_two(tmp_path, PER_ROW[name])
    assert notes == []
    np.testing.assert_allclose(row, same_row, atol=1e-6)


def test_a_mean_over_the_batch_that_is_an_output_is_no_batch_norm(tmp_path):
    def build():
        x = tf.placeholder(tf.float32, [None, 4], name="x")
        mean = tf.reduce_mean(x, 0, keepdims=True)
        tf.add(tf.tanh(mean), tf.sigmoid(mean), name="summary")

    path = models.save_frozen(tmp_path, build)
    report = port(create_job(path, tmp_path / "x.pb", outputs=("summary",)))
    assert report.passed and not any("batch norms" in note for note in report.notes)
