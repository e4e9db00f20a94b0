"""Errata of document 000 that test_document_000_errata.py leaves: numbers, Keras 3, the state."""

from __future__ import annotations

import os
import subprocess
import sys

import numpy as np
import pytest
from oracle_client import literal_000

from legacy_nets import documents
from legacy_nets import tf1 as tf
from legacy_nets.nets.cnn_lstm import lstm_layer


@pytest.mark.parametrize("erratum", ["E01", "E02"])
def test_e01_harm_is_that_of_the_live_graph(erratum):
    """The rows that the reshapes alone move are those that move when the graph is run."""
    live = literal_000.outcome(tf, f"{erratum} batch of 16")["result"]
    assert documents.errata(f"000-{erratum}")[0].harm == ", ".join(map(str, live["moved"]))


@pytest.mark.slow
@pytest.mark.parametrize(
    ("line", "name"),
    [
        ("tf.layers.conv2d(tf.zeros([1, 4, 4, 1]), 2, 3)", "conv2d"),
        ("tf.nn.rnn_cell.LSTMCell(3)", "LSTMCell"),
    ],
)
def test_e17_layers_and_cells_need_the_older_keras(line, name):
    literal = f"import tensorflow.compat.v1 as tf; tf.disable_eager_execution(); {line}"
    environment = {key: value for key, value in os.environ.items() if not key.startswith("TF_USE")}
    done = subprocess.run(
        [sys.executable, "-c", literal], capture_output=True, text=True, env=environment
    )
    assert done.returncode == 1
    last = done.stderr.strip().splitlines()[-1]
    assert last.startswith("AttributeError") and f"{name}` is not available with Keras 3" in last
    with tf.Graph().as_default():
        eval(line, {"tf": tf})  # the mend: tf comes from legacy_nets


def test_e18_the_last_output_is_the_state_that_is_dropped():
    value = np.random.default_rng(0).normal(size=[2, 3, 4]).astype(np.float32)
    with tf.Graph().as_default(), tf.Session() as session:
        tf.set_random_seed(0)
        x = tf.placeholder(tf.float32, [None, 3, 4])
        outputs = lstm_layer(x, 5, 1)
        with tf.variable_scope(tf.get_variable_scope(), reuse=True):
            cells = tf.nn.rnn_cell.MultiRNNCell([tf.nn.rnn_cell.LSTMCell(5, name="lstm_cell")])
            _, (state,) = tf.nn.dynamic_rnn(cells, x, dtype=tf.float32)
        session.run(tf.global_variables_initializer())
        last, hidden = session.run([outputs[:, -1, :], state.h], {x: value})
    assert np.abs(last).max() > 0.01
    np.testing.assert_array_equal(last, hidden)
