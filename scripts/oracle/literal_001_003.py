"""The errors of the listings of documents 001 and 003, reduced to the lines at fault.

``outcome(tf, name)`` runs one; see literal.py.
"""

from __future__ import annotations

import collections

import numpy as np
from literal import get_outcome, write_outcomes


def outcome(tf, name):
    """Runs the lines of a name; see literal.py."""
    return get_outcome(LITERAL[name], tf, tf.contrib.slim)


def _loss_and_gradient(tf, gap, label, twice):
    """Score 0 is ``gap`` above five others; the loss, and the largest part of its gradient."""
    scores = tf.placeholder(tf.float32, [None, 6])
    labels = tf.placeholder(tf.int64, [None, 6])
    logits = tf.nn.softmax(scores) if twice else scores
    loss = tf.reduce_mean(tf.losses.softmax_cross_entropy(onehot_labels=labels, logits=logits))
    one_hot = np.eye(6)
    feed = {scores: gap * one_hot[:1], labels: one_hot[label : label + 1]}
    with tf.Session() as session:
        loss, gradient = session.run([loss, tf.gradients(loss, scores)[0]], feed)
    return float(loss), float(np.abs(gradient).max())


def _001_e01_range(tf, slim):
    return [round(_loss_and_gradient(tf, 100.0, label, True)[0], 5) for label in (0, 1)]


def _001_e01_gradient(tf, slim):
    twice, once = (_loss_and_gradient(tf, 0.0, 0, twice)[1] for twice in (True, False))
    return round(twice / once, 3)


def _001_e06_assert(side):
    def run(tf, slim):
        x = tf.placeholder(tf.float32, [None, side, side, 3])
        x = tf.pad(x, [[0, 0], [3, 3], [3, 3], [0, 0]])
        x = tf.nn.conv2d(x, tf.zeros([7, 7, 3, 64]), strides=[1, 2, 2, 1], padding="VALID")
        x = tf.nn.max_pool(x, ksize=[1, 3, 3, 1], strides=[1, 2, 2, 1], padding="VALID")
        assert x.get_shape() == (x.get_shape()[0], 15, 15, 64)
        return x.shape.as_list()

    return run


def _001_e12_twice(tf, slim):
    for _ in range(2):
        with tf.variable_scope("reference"):
            x = tf.placeholder(tf.float32, [None, 4, 4, 3])
            tf.layers.batch_normalization(x, axis=3, name="batch_normalization")


def _001_e14_moving_average(tf, slim):
    tf.layers.batch_normalization(tf.ones([2, 1, 1, 1]), axis=3, training=True)
    moving = [v for v in tf.global_variables() if "moving_mean" in v.op.name]
    with tf.Session() as session:
        session.run(tf.global_variables_initializer())
        for _ in range(20):
            session.run(tf.get_collection(tf.GraphKeys.UPDATE_OPS))
        return round(float(session.run(moving[0])[0]), 3)


def _001_e16_soft_labels(tf, slim):
    labels = tf.placeholder(tf.int64, [None, 3])
    loss = tf.losses.softmax_cross_entropy(labels, tf.constant([[0.0, 5, 0]]))
    with tf.Session() as session:
        return float(session.run(loss, {labels: np.array([[0.9, 0.1, 0]])}))


def _001_e24_placeholder(tf, slim):
    training = tf.placeholder(tf.bool, name="training")
    with tf.Session() as session:
        return float(session.run(tf.cast(training, tf.float32)))


def _unit(tf, slim, inputs, depth, depth_bottleneck, stride, conv2_same):
    with tf.variable_scope(None, "bottleneck_v2", [inputs]):
        preact = slim.batch_norm(inputs, activation_fn=tf.nn.relu, scope="preact")
        linear = {"normalizer_fn": None, "activation_fn": None}
        shortcut = slim.conv2d(preact, depth, [1, 1], stride=stride, scope="shortcut", **linear)
        residual = slim.conv2d(preact, depth_bottleneck, [1, 1], stride=1, scope="conv1")
        residual = conv2_same(residual, depth_bottleneck, 3, stride, scope="conv2")
        return shortcut + slim.conv2d(residual, depth, [1, 1], stride=1, scope="conv3", **linear)


def _003_e02_same(tf, slim):
    x = tf.reshape(tf.range(16, dtype=tf.float32), [1, 4, 4, 1])
    ones = {"weights_initializer": tf.ones_initializer(), "activation_fn": None}
    y = slim.conv2d(x, 1, [3, 3], stride=2, padding="SAME", **ones)
    with tf.Session() as session:
        session.run(tf.global_variables_initializer())
        return session.run(y)[0, :, :, 0].tolist()


def _003_e05_tuples(tf, slim):
    blocks = [slim.nets.resnet_utils.Block("block1", _unit, [(8, 2, 1)])]
    slim.nets.resnet_utils.stack_blocks_dense(tf.zeros([1, 8, 8, 4]), blocks)


def _003_e07_no_arg_scope(tf, slim):
    _unit(tf, slim, tf.zeros([1, 8, 8, 8]), 16, 4, 1, slim.conv2d)
    return len(tf.global_variables())


def _003_e08_batch(tf, slim):
    x = tf.placeholder(tf.float32, [None, 1, 1, 1])
    y = slim.batch_norm(x)
    with tf.Session() as session:
        session.run(tf.global_variables_initializer())
        got = [session.run(y, {x: np.reshape(v, [-1, 1, 1, 1])}) for v in ([1.0], [1.0, 3.0])]
    return [round(float(value[0, 0, 0, 0]), 1) for value in got]


LITERAL = collections.OrderedDict(
    [
        ("001-E01 range of the loss", _001_e01_range),
        ("001-E01 share of the gradient", _001_e01_gradient),
        ("001-E06 61 pixels", _001_e06_assert(61)),
        ("001-E06 65 pixels", _001_e06_assert(65)),
        ("001-E06 no size", _001_e06_assert(None)),
        ("001-E12 two calls", _001_e12_twice),
        ("001-E14 moving average after 20 steps", _001_e14_moving_average),
        ("001-E16 label of 0.9", _001_e16_soft_labels),
        ("001-E24 nothing fed", _001_e24_placeholder),
        ("003-E02 SAME on an even map", _003_e02_same),
        ("003-E05 tuples", _003_e05_tuples),
        ("003-E07 variables of a unit", _003_e07_no_arg_scope),
        ("003-E08 an image of 1, alone and beside 3", _003_e08_batch),
    ]
)


if __name__ == "__main__":
    write_outcomes(outcome, LITERAL)
