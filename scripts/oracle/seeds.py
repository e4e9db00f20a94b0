"""First weights of small graphs under ``tf.set_random_seed(1)``: both sides run this file.

An op's own seed is the number of ops before it, so the weights equal those of 1.15.5 only where
a graph has as many ops before each. Each case puts random variables after a function that makes
ops. Gradients and the decoders of seq2seq make other ops and are left out. Under Python 3.7

  seeds.py OUT.json [CASE ...]

writes, for each case and variable, its first value and the CRC-32 of all, from TensorFlow 1.15.5.
"""

from __future__ import annotations

import collections
import json
import sys
import zlib

CASES = collections.OrderedDict()  # name -> function of tf


def case(function):
    """Enters a graph under the name of its function."""
    CASES[function.__name__] = function
    return function


def weights(tf, name):
    """{variable: [first value, CRC-32 of the bytes]} after the initializer."""
    with tf.Graph().as_default(), tf.Session() as session:
        tf.set_random_seed(1)
        CASES[name](tf)
        session.run(tf.global_variables_initializer())
        values = {v.op.name: session.run(v) for v in tf.global_variables()}
    return {
        key: [float(value.ravel()[0]), zlib.crc32(value.tobytes())] for key, value in values.items()
    }


def _w(tf):
    """A random variable, which tells how many ops came before it."""
    return tf.Variable(tf.random_normal([2]))


def _x(tf, *shape):
    return tf.placeholder(tf.float32, [None] + list(shape))


@case
def raw(tf):
    tf.Variable(tf.random_normal([3, 4]))
    tf.Variable(tf.zeros([4]))
    tf.Variable(tf.truncated_normal([4, 2], stddev=0.1))
    tf.Variable(tf.random_uniform([4, 2], -1, 1))


@case
def get_variable(tf):
    tf.get_variable("a", [3, 4])
    tf.get_variable("b", [4, 4], initializer=tf.truncated_normal_initializer(stddev=0.1))
    tf.get_variable("c", [4, 4], initializer=tf.random_normal_initializer())
    tf.get_variable("d", [4, 4], initializer=tf.contrib.layers.xavier_initializer())
    tf.get_variable("e", [4, 4], initializer=tf.orthogonal_initializer())
    tf.get_variable("f", [4, 4], initializer=tf.variance_scaling_initializer())
    tf.get_variable("g", [4, 4], initializer=tf.contrib.layers.variance_scaling_initializer())


@case
def dense(tf):
    y = tf.layers.dense(_x(tf, 8), 5, tf.nn.relu)
    tf.layers.dense(tf.layers.dropout(y, training=True), 3)
    _w(tf)


@case
def dense_of_rank_3(tf):
    tf.layers.dense(_x(tf, 4, 8), 5)
    _w(tf)


@case
def conv2d(tf):
    y = tf.layers.conv2d(_x(tf, 8, 8, 3), 5, 3, activation=tf.nn.relu)
    y = tf.layers.conv2d(y, 5, 3, padding="same")
    y = tf.layers.max_pooling2d(y, 2, 2)
    y = tf.layers.average_pooling2d(y, 2, 2)
    tf.layers.dense(tf.layers.flatten(y), 3)
    _w(tf)


@case
def dilated_conv2d(tf):
    tf.layers.conv2d(_x(tf, 8, 8, 3), 5, 3, dilation_rate=2)
    _w(tf)


@case
def unfused_and_inference_norms(tf):
    y = tf.layers.batch_normalization(_x(tf, 8, 8, 3), training=False)
    _w(tf)
    tf.layers.batch_normalization(y, training=True, fused=False)
    _w(tf)


@case
def random_ops(tf):
    tf.Variable(tf.random_uniform([4]))
    tf.Variable(tf.random.uniform([4], 0, 5))
    tf.Variable(tf.random_uniform([4], 0, 5, tf.int32))
    tf.Variable(tf.random_shuffle(tf.range(5)))
    tf.Variable(tf.nn.dropout(tf.ones([20]), keep_prob=0.5))
    tf.Variable(tf.multinomial(tf.zeros([1, 4]), 5))
    _w(tf)


@case
def stacks_of_gru_and_dropout(tf):
    rnn = tf.nn.rnn_cell
    keep = tf.placeholder(tf.float32)
    cells = [rnn.DropoutWrapper(rnn.GRUCell(5), keep, keep) for _ in range(2)]
    output, _ = tf.nn.dynamic_rnn(rnn.MultiRNNCell(cells), _x(tf, 4, 3), [2, 3], dtype=tf.float32)
    tf.layers.dense(output, 3)
    _w(tf)


