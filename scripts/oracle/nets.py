"""The documents' nets under TensorFlow 1, with their errors fixed: the reference for ours.

Documents 002 and 003: with its errors fixed, their code equals tf.contrib.slim.nets bit for bit,
so slim's nets run here. Documents 000 and 001: their code, fixed.

``NETS`` maps a net's name to (images, num_classes, is_training, **options) -> (logits,
end_points); to add a net, add a function and its name.
"""

from __future__ import annotations

import collections
import re

import tensorflow as tf
from tensorflow.contrib import slim
from tensorflow.contrib.slim import nets as slim_nets


def _tensor(pattern):
    """The one tensor of the graph whose operation matches."""
    found = [op for op in tf.get_default_graph().get_operations() if re.search(pattern, op.name)]
    (operation,) = found
    return operation.outputs[0]


def _insert(end_points, before, key, tensor):
    """The end points with one more, before the key ``before`` (or last)."""
    result = collections.OrderedDict()
    for name, point in end_points.items():
        if name == before:
            result[key] = tensor
        result[name] = point
    result.setdefault(key, tensor)
    return result


def inception_v3(images, num_classes, is_training, **options):
    """tf.contrib.slim's, with AvgPool_1a (002-E28) among the end points."""
    with slim.arg_scope(slim_nets.inception.inception_v3_arg_scope()):
        logits, end_points = slim_nets.inception.inception_v3(
            images, num_classes, is_training, **options
        )
    pool = _tensor(r"/Logits/AvgPool_1a_\dx\d/AvgPool$")
    # Python 3.7 keeps the order of a dict, and slim fills it in order of construction.
    return logits, _insert(end_points, "PreLogits", "AvgPool_1a", pool)


def _resnet(name):
    """tf.contrib.slim's, with the pooled features as an end point. It never squeezes its logits."""

    def build(
        images, num_classes, is_training, global_pool=True, spatial_squeeze=False, **options
    ):
        assert not spatial_squeeze
        with slim.arg_scope(slim_nets.resnet_v2.resnet_arg_scope()):
            net, end_points = getattr(slim_nets.resnet_v2, name)(
                images, num_classes, is_training, global_pool, **options
            )
        if global_pool:
            pool = _tensor("^%s/pool5$" % name)
            end_points = _insert(end_points, name + "/logits", "global_pool", pool)
        return net, end_points

    return build


class HandClassifier(object):
    """Document 001: its methods, with 001-E01 (linear logits) and E05 to E08 fixed."""

    def __init__(self, shortcut_batch_norm):
        self.shortcut_batch_norm = shortcut_batch_norm
        self.end_points = collections.OrderedDict()

    def weight_variable(self, shape):
        return tf.Variable(tf.truncated_normal(shape, stddev=0.1))

    def convolution(self, x, size, inputs, outputs, stride, padding, training, norm=True):
        kernel = self.weight_variable([size, size, inputs, outputs])
        x = tf.nn.conv2d(x, kernel, strides=[1, stride, stride, 1], padding=padding)
        return tf.layers.batch_normalization(x, axis=3, training=training) if norm else x

    def block(self, x, in_filter, filters, name, training, stride, projection):
        f1, f2, f3 = filters
        with tf.variable_scope(name):
            y = self.convolution(x, 1, in_filter, f1, stride, "VALID", training)
            y = tf.nn.relu(y)
            y = tf.nn.relu(self.convolution(y, 3, f1, f2, 1, "SAME", training))
            y = self.convolution(y, 1, f2, f3, 1, "VALID", training)
            if projection:
                norm = self.shortcut_batch_norm
                x = self.convolution(x, 1, in_filter, f3, stride, "VALID", training, norm)
            self.end_points[name] = y = tf.nn.relu(tf.add(x, y))
        return y

    def deepnn(self, x_input, classes, training, keep_prob):
        points = self.end_points
        x = tf.pad(x_input, tf.constant([[0, 0], [3, 3], [3, 3], [0, 0]]), "CONSTANT")
        with tf.variable_scope("reference"):
            x = self.convolution(x, 7, 3, 64, 2, "VALID", training)
            points["conv1"] = x = tf.nn.relu(x)
            x = tf.nn.max_pool(x, [1, 3, 3, 1], [1, 2, 2, 1], padding="VALID")
            points["pool1"] = x
            depth = 64
            stages = [(64, "abc"), (128, "abcd"), (256, "abcdef"), (512, "abc")]
            for stage, (width, letters) in enumerate(stages, 2):
                for letter in letters:
                    stride = 2 if letter == "a" and stage > 2 else 1
                    name = "res%d%s" % (stage, letter)
                    filters = (width, width, 4 * width)
                    x = self.block(x, depth, filters, name, training, stride, letter == "a")
                    depth = 4 * width
            window = [1] + x.shape[1:3].as_list() + [1]  # 2x2 in the document: 001-E07
            points["pool5"] = x = tf.nn.avg_pool(x, window, [1, 1, 1, 1], padding="VALID")
            x = tf.layers.dense(tf.layers.flatten(x), units=50, activation=tf.nn.relu)
            points["fc50"] = x
            with tf.name_scope("dropout"):
                x = tf.nn.dropout(x, keep_prob)
            points["logits"] = logits = tf.layers.dense(x, units=classes)
            points["predictions"] = tf.nn.softmax(logits, name="predictions")
        return logits


