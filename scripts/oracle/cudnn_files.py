"""Writes tests/golden/cudnn_rnn: graphs with cuDNN's layers, and what the cells that equal them give.

  .oracle/bin/python scripts/oracle/cudnn_files.py

TensorFlow 1.15.5 builds the graphs, but runs them on a GPU alone. The checkpoints are of the
compatible cells, with the names under which the saver of a cuDNN layer looks.
"""

import os
import sys

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import numpy as np
import tensorflow as tf
from tensorflow.contrib import cudnn_rnn

FOLDER = os.path.join(os.path.dirname(__file__), "..", "..", "tests", "golden", "cudnn_rnn")
TIME, DEPTH, UNITS = 4, 3, 2
LENGTHS = [4, 2, 3]
LAYERS = {
    "lstm": cudnn_rnn.CudnnLSTM,
    "gru": cudnn_rnn.CudnnGRU,
    "tanh": cudnn_rnn.CudnnRNNTanh,
    "relu": cudnn_rnn.CudnnRNNRelu,
}
CELLS = {
    "lstm": cudnn_rnn.CudnnCompatibleLSTMCell,
    "gru": cudnn_rnn.CudnnCompatibleGRUCell,
    "tanh": lambda units: tf.nn.rnn_cell.BasicRNNCell(units, tf.nn.tanh),
    "relu": lambda units: tf.nn.rnn_cell.BasicRNNCell(units, tf.nn.relu),
}
FORMS = {  # kind of cell, layers, bidirectional, sequence lengths, trained
    "lstm": ("lstm", 1, False, False, True),
    "lstm_bidirectional": ("lstm", 2, True, False, False),
    "gru": ("gru", 2, False, False, True),
    "lstm_lengths": ("lstm", 1, True, True, False),
    "relu_bidirectional": ("relu", 1, True, False, False),
}


def run_cudnn(x, kind, layers, is_bidirectional, lengths):
    direction = "bidirectional" if is_bidirectional else "unidirectional"
    dropout = 0.5 if layers > 1 else 0.0
    layer = LAYERS[kind](layers, UNITS, direction=direction, dropout=dropout, name="rnn_layer")
    return layer(x, sequence_lengths=lengths)


def run_cells(x, kind, layers, is_bidirectional, lengths):
    """Runs the cells; returns outputs and states as the cuDNN layer gives them."""

    def cells():
        return [CELLS[kind](UNITS) for _ in range(layers)]

    if is_bidirectional:
        outputs, forward, backward = tf.contrib.rnn.stack_bidirectional_dynamic_rnn(
            *(cells(), cells(), x), dtype=tf.float32, sequence_length=lengths, time_major=True
        )
        states = [state for pair in zip(forward, backward) for state in pair]
    else:
        cell = tf.nn.rnn_cell.MultiRNNCell(cells())
        outputs, states = tf.nn.dynamic_rnn(
            cell, x, lengths, dtype=tf.float32, time_major=True
        )
    if kind != "lstm":
        return outputs, (tf.stack(states),)
    return outputs, (tf.stack([s.h for s in states]), tf.stack([s.c for s in states]))


def build(run, form):
    """Builds the net: a dense layer of the outputs, and of the last states."""
    kind, layers, is_bidirectional, has_lengths, is_trained = form
    x = tf.placeholder(tf.float32, [TIME, None, DEPTH], name="x")
    lengths = tf.placeholder(tf.int32, [None], name="lengths") if has_lengths else None
    if run is run_cells:
        with tf.variable_scope("rnn_layer"):
            outputs, states = run(x, kind, layers, is_bidirectional, lengths)
    else:
        outputs, states = run(x, kind, layers, is_bidirectional, lengths)
    out = tf.identity(tf.layers.dense(outputs, 2, name="dense"), name="out")
    state = tf.identity(tf.concat(states, -1), name="state")
    if is_trained and run is run_cudnn:
        tf.train.AdamOptimizer().minimize(tf.reduce_mean(tf.square(out)))
    return x, lengths, out, state


def write(name, form):
    prefix = os.path.join(FOLDER, name)
    random = np.random.RandomState(len(name))
    with tf.Graph().as_default(), tf.Session() as session:
        x, lengths, out, state = build(run_cells, form)
        for variable in tf.global_variables():
            value = random.uniform(-0.8, 0.8, variable.shape.as_list())
            session.run(variable.initializer, {variable.initializer.inputs[1]: value})
        tf.train.Saver().save(session, prefix, write_meta_graph=False, write_state=False)
        feeds = {x: random.uniform(size=[TIME, 3, DEPTH]).astype(np.float32)}
        if lengths is not None:
            feeds[lengths] = np.array(LENGTHS, np.int32)
        values = session.run([out, state], feeds)
    with tf.Graph().as_default():
        build(run_cudnn, form)
        variables = tf.trainable_variables()
        saver = tf.train.Saver(variables + tf.get_collection(tf.GraphKeys.SAVEABLE_OBJECTS))
        meta = tf.train.export_meta_graph(
            saver_def=saver.as_saver_def(), strip_default_attrs=True, clear_devices=True
        )
        meta.ClearField("collection_def")
        with open(prefix + ".meta", "wb") as file:
            file.write(meta.SerializeToString())
    arrays = {"x": feeds[x], "out": values[0], "state": values[1]}
    if lengths is not None:
        arrays["lengths"] = feeds[lengths]
    np.savez(prefix + ".npz", **arrays)


def main():
    """Writes every form, or those that are named."""
    os.makedirs(FOLDER, exist_ok=True)
    for name in sys.argv[1:] or FORMS:
        write(name, FORMS[name])


if __name__ == "__main__":
    main()
