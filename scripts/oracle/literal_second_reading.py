"""The errata of a second reading, documents 000 to 004, reduced to the lines at fault.

``outcome(tf, name)`` runs one; see literal.py.
"""

from __future__ import annotations

import collections
import inspect
from importlib.util import find_spec

import numpy as np
from literal import get_outcome, write_outcomes


def outcome(tf, name):
    """Runs the lines of a name; see literal.py."""
    return get_outcome(LITERAL[name], tf)


def _count_up(*shape):
    return np.arange(np.prod(shape), dtype=np.float32).reshape(shape)


def _run(tf, fetches, feed=None):
    with tf.Session() as session:
        session.run(tf.global_variables_initializer())
        return session.run(fetches, feed)


def _000_e19_steps(tf):
    """Whether each time step is a row of the one picture, here of 4x4 pixels with 2 channels."""
    maps = _count_up(3, 4, 4, 2)
    steps = _run(tf, tf.reshape(tf.constant(maps), [-1, 4, 4 * 2]))
    return [bool((steps[:, i] == maps[:, i].reshape(3, 8)).all()) for i in range(4)]


def _000_e21_flatten(tf):
    """The shape before the reshape, and whether the reshape changes a value."""
    cells = tf.nn.rnn_cell.MultiRNNCell([tf.nn.rnn_cell.LSTMCell(6)])
    outputs, _ = tf.nn.dynamic_rnn(cells, tf.constant(_count_up(3, 4, 5)), dtype=tf.float32)
    last = outputs[:, -1, :]
    before, after = _run(tf, [last, tf.reshape(last, [-1, 6])])
    return [last.shape.as_list(), bool((before == after).all())]


def _keep_prob(tf):
    with tf.variable_scope("reference"), tf.name_scope("dropout"):
        keep_prob = tf.placeholder(tf.float32)
        return keep_prob, tf.nn.dropout(tf.ones([2, 3]), keep_prob)


def _001_e25_name(tf):
    return _keep_prob(tf)[0].name


def _001_e25_nothing_fed(tf):
    _run(tf, _keep_prob(tf)[1])


def _001_e26_names(tf):
    features = tf.placeholder(tf.float32, [None, 64, 64, 3])
    labels = tf.placeholder(tf.int64, [None, 6])
    tf.layers.dense(tf.layers.flatten(features), 6)
    nodes = tf.train.export_meta_graph().graph_def.node
    named = [node.name for node in nodes if node.op == "Placeholder"]
    assert named == [features.op.name, labels.op.name]
    return named


def _002_e30_pool(inside):
    """Strides of the last pool, and the shape of the logits, for a map of 9x9 (331 pixels)."""

    def run(tf):
        slim, net = tf.contrib.slim, tf.zeros([1, 9, 9, 4])
        kinds = [slim.conv2d, slim.max_pool2d, slim.avg_pool2d]
        with slim.arg_scope(kinds if inside else [], stride=1, padding="SAME"):
            with tf.variable_scope("Logits"):
                pooled = slim.avg_pool2d(net, [8, 8], padding="VALID", scope="AvgPool_1a_8x8")
                logits = tf.squeeze(pooled, [1, 2], name="SpatialSqueeze")
        return [[int(side) for side in pooled.op.get_attr("strides")], logits.shape.as_list()]

    return run