def hand_signs(images, num_classes, is_training, keep_prob=0.5, shortcut_batch_norm=False):
    """Document 001's deepnn, with a bool in place of its two placeholders."""
    classifier = HandClassifier(shortcut_batch_norm)
    keep_prob = keep_prob if is_training else 1.0
    logits = classifier.deepnn(images, num_classes, is_training, keep_prob)
    return logits, classifier.end_points


def conv2d_layer(x, filters):
    return tf.layers.conv2d(x, filters, 3, 1, "same", activation=tf.nn.relu)


def residual_block(x, filters):
    return tf.add(conv2d_layer(conv2d_layer(x, filters), filters), x)


def lstm_layer(x):
    cells = tf.nn.rnn_cell.MultiRNNCell([tf.nn.rnn_cell.LSTMCell(512)])
    return tf.nn.dynamic_rnn(cells, x, dtype=tf.float32)[0]


def cnn_lstm(images, num_classes, is_training, second_half=False, lstm_map="column"):
    """Document 000's first listing, 000-E01 fixed, with the output layer of its last one."""
    points = collections.OrderedDict()
    points["conv1"] = x = conv2d_layer(images, 32)
    points["conv2"] = x = conv2d_layer(x, 32)
    points["residual1"] = x = residual_block(x, 32)
    points["pool1"] = x = tf.layers.max_pooling2d(x, 2, 2)
    points["conv3"] = x = conv2d_layer(x, 64)
    points["conv4"] = x = conv2d_layer(x, 64)
    points["residual2"] = x = residual_block(x, 64)
    points["pool2"] = x = tf.layers.max_pooling2d(x, 2, 2)
    points["conv5"] = x = conv2d_layer(x, 128)
    points["conv6"] = x = conv2d_layer(x, 128)
    points["residual3"] = x = residual_block(x, 128)
    points["pool3"] = x = tf.layers.max_pooling2d(x, 2, 2, "same")  # 000-E01
    points["conv7"] = x = conv2d_layer(x, 256)
    points["conv8"] = x = conv2d_layer(x, 256)
    points["residual4"] = x = residual_block(x, 256)
    rows, columns = x.shape.as_list()[1:3]  # 4 and 4 in the document
    points["lstm_input"] = x = tf.reshape(x, [-1, rows, columns * 256])
    points["lstm_output"] = x = lstm_layer(x)
    if second_half:  # 000-E02, decision 1
        x = tf.reshape(x, [-1, rows, 1, 512])
        columns = 1
        if lstm_map == "tile":
            columns = rows
            x = tf.tile(x, [1, 1, columns, 1])
        points["resnet_input"] = x
        points["residual5"] = x = residual_block(x, 512)
        points["lstm_input2"] = x = tf.reshape(x, [-1, rows, columns * 512])
        with tf.variable_scope("lstm_2"):  # 000-E03, decision 2
            points["lstm_output2"] = x = lstm_layer(x)
    if num_classes is None:
        return x, points
    points["flatten"] = x = tf.reshape(x[:, -1, :], [-1, 512])
    points["logits"] = x = tf.layers.dense(x, num_classes)
    return x, points