@case
def conv1d(tf):
    y = tf.layers.conv1d(_x(tf, 8, 3), 5, 3)
    tf.layers.max_pooling1d(y, 2, 2)
    _w(tf)


@case
def conv3d(tf):
    y = tf.layers.conv3d(_x(tf, 8, 8, 8, 3), 5, 3, activation=tf.nn.relu)
    tf.layers.conv3d(y, 5, (1, 3, 3), padding="same")
    _w(tf)


@case
def batch_normalization(tf):
    y = tf.layers.batch_normalization(_x(tf, 8, 8, 3), training=True)
    _w(tf)
    y = tf.layers.batch_normalization(y, training=tf.placeholder(tf.bool))
    _w(tf)
    tf.layers.batch_normalization(tf.layers.flatten(y), training=True)
    _w(tf)


@case
def conv2d_transpose(tf):
    y = tf.layers.conv2d_transpose(_x(tf, 8, 8, 3), 5, 3, 2, padding="same")
    _w(tf)
    tf.layers.conv2d_transpose(y, 5, 5, 2)
    _w(tf)


@case
def separable_conv2d(tf):
    tf.layers.separable_conv2d(_x(tf, 8, 8, 3), 5, 3, padding="same")
    _w(tf)


@case
def slim(tf):
    s = tf.contrib.slim
    y = s.conv2d(_x(tf, 8, 8, 3), 5, 3)
    _w(tf)
    y = s.conv2d(y, 5, 3, normalizer_fn=s.batch_norm)
    _w(tf)
    y = s.flatten(s.max_pool2d(y, 2))
    y = s.dropout(s.fully_connected(y, 7, weights_regularizer=s.l2_regularizer(0.1)))
    s.fully_connected(y, 3, activation_fn=None)
    _w(tf)


@case
def slim_at_inference(tf):
    s = tf.contrib.slim
    with s.arg_scope([s.conv2d], normalizer_fn=s.batch_norm):
        with s.arg_scope([s.batch_norm, s.dropout], is_training=False):
            y = s.conv2d(_x(tf, 8, 8, 3), 5, 3)
            y = s.dropout(s.avg_pool2d(y, 8))
            s.conv2d(y, 5, 1, activation_fn=None, normalizer_fn=None)
            _w(tf)


@case
def slim_with_a_fed_mode(tf):
    s = tf.contrib.slim
    mode = tf.placeholder(tf.bool)
    y = s.conv2d(
        _x(tf, 8, 8, 3), 5, 3, normalizer_fn=s.batch_norm, normalizer_params={"is_training": mode}
    )
    s.dropout(y, is_training=mode)
    _w(tf)


@case
def contrib_layers(tf):
    c = tf.contrib.layers
    y = c.convolution2d(_x(tf, 8, 8, 3), 4, 3, normalizer_fn=c.batch_norm)
    _w(tf)
    y = c.layer_norm(y)
    _w(tf)
    y = c.conv2d_transpose(y, 4, 3, 2)
    _w(tf)
    y = c.separable_conv2d(y, 4, 3, 1)
    _w(tf)
    c.linear(c.flatten(y), 3)
    _w(tf)


@case
def basic_lstm(tf):
    cell = tf.nn.rnn_cell.BasicLSTMCell(5)
    _, state = tf.nn.dynamic_rnn(cell, _x(tf, 4, 3), dtype=tf.float32)
    tf.layers.dense(state[1], 2)
    _w(tf)


@case
def stacked_lstm(tf):
    rnn = tf.nn.rnn_cell
    cell = rnn.MultiRNNCell([rnn.LSTMCell(5) for _ in range(2)])
    tf.nn.dynamic_rnn(cell, tf.placeholder(tf.float32, [2, 4, 3]), dtype=tf.float32)
    _w(tf)


@case
def gru(tf):
    x = tf.placeholder(tf.float32, [2, 4, 3])
    tf.nn.static_rnn(tf.nn.rnn_cell.GRUCell(5), tf.unstack(x, axis=1), dtype=tf.float32)
    _w(tf)


@case
def bidirectional(tf):
    rnn = tf.contrib.rnn
    forth, back = rnn.BasicRNNCell(5), rnn.DropoutWrapper(rnn.LSTMCell(5), output_keep_prob=0.5)
    tf.nn.bidirectional_dynamic_rnn(forth, back, _x(tf, 4, 3), dtype=tf.float32)
    _w(tf)


@case
def keras(tf):
    layers = tf.keras.layers
    first = layers.Conv2D(4, 3, activation="relu", input_shape=(8, 8, 3))
    tf.keras.Sequential([first, layers.MaxPool2D(), layers.Flatten(), layers.Dense(2)])
    _w(tf)