def _002_e31_stem(tf):
    """Type, kernel and padding of each layer before the first module."""
    slim = tf.contrib.slim
    net = tf.placeholder(tf.float32, [None, 299, 299, 3])
    kinds = [slim.conv2d, slim.max_pool2d, slim.avg_pool2d]
    with slim.arg_scope(kinds, stride=1, padding="VALID"):
        net = slim.conv2d(net, 32, [3, 3], stride=2, scope="Conv2d_1a_3x3")
        net = slim.conv2d(net, 32, [3, 3], scope="Conv2d_2a_3x3")
        net = slim.conv2d(net, 64, [3, 3], padding="SAME", scope="Conv2d_2b_3x3")
        net = slim.max_pool2d(net, [3, 3], stride=2, scope="MaxPool_3a_3x3")
        net = slim.conv2d(net, 80, [1, 1], scope="Conv2d_3b_1x1")
        net = slim.conv2d(net, 192, [3, 3], scope="Conv2d_4a_3x3")
        slim.max_pool2d(net, [3, 3], stride=2, scope="MaxPool_5a_3x3")
    operations = tf.get_default_graph().get_operations()
    layers = [op for op in operations if op.type in ("Conv2D", "MaxPool")]
    forms = []
    for op in layers:
        is_pool = op.type == "MaxPool"
        kernel = op.get_attr("ksize")[1:3] if is_pool else op.inputs[1].shape.as_list()[:2]
        forms.append([op.type, [int(side) for side in kernel], op.get_attr("padding").decode()])
    return forms


def _make_unit(tf):
    """The lines of l.1048 to 1063 and l.1116 that concern ``training``, as a Keras layer."""
    layers = tf.keras.layers

    class Unit(layers.Layer):
        def __init__(self):
            super(Unit, self).__init__()
            self.bn1 = layers.BatchNormalization(momentum=0.9)
            shortcut = layers.BatchNormalization(momentum=0.9)
            self.downsample = tf.keras.Sequential([shortcut])

        def call(self, inputs, training=False):
            identity = self.downsample(inputs)
            return self.bn1(inputs, training=training) + identity

    return Unit()


def _004_e49_keras(tf):
    """Whether the shortcut that is not told training normalizes with the batch, as the path does.

    The batch has mean 3: the sum of both has mean 0 with the batch, 3 where one takes averages.
    """
    x = tf.constant(np.random.RandomState(0).normal(3, 2, (64, 4, 4, 2)).astype(np.float32))
    y = _make_unit(tf)(x, training=True)
    return abs(round(float(_run(tf, y).mean())))


def _004_e49_layers(tf):
    """The same with tf.layers, line by line: the mean of the sum, and what is updated."""
    x = tf.constant(np.random.RandomState(0).normal(3, 2, (64, 4, 4, 2)).astype(np.float32))
    identity = tf.layers.batch_normalization(x, name="shortcut")
    y = tf.layers.batch_normalization(x, name="bn1", training=True) + identity
    updates = tf.get_collection(tf.GraphKeys.UPDATE_OPS)
    updated = sorted({op.name.split("/")[0] for op in updates})
    return [abs(round(float(_run(tf, y).mean()))), updated]


def _004_e50_keras(tf):
    """Whether a dropout in a layer that is called without training drops in training."""
    layers = tf.keras.layers

    class Branch(layers.Layer):
        def __init__(self):
            super(Branch, self).__init__()
            self.drop = layers.Dropout(0.5)

        def call(self, inputs, training=None):
            return self.drop(inputs, training=training)

    class Block(layers.Layer):
        def __init__(self):
            super(Block, self).__init__()
            self.attn = Branch()

        def call(self, inputs, training=None):
            return self.attn(inputs)

    y = _run(tf, Block()(tf.ones([1, 1000]), training=True))
    return bool((y == 0).any())


def _004_e50_layers(tf):
    def branch(x, training=False):
        return tf.layers.dropout(x, 0.5, training=training)

    def block(x, training=False):
        return branch(x)

    return bool((_run(tf, block(tf.ones([1, 1000]), training=True)) == 0).any())


def _count_trained(tf, layers):
    model = tf.keras.Sequential(layers)
    return sum(int(np.prod(v.shape.as_list())) for v in model.trainable_variables)


def _004_e51_text(tf):
    feature = tf.keras.layers.Input((2048,))
    return _count_trained(tf, [feature, tf.keras.layers.Dense(5)])


def _004_e51_script(tf):
    layers = tf.keras.layers
    head = [layers.Input((7, 7, 2048)), layers.GlobalAvgPool2D(), layers.Dropout(rate=0.5)]
    head += [layers.Dense(1024, activation="relu"), layers.Dropout(rate=0.5)]
    return _count_trained(tf, head + [layers.Dense(5), layers.Softmax()])