def cnn_lstm_resnet(images, num_classes, is_training, lstm_map="column"):
    """Document 000's first two listings and its output layer."""
    return cnn_lstm(images, num_classes, is_training, True, lstm_map)


def conv3d_layer(x, filters, kernel_size, strides, activation=tf.nn.relu):
    return tf.layers.conv3d(x, filters, kernel_size, strides, "same", activation=activation)


def residual_3d_block(x, filters):
    return tf.add(conv3d_layer(conv3d_layer(x, filters, 3, 1), filters, 3, 1), x)


def residual_2plus1d_block(x, filters):  # conv3d: 000-E04
    y = conv3d_layer(x, filters, (1, 3, 3), 1)
    y = conv3d_layer(y, filters, (3, 1, 1), 1)
    return tf.add(conv3d_layer(y, filters, (1, 1, 1), 1, None), x)


def three_layers_3d_resnet(x, points, prefix=""):
    points[prefix + "conv1"] = x = conv3d_layer(x, 64, 3, 1)
    points[prefix + "conv2"] = x = conv3d_layer(x, 128, 3, 2)
    points[prefix + "residual1"] = x = residual_3d_block(x, 128)
    points[prefix + "residual2"] = x = residual_3d_block(x, 128)
    points[prefix + "conv3"] = x = conv3d_layer(x, 256, 3, 2)
    points[prefix + "residual3"] = x = residual_3d_block(x, 256)
    points[prefix + "residual4"] = x = residual_3d_block(x, 256)
    points[prefix + "conv4"] = x = conv3d_layer(x, 512, 3, 2)
    points[prefix + "residual5"] = x = residual_3d_block(x, 512)
    points[prefix + "residual6"] = x = residual_3d_block(x, 512)
    return x


def three_layers_2plus1d_resnet(x, points, prefix=""):  # conv3d, max_pooling3d: 000-E05
    points[prefix + "conv1"] = x = conv3d_layer(x, 64, (1, 7, 7), (1, 2, 2))
    points[prefix + "pool1"] = x = tf.layers.max_pooling3d(x, (1, 3, 3), (1, 2, 2), "same")
    points[prefix + "residual1"] = x = residual_2plus1d_block(x, 64)
    points[prefix + "residual2"] = x = residual_2plus1d_block(x, 64)
    points[prefix + "conv2"] = x = conv3d_layer(x, 128, (1, 3, 3), (1, 2, 2))
    points[prefix + "residual3"] = x = residual_2plus1d_block(x, 128)
    points[prefix + "residual4"] = x = residual_2plus1d_block(x, 128)
    points[prefix + "conv3"] = x = conv3d_layer(x, 256, (1, 3, 3), (1, 2, 2))
    points[prefix + "residual5"] = x = residual_2plus1d_block(x, 256)
    points[prefix + "residual6"] = x = residual_2plus1d_block(x, 256)
    return x


def three_layers_3d_resnet_2plus1d(x, points):
    x = three_layers_3d_resnet(x, points, "3d/")
    return three_layers_2plus1d_resnet(x, points, "2plus1d/")


def _video(trunk):
    """Document 000's nets for clips, with the head that 000-E11 misses."""

    def build(clips, num_classes, is_training):
        points = collections.OrderedDict()
        x = trunk(clips, points)
        if num_classes is not None:
            points["global_pool"] = x = tf.reduce_mean(x, [1, 2, 3])
            points["logits"] = x = tf.layers.dense(x, num_classes)
        return x, points

    return build


NETS = {
    "cnn_lstm": cnn_lstm,
    "cnn_lstm_resnet": cnn_lstm_resnet,
    "resnet_3d": _video(three_layers_3d_resnet),
    "resnet_2plus1d": _video(three_layers_2plus1d_resnet),
    "resnet_3d_2plus1d": _video(three_layers_3d_resnet_2plus1d),
    "hand_signs": hand_signs,
    "inception_v3": inception_v3,
    "resnet_v2_50": _resnet("resnet_v2_50"),
    "resnet_v2_101": _resnet("resnet_v2_101"),
    "resnet_v2_152": _resnet("resnet_v2_152"),
    "resnet_v2_200": _resnet("resnet_v2_200"),
}
