"""The errors of document 000's listings, each reduced to the lines at fault.

``outcome(tf, name)`` runs one; see literal.py.
"""

from __future__ import annotations

import collections

import numpy as np
from literal import get_outcome, write_outcomes

LITERAL = collections.OrderedDict()  # name -> function of tf


def literal(name):
    """Enters a function under the erratum that it shows."""

    def enter(function):
        LITERAL[name] = function
        return function

    return enter


def outcome(tf, name):
    """Runs the lines of a name; see literal.py."""
    return get_outcome(LITERAL[name], tf)


def _place(tf, *shape):
    return tf.placeholder(tf.float32, [None] + list(shape))


def _moved(tf, x, tensor, examples, changed):
    """How many rows the tensor has for so many examples, and which move with one of them."""
    shape = [examples] + x.shape.as_list()[1:]
    before = (np.arange(np.prod(shape)) % 1021).reshape(shape)
    after = before.copy()
    after[changed] += 1
    with tf.Session() as session:
        one, two = (session.run(tensor, {x: value}) for value in (before, after))
    return {"rows": len(one), "moved": sorted({int(row) for row in np.argwhere(one != two)[:, 0]})}


def _three_pools(tf, x):
    """The pools' padding is "valid" by default; the convolutions keep the size."""
    for _ in range(3):
        x = tf.layers.max_pooling2d(inputs=x, pool_size=2, strides=2)
    return x


@literal("E01 size after the third pool")
def e01_size(tf):
    return _three_pools(tf, _place(tf, 28, 28, 256)).shape.as_list()


def _e01_batch(batch):
    def run(tf):
        x = _place(tf, 28, 28, 256)
        rows = tf.reshape(_three_pools(tf, x), [-1, 4, 4 * 256])
        return _moved(tf, x, rows, batch, min(3, batch - 1))

    return run


for _batch in (1, 2, 3, 4, 8, 16):
    LITERAL["E01 batch of %d" % _batch] = _e01_batch(_batch)


@literal("E01 batch of 32 known when the graph is built")
def e01_static(tf):
    x = tf.placeholder(tf.float32, [32, 28, 28, 256])
    return tf.reshape(_three_pools(tf, x), [-1, 4, 4 * 256]).shape.as_list()


def _e02_batch(batch):
    def run(tf):
        x = _place(tf, 4, 512)
        return _moved(tf, x, tf.reshape(x, [-1, 4, 4, 512]), batch, min(3, batch - 1))

    return run


for _batch in (1, 2, 3, 4, 16):
    LITERAL["E02 batch of %d" % _batch] = _e02_batch(_batch)


@literal("E02 loss of four examples")
def e02_loss(tf):
    x = _place(tf, 4, 512)
    rows = tf.reshape(tf.reshape(x, [-1, 4, 4, 512]), [-1, 4, 4 * 512])
    logits = tf.reshape(rows[:, -1, :10], [-1, 10])
    labels = tf.placeholder(tf.int32, [None])
    loss = tf.reduce_mean(
        tf.nn.sparse_softmax_cross_entropy_with_logits(labels=labels, logits=logits)
    )
    with tf.Session() as session:
        return session.run(loss, {x: np.zeros([4, 4, 512]), labels: [0, 1, 2, 3]})


def _lstm_layer(tf, x, units):
    cells = tf.nn.rnn_cell.MultiRNNCell([tf.nn.rnn_cell.LSTMCell(units)])
    return tf.nn.dynamic_rnn(cells, x, dtype=tf.float32)[0]


@literal("E03 second LSTM")
def e03(tf):
    _lstm_layer(tf, _place(tf, 4, 1024), 512)
    _lstm_layer(tf, _place(tf, 4, 2048), 512)


@literal("E03 second LSTM, variables shared")
def e03_shared(tf):
    with tf.variable_scope("", reuse=tf.AUTO_REUSE):
        e03(tf)


def _two_dimensional(rank):
    def run(tf):
        x = _place(tf, *(8, 8, 8, 4)[4 - rank :])
        tf.layers.conv2d(x, 4, (1, 3, 3), (1, 1, 1), "same")

    return run


LITERAL["E04 conv2d of a clip"] = _two_dimensional(4)
LITERAL["E04 conv2d of an image"] = _two_dimensional(3)


@literal("E05 conv2d of a clip")
def e05_convolution(tf):
    tf.layers.conv2d(_place(tf, 4, 8, 8, 3), 64, (1, 7, 7), (1, 2, 2), "same")


@literal("E05 max_pooling2d of a clip")
def e05_pool(tf):
    tf.layers.max_pooling2d(_place(tf, 4, 8, 8, 64), (1, 3, 3), (1, 2, 2), "same")


def _residual_block(tf, x, filters, strides=1, padding="same"):
    conv = tf.layers.conv2d if x.shape.ndims == 4 else tf.layers.conv3d
    y = conv(x, filters, 3, strides, padding, activation=tf.nn.relu)
    y = conv(y, filters, 3, strides, padding, activation=tf.nn.relu)
    return tf.add(y, x)


def _residual_2plus1d_block(tf, x, filters, strides, padding):
    """With conv3d (E04); ``padding`` is not used, as in the document."""
    y = tf.layers.conv3d(x, filters, (1, 3, 3), (1, strides, strides), "same")
    y = tf.layers.conv3d(y, filters, (3, 1, 1), (strides, 1, 1), "same")
    return tf.add(tf.layers.conv3d(y, filters, (1, 1, 1), (1, 1, 1), "same"), x)


@literal("E06 padding")
def e06(tf):
    x = _place(tf, 3, 9, 9, 4)
    return [
        _residual_2plus1d_block(tf, x, 4, 1, padding).shape.as_list()
        for padding in ("same", "valid")
    ]


@literal("E07 strides of 2, image")
def e07_image(tf):
    _residual_block(tf, _place(tf, 28, 28, 4), 4, strides=2)


@literal("E07 strides of 2, clip")
def e07_clip(tf):
    _residual_block(tf, _place(tf, 16, 56, 56, 4), 4, strides=2)


@literal("E07 strides of 2, (2+1)D")
def e07_both(tf):
    _residual_2plus1d_block(tf, _place(tf, 16, 56, 56, 4), 4, 2, "same")


@literal("E07 padding valid, clip")
def e07_valid(tf):
    _residual_block(tf, _place(tf, 16, 56, 56, 4), 4, padding="valid")


@literal("E08 one channel, image")
def e08_image(tf):
    return _residual_block(tf, _place(tf, 28, 28, 1), 32).shape.as_list()


@literal("E08 one channel, clip")
def e08_clip(tf):
    return _residual_block(tf, _place(tf, 4, 8, 8, 1), 64).shape.as_list()


@literal("E08 three channels")
def e08_three(tf):
    _residual_block(tf, _place(tf, 28, 28, 3), 32)


if __name__ == "__main__":
    write_outcomes(outcome, LITERAL)