def _004_e53_head_of_zeros(tf):
    zeros = tf.keras.initializers.Zeros()
    head = tf.keras.layers.Dense(7, name="head", kernel_initializer=zeros)
    return float(np.abs(_run(tf, head(tf.constant(_count_up(2, 5))))).max())


def _004_e55_arguments(tf):
    return list(inspect.signature(tf.keras.layers.Conv2D.__init__).parameters)[1:7]


def _004_e56_sides(tf):
    """The images that resnet50(224, 320) takes: [None, height, width, 3]."""

    def _resnet(im_width=224, im_height=224):
        return tf.keras.layers.Input(shape=(im_height, im_width, 3), dtype="float32")

    def resnet50(im_width=224, im_height=224):
        return _resnet(im_width, im_height)

    return resnet50(224, 320).shape.as_list()


def _004_e57_main_head(tf):
    return tf.keras.layers.Softmax(name="aux_3")(tf.zeros([2, 5])).op.name


def _004_e58_dropouts(tf):
    """The dropouts of an auxiliary head in training: the rate of each, as a share of zeros."""
    layers = tf.keras.layers

    class InceptionAux(layers.Layer):
        def __init__(self):
            super(InceptionAux, self).__init__()
            self.dropped = []

        def call(self, inputs, **kwargs):
            x = layers.Flatten()(inputs)
            for _ in range(2):
                x = layers.Dropout(rate=0.5)(x)
                self.dropped.append(x)
                x = tf.ones_like(x)  # in place of the dense layers
            return x

    head = InceptionAux()
    head(tf.ones([1, 100, 100, 1]), training=True)
    return [round(float((value == 0).mean()), 1) for value in _run(tf, head.dropped)]


def _004_e59_dropout(tf):
    y = tf.keras.layers.Dropout(0.2)(tf.ones([1, 10000]), training=True)
    return round(float((_run(tf, y) == 0).mean()), 1)


def _004_e60_estimators(tf):
    return "LinearClassifier" in dir(tf.estimator)


def _004_e61_flip(tf):
    """The generator of l.348 to 349, on arrays."""
    if find_spec("scipy"):
        return "SciPy is installed"
    generator = tf.keras.preprocessing.image.ImageDataGenerator(
        rescale=1.0 / 255, horizontal_flip=True
    )
    images = _count_up(4, 8, 8, 3)
    return list(next(generator.flow(images, batch_size=2, shuffle=False)).shape)


LITERAL = collections.OrderedDict(
    [
        ("000-E19 steps are rows", _000_e19_steps),
        ("000-E21 reshape of the last output", _000_e21_flatten),
        ("001-E25 name of keep_prob", _001_e25_name),
        ("001-E25 nothing fed", _001_e25_nothing_fed),
        ("001-E26 names in the .meta", _001_e26_names),
        ("002-E30 inside the arg_scope", _002_e30_pool(True)),
        ("002-E30 outside", _002_e30_pool(False)),
        ("002-E31 forms of the stem", _002_e31_stem),
        ("004-E49 tf.keras", _004_e49_keras),
        ("004-E49 tf.layers", _004_e49_layers),
        ("004-E50 tf.keras", _004_e50_keras),
        ("004-E50 tf.layers", _004_e50_layers),
        ("004-E51 as the text", _004_e51_text),
        ("004-E51 as the script", _004_e51_script),
        ("004-E53 head of zeros", _004_e53_head_of_zeros),
        ("004-E55 arguments of Conv2D", _004_e55_arguments),
        ("004-E56 resnet50(224, 320)", _004_e56_sides),
        ("004-E57 name of the main head", _004_e57_main_head),
        ("004-E58 dropouts of a head", _004_e58_dropouts),
        ("004-E59 rate of AlexNet's dropout", _004_e59_dropout),
        ("004-E60 premade estimators", _004_e60_estimators),
        ("004-E61 flip without SciPy", _004_e61_flip),
    ]
)

if __name__ == "__main__":
    write_outcomes(outcome, LITERAL)
