"""Cases of ``tf.contrib.quantize``: the nodes that it adds, values, gradients and ranges."""

from __future__ import annotations

import numpy as np
from contrib_graph import join_texts
from contrib_rnn import data


def _chain(tf, images, training):
    """Convolutions with fused batch norms and without, and a dense layer."""
    slim = tf.contrib.slim
    norm = {"is_training": training, "decay": 0.9, "fused": True, "scale": True}
    with slim.arg_scope([slim.conv2d, slim.separable_conv2d], padding="SAME",
                        normalizer_fn=slim.batch_norm, normalizer_params=norm):  # fmt: skip
        net = slim.conv2d(images, 4, [3, 3], scope="first")
        net = slim.separable_conv2d(net, None, [3, 3], 1, scope="depthwise")
        net = slim.conv2d(net, 4, [1, 1], activation_fn=tf.nn.relu6, scope="point")
    net = slim.conv2d(net, 4, [1, 1], scope="biased")
    return slim.fully_connected(tf.reduce_mean(net, [1, 2]), 3, activation_fn=None, scope="logits")


def _residual(tf, images, training):
    """A sum before an activation, one after it, and a product of quantized values."""
    slim = tf.contrib.slim
    norm = {"is_training": training, "decay": 0.9, "fused": True}
    with tf.variable_scope("block"):
        with slim.arg_scope([slim.conv2d], normalizer_fn=slim.batch_norm, normalizer_params=norm):
            net = slim.conv2d(images, 3, [3, 3], scope="first")
            short = slim.conv2d(net, 3, [3, 3], activation_fn=None, scope="second")
        net = tf.nn.relu(net + short)
        after = net + slim.conv2d(net, 3, [1, 1], scope="third")
        return tf.reduce_mean(tf.identity(after) + after, [1, 2])


def _plain(tf, images, training):
    """tf.layers without batch norm."""
    net = tf.nn.relu(tf.layers.conv2d(images, 4, 3, name="conv"))
    net = tf.reshape(net, [-1, 6 * 6 * 4])
    return tf.layers.dense(net, 2, name="dense")


def _case(name, build, rewrite, training=True, with_nodes=True):
    def case(tf):
        with tf.variable_scope("", use_resource=False):
            return run(tf)

    def run(tf):
        graph = tf.get_default_graph()
        images = data(tf, "images", [4, 8, 8, 3])
        logits = tf.identity(build(tf, images, training), name="out")
        before = {op.name for op in graph.get_operations()}
        rewrite(tf, graph)
        added = [op for op in graph.get_operations() if op.name not in before]
        found = {}
        if with_nodes:  # a delay has other nodes with today's control flow
            found["nodes"] = join_texts(sorted(
                "{} {} {}".format(op.name, op.type, " ".join(value.name for value in op.inputs))
                for op in added))  # fmt: skip
        weights = tf.trainable_variables()
        gradients = tf.gradients(tf.reduce_sum(tf.square(logits)), weights)
        ranges = [v for v in tf.global_variables() if v.op.name.endswith(("/min", "/max"))]
        with tf.Session() as session:
            session.run(tf.global_variables_initializer())
            for number, variable in enumerate(weights):
                values = np.random.RandomState(number).normal(size=variable.shape.as_list())
                variable.load(0.3 * values + ("gamma" in variable.name), session)
            for number in range(3):
                values = session.run([logits, [g for g in gradients if g is not None]])
                found["logits {}".format(number)] = values[0]
                if number == 0:
                    names = [w.op.name for w, g in zip(weights, gradients) if g is not None]  # noqa: B905
                    found.update({"slope " + n: v for n, v in zip(names, values[1])})  # noqa: B905
            found.update({"range " + v.op.name: session.run(v) for v in ranges})
        return found

    case.__name__ = name
    return case


def _train(tf, graph):
    tf.contrib.quantize.create_training_graph(graph, quant_delay=0)


def _delayed(tf, graph):
    tf.contrib.quantize.experimental_create_training_graph(
        graph, weight_bits=4, symmetric=True, quant_delay=2, freeze_bn_delay=1)  # fmt: skip


def _scoped(tf, graph):
    tf.contrib.quantize.experimental_create_training_graph(graph, scope="block/second")


def _evaluate(tf, graph):
    tf.contrib.quantize.create_eval_graph(graph)


CASES = [
    _case("chain", _chain, _train),
    _case("chain_eval", _chain, _evaluate, training=False),
    _case("residual", _residual, _train),
    _case("residual_scoped", _residual, _scoped),
    _case("plain", _plain, _train),
    _case("plain_eval", _plain, _evaluate, training=False),
    _case("plain_delayed", _plain, _delayed, with_nodes=False),
]
