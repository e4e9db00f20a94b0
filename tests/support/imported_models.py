"""Graphs to import: a .meta and its checkpoint, as TF1 code saves them, or a frozen .pb."""

from __future__ import annotations

import numpy as np
import pytest

from legacy_nets import tf1 as tf
from legacy_nets.errors import BadInputError
from legacy_nets.graphdef.control_flow import use_old_control_flow
from legacy_nets.port.jobs import ImportedJob, find_graph_checkpoint
from legacy_nets.port.pipeline import port


def save_model(folder, build, name="model.ckpt", **saver):
    """Builds a model, generates weights by index and saves; returns the path of the .meta.

    ``build`` may return an operation to run before saving.
    """
    prefix = f"{folder}/{name}"  # a name may be empty
    with tf.Graph().as_default(), tf.Session() as session:
        before_saving = build()
        session.run(tf.global_variables_initializer())
        if before_saving is not None:
            session.run(before_saving)
        for index, variable in enumerate(tf.global_variables()):
            if variable.dtype.base_dtype.is_floating:
                random = np.random.default_rng(index)
                value = random.uniform(0.1, 0.9, variable.shape.as_list())
                variable.load(value, session)
        tf.train.Saver(**saver).save(session, prefix, write_state=False)
    return folder / f"{name}.meta"


def save_frozen(folder, build, name="model.pb"):
    """Builds a graph of constants and saves it; returns the path of the .pb."""
    with tf.Graph().as_default() as graph:
        build()
        (folder / name).write_bytes(graph.as_graph_def().SerializeToString())
    return folder / name


def create_job(meta, out, target="frozen", **options):
    """Creates the job for a .meta with the checkpoint next to it, or for a .pb."""
    return ImportedJob(meta, find_graph_checkpoint(meta), target, out, **options)


def get_port_error(meta, out, error=BadInputError, target="frozen", **options):
    """Returns the message of a port that fails; checks that it is one line and no file is left."""
    with pytest.raises(error) as raised:
        port(create_job(meta, out, target, **options))
    assert "\n" not in str(raised.value) and not out.exists()
    return str(raised.value)


def run_frozen(path, feeds, fetch):
    """Runs a frozen .pb."""
    with tf.Graph().as_default(), tf.Session() as session:
        tf.import_graph_def(tf.GraphDef.FromString(path.read_bytes()), name="")
        return session.run(fetch, feeds)


def create_weights(*shape, name=None):
    return tf.Variable(np.zeros(shape, np.float32), name=name)


def build_classifier():
    """Dropout with a placeholder, a loss, an accuracy, Adam, a summary, as in tutorials."""
    x = tf.placeholder(tf.float32, [None, 6], name="x")
    y = tf.placeholder(tf.float32, [None, 3], name="y")
    keep = tf.placeholder(tf.float32, name="keep_prob")
    hidden = tf.nn.dropout(tf.nn.relu(tf.matmul(x, create_weights(6, 5)) + create_weights(5)), keep)
    logits = tf.add(tf.matmul(hidden, create_weights(5, 3)), create_weights(3), name="scores")
    loss = tf.reduce_mean(tf.nn.softmax_cross_entropy_with_logits_v2(labels=y, logits=logits))
    tf.summary.scalar("loss", loss)
    tf.train.AdamOptimizer(0.1).minimize(loss)
    right = tf.equal(tf.argmax(logits, 1, name="answer"), tf.argmax(y, 1))
    tf.reduce_mean(tf.cast(right, tf.float32), name="accuracy")


def build_branches():
    """Images from a queue; batch norm and dropout in tf.cond, on a flag called "mode"."""
    queue = tf.FIFOQueue(9, [tf.float32, tf.int64], [[8, 8, 3], []])
    images, labels = queue.dequeue_many(4, name="batch")
    flag = tf.placeholder(tf.bool, [], name="mode")
    net = tf.nn.conv2d(images, create_weights(3, 3, 3, 4), 1, "SAME")
    statistics = [create_weights(4), create_weights(4), create_weights(4), create_weights(4)]
    scale, offset, mean, variance = statistics

    def training():
        out, batch_mean, batch_variance = tf.nn.fused_batch_norm(net, scale, offset)
        with tf.control_dependencies(
            [tf.assign(mean, batch_mean), tf.assign(variance, batch_variance)]
        ):
            return tf.nn.dropout(tf.identity(out), 0.5)

    def inference():
        return tf.nn.fused_batch_norm(net, scale, offset, mean, variance, is_training=False)[0]

    with use_old_control_flow():
        net = tf.cond(flag, training, inference)
    logits = tf.matmul(tf.reduce_mean(net, [1, 2]), create_weights(4, 2))
    tf.losses.sparse_softmax_cross_entropy(labels, logits)
    tf.nn.softmax(logits, name="probabilities")


def build_constant_dropout():
    x = tf.placeholder(tf.float32, [None, 6], name="x")
    tf.matmul(tf.nn.dropout(x, 0.5), create_weights(6, 2), name="out")


def build_unknown_rank():
    images = tf.placeholder(tf.float32, name="images")
    tf.nn.relu(tf.nn.conv2d(images / 255.0, create_weights(3, 3, 3, 4), 1, "SAME"), name="out")


def build_half_precision():
    x = tf.placeholder(tf.float16, [None, 6], name="x")
    kernel = tf.Variable(np.zeros([6, 2], np.float16))
    tf.matmul(x, kernel, name="out")


def build_with_updates():
    """Computing the output changes a weight that it depends on."""
    x = tf.placeholder(tf.float32, [None, 6], name="x")
    mean = create_weights(6, name="mean")
    with tf.control_dependencies([tf.assign_add(mean, tf.ones([6]))]):
        moved = tf.identity(x)
    tf.matmul(moved - mean, create_weights(6, 2), name="out")


def build_file_reader():
    text = tf.read_file(tf.placeholder(tf.string, [], name="path"))
    number = tf.string_to_number(text, name="number")
    tf.multiply(tf.expand_dims(number, 0), create_weights(3), name="out")


def build_random():
    x = tf.placeholder(tf.float32, [None, 6], name="x")
    mean = tf.matmul(x, create_weights(6, 2), name="mean")
    tf.matmul(mean + tf.random_normal([2], name="noise"), create_weights(2, 3), name="out")
