"""``tf.examples.tutorials.mnist.mnist``: the tutorial's net, two hidden layers of ReLU.

Names: hidden1/{weights,biases}, hidden2/{weights,biases}, softmax_linear/{weights,biases}.
"""

from __future__ import annotations

from typing import Any

import tensorflow.compat.v1 as tf

NUM_CLASSES = 10
IMAGE_SIZE = 28
IMAGE_PIXELS = IMAGE_SIZE * IMAGE_SIZE


def _dense(values: Any, units: int) -> Any:
    inputs = int(values.shape[1])
    # Weights are drawn small enough for the sum over all inputs to stay near 1.
    drawn = tf.truncated_normal([inputs, units], stddev=inputs**-0.5)
    weights = tf.Variable(drawn, name="weights")
    biases = tf.Variable(tf.zeros([units]), name="biases")
    return tf.matmul(values, weights) + biases


def inference(images: Any, hidden1_units: int, hidden2_units: int) -> Any:
    """Logits float32 [N, 10] of images float32 [N, 784]."""
    values = images
    for name, units in (("hidden1", hidden1_units), ("hidden2", hidden2_units)):
        with tf.name_scope(name):
            values = tf.nn.relu(_dense(values, units))
    with tf.name_scope("softmax_linear"):
        return _dense(values, NUM_CLASSES)


def loss(logits: Any, labels: Any) -> Any:
    """Mean cross-entropy of logits [N, 10] and labels int [N]."""
    return tf.losses.sparse_softmax_cross_entropy(tf.cast(labels, tf.int64), logits)


def training(loss: Any, learning_rate: float) -> Any:
    """One step of gradient descent, which counts the variable ``global_step``."""
    tf.summary.scalar("loss", loss)
    global_step = tf.Variable(0, name="global_step", trainable=False)
    optimizer = tf.train.GradientDescentOptimizer(learning_rate)
    return optimizer.minimize(loss, global_step=global_step)


def evaluation(logits: Any, labels: Any) -> Any:
    """How many of the batch are right: int32 scalar."""
    return tf.reduce_sum(tf.cast(tf.nn.in_top_k(logits, labels, 1), tf.int32))
