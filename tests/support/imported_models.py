"""Models that bring their own graph: a .meta and its checkpoint, as TF1 code saves them."""

from __future__ import annotations

import numpy as np
import pytest

from legacy_nets import tf1 as tf
from legacy_nets.errors import BadInputError
from legacy_nets.port.jobs import ImportedJob, find_graph_checkpoint
from legacy_nets.port.pipeline import port


def save(folder, build, name="model.ckpt", **saver):
    """Calls ``build``, draws the weights by number and saves; returns the path of the .meta."""
    prefix = str(folder / name)
    with tf.Graph().as_default(), tf.Session() as session:
        build()
        session.run(tf.global_variables_initializer())
        for index, variable in enumerate(tf.global_variables()):
            if variable.dtype.base_dtype.is_floating:
                chance = np.random.default_rng(index)
                value = chance.uniform(0.1, 0.9, variable.shape.as_list())
                variable.load(value, session)
        tf.train.Saver(**saver).save(session, prefix, write_state=False)
    return folder / f"{name}.meta"


def frozen(folder, build, name="model.pb"):
    """As ``save``, of a graph of constants: returns the path of its .pb."""
    with tf.Graph().as_default() as graph:
        build()
        (folder / name).write_bytes(graph.as_graph_def().SerializeToString())
    return folder / name


def job(meta, out, target="frozen", **more):
    """A port of a .meta, whose checkpoint lies beside it, or of a .pb."""
    return ImportedJob(meta, find_graph_checkpoint(meta), target, out, **more)


def refused(meta, out, error=BadInputError, target="frozen", **more):
    """The one line that a port is refused with; it leaves no file."""
    with pytest.raises(error) as found:
        port(job(meta, out, target, **more))
    assert "\n" not in str(found.value) and not out.exists()
    return str(found.value)


def run(path, feeds, fetch):
    """What a frozen .pb says."""
    with tf.Graph().as_default(), tf.Session() as session:
        tf.import_graph_def(tf.GraphDef.FromString(path.read_bytes()), name="")
        return session.run(fetch, feeds)


def weights(*shape, name=None):
    return tf.Variable(np.zeros(shape, np.float32), name=name)


def classifier():
    """Dropout by a placeholder, a loss, an accuracy, Adam, a summary: the tutorial of all."""
    x = tf.placeholder(tf.float32, [None, 6], name="x")
    y = tf.placeholder(tf.float32, [None, 3], name="y")
    keep = tf.placeholder(tf.float32, name="keep_prob")
    hidden = tf.nn.dropout(tf.nn.relu(tf.matmul(x, weights(6, 5)) + weights(5)), keep)
    logits = tf.add(tf.matmul(hidden, weights(5, 3)), weights(3), name="scores")
    loss = tf.reduce_mean(tf.nn.softmax_cross_entropy_with_logits_v2(labels=y, logits=logits))
    tf.summary.scalar("loss", loss)
    tf.train.AdamOptimizer(0.1).minimize(loss)
    right = tf.equal(tf.argmax(logits, 1, name="answer"), tf.argmax(y, 1))
    tf.reduce_mean(tf.cast(right, tf.float32), name="accuracy")


def branches():
    """Images out of a queue, batch norm and dropout in tf.cond on a flag without a telling name."""
    queue = tf.FIFOQueue(9, [tf.float32, tf.int64], [[8, 8, 3], []])
    images, labels = queue.dequeue_many(4, name="batch")
    flag = tf.placeholder(tf.bool, [], name="mode")
    net = tf.nn.conv2d(images, weights(3, 3, 3, 4), 1, "SAME")
    statistics = [weights(4), weights(4), weights(4), weights(4)]
    scale, offset, mean, variance = statistics

    def training():
        out, batch_mean, batch_variance = tf.nn.fused_batch_norm(net, scale, offset)
        with tf.control_dependencies(
            [tf.assign(mean, batch_mean), tf.assign(variance, batch_variance)]
        ):
            return tf.nn.dropout(tf.identity(out), 0.5)

    def inference():
        return tf.nn.fused_batch_norm(net, scale, offset, mean, variance, is_training=False)[0]

    today = tf.control_flow_v2_enabled()
    tf.disable_control_flow_v2()  # TensorFlow 1 knew Switch and Merge alone
    try:
        net = tf.cond(flag, training, inference)
    finally:
        if today:
            tf.enable_control_flow_v2()
    logits = tf.matmul(tf.reduce_mean(net, [1, 2]), weights(4, 2))
    tf.losses.sparse_softmax_cross_entropy(labels, logits)
    tf.nn.softmax(logits, name="probabilities")


def built_in_dropout():
    x = tf.placeholder(tf.float32, [None, 6], name="x")
    tf.matmul(tf.nn.dropout(x, 0.5), weights(6, 2), name="out")


def unknown_rank():
    images = tf.placeholder(tf.float32, name="images")
    tf.nn.relu(tf.nn.conv2d(images / 255.0, weights(3, 3, 3, 4), 1, "SAME"), name="out")


def half():
    x = tf.placeholder(tf.float16, [None, 6], name="x")
    kernel = tf.Variable(np.zeros([6, 2], np.float16))
    tf.matmul(x, kernel, name="out")


def updates():
    """Asking for the output changes a weight that the output is made of."""
    x = tf.placeholder(tf.float32, [None, 6], name="x")
    mean = weights(6, name="mean")
    with tf.control_dependencies([tf.assign_add(mean, tf.ones([6]))]):
        moved = tf.identity(x)
    tf.matmul(moved - mean, weights(6, 2), name="out")


def reads_file():
    text = tf.read_file(tf.placeholder(tf.string, [], name="path"))
    number = tf.string_to_number(text, name="number")
    tf.multiply(tf.expand_dims(number, 0), weights(3), name="out")


def by_chance():
    x = tf.placeholder(tf.float32, [None, 6], name="x")
    mean = tf.matmul(x, weights(6, 2), name="mean")
    tf.matmul(mean + tf.random_normal([2], name="noise"), weights(2, 3), name="out")