@case
def plain_ops(tf):
    w = tf.Variable(tf.truncated_normal([3, 3, 3, 4], stddev=0.1))
    h = tf.nn.conv2d(_x(tf, 8, 8, 3), w, [1, 1, 1, 1], "SAME")
    h = tf.nn.max_pool(tf.nn.relu(h + 1.0), [1, 2, 2, 1], [1, 2, 2, 1], "SAME")
    h = tf.nn.dropout(tf.reshape(h, [-1, 64]), 0.5)
    _w(tf)
    y = tf.matmul(h, tf.Variable(tf.truncated_normal([64, 3], stddev=0.1)))
    t = _x(tf, 3)
    loss = tf.reduce_mean(tf.nn.softmax_cross_entropy_with_logits(labels=t, logits=y))
    _w(tf)
    right = tf.equal(tf.argmax(y, 1), tf.argmax(t, 1))
    tf.reduce_mean(tf.cast(right, tf.float32))
    tf.summary.scalar("loss", loss)
    _w(tf)


@case
def losses(tf):
    y, t = _x(tf, 4), _x(tf, 4)
    tf.losses.mean_squared_error(t, y)
    _w(tf)
    tf.losses.softmax_cross_entropy(t, y)
    _w(tf)
    tf.losses.sparse_softmax_cross_entropy(tf.placeholder(tf.int64, [None]), y)
    _w(tf)
    tf.losses.sigmoid_cross_entropy(t, y)
    tf.nn.sigmoid_cross_entropy_with_logits(labels=t, logits=y)
    tf.nn.sparse_softmax_cross_entropy_with_logits(labels=tf.argmax(t, 1), logits=y)
    _w(tf)


@case
def metrics(tf):
    y, t = _x(tf, 4), _x(tf, 4)
    tf.metrics.accuracy(tf.argmax(t, 1), tf.argmax(y, 1))
    _w(tf)


@case
def word2vec(tf):
    table = tf.Variable(tf.random_uniform([10, 4], -1, 1))
    words = tf.placeholder(tf.int32, [5])
    found = tf.nn.embedding_lookup(table, words)
    kernel = tf.Variable(tf.truncated_normal([10, 4]))
    biases = tf.Variable(tf.zeros([10]))
    tf.nn.nce_loss(kernel, biases, tf.reshape(words, [5, 1]), found, 3, 10)
    _w(tf)


@case
def control_flow(tf):
    tf.cond(tf.placeholder(tf.bool), lambda: tf.constant(1.0), lambda: tf.constant(2.0))
    _w(tf)
    tf.while_loop(lambda i: i < 3, lambda i: i + 1, [tf.constant(0)])
    _w(tf)


@case
def queues(tf):
    queue = tf.FIFOQueue(3, [tf.float32], [[]])
    queue.enqueue(1.0)
    queue.dequeue()
    _w(tf)
    tf.train.shuffle_batch([tf.constant(1.0)], 2, 10, 2)
    _w(tf)


@case
def datasets(tf):
    data = tf.data.Dataset.from_tensor_slices([1.0, 2.0]).shuffle(2).repeat().batch(2)
    data.map(lambda x: x * 2).make_one_shot_iterator().get_next()
    _w(tf)
    data.make_initializable_iterator().get_next()
    _w(tf)


@case
def helpers(tf):
    x = tf.constant([1.0, 2.0])
    average = tf.train.ExponentialMovingAverage(0.9)
    average.apply([_w(tf)])
    _w(tf)
    tf.clip_by_value(x, 0.0, 1.0)
    tf.clip_by_norm(x, 1.0)
    _w(tf)
    tf.train.Saver()
    _w(tf)
    step = tf.Variable(0, trainable=False)
    tf.train.exponential_decay(0.1, step, 10, 0.9, staircase=True)
    _w(tf)
    tf.nn.moments(x, [0])
    tf.nn.l2_loss(x) + tf.reduce_sum(x) / 2.0
    tf.one_hot([1], 3)
    tf.concat([x, x], 0)[1:2]
    _w(tf)


def main():
    import tensorflow as tf

    tf.logging.set_verbosity(tf.logging.ERROR)
    out, names = sys.argv[1], sys.argv[2:] or list(CASES)
    with open(out, "w") as file:
        file.write("{\n")
        lines = ["%s: %s" % (json.dumps(name), json.dumps(weights(tf, name))) for name in names]
        file.write(",\n".join(lines) + "\n}\n")


if __name__ == "__main__":
    main()
