"""The errors of document 002's listing where it runs, reduced to the lines at fault.

``outcome(tf, name)`` runs one; see literal.py.
"""

from __future__ import annotations

import collections

import numpy as np
from literal import get_outcome, write_outcomes


def outcome(tf, name):
    """Runs the lines of a name; see literal.py."""
    return get_outcome(LITERAL[name], tf, tf.contrib.slim)


def _images(tf, side, channels=3):
    return tf.placeholder(tf.float32, [None, side, side, channels])


def _names(tf):
    return [v.op.name for v in tf.global_variables()]


def _e04_misspelt_argument(tf, slim):
    def base(inputs, scepe=None):
        with tf.variable_scope(scope, "InceptionV3", [inputs]):  # noqa: F821
            return inputs

    return base(_images(tf, 9))


def _e05_stale_branch(tf, slim):
    """Whether Mixed_6c begins with the branch of Mixed_6b; which of its weights get a gradient.

    Without ReLU: it could cut all channels of both to zero, and then they would be the same.
    """
    x = _images(tf, 9, 4)
    branch_0 = net = slim.conv2d(x, 2, [1, 1], activation_fn=None, scope="Mixed_6b")
    ranch_0 = slim.conv2d(net, 2, [1, 1], activation_fn=None, scope="Mixed_6c")
    joined = tf.concat(axis=3, values=[branch_0, net])
    weights = [v for v in tf.trainable_variables() if "Mixed_6c" in v.op.name]
    with tf.Session() as session:
        session.run(tf.global_variables_initializer())
        got, stale, right = session.run([joined, branch_0, ranch_0], {x: np.ones([1, 9, 9, 4])})
    return {
        "shape": joined.shape.as_list(),
        "first channels are Mixed_6b's": bool((got[..., :2] == stale).all()),
        "first channels are Mixed_6c's": bool((got[..., :2] == right).all()),
        "gradients": [gradient is not None for gradient in tf.gradients(joined, weights)],
    }


def _e13_no_arg_scope(tf, slim):
    slim.nets.inception.inception_v3(_images(tf, 299), 1000)
    return [len(_names(tf)), _names(tf)[1]]


def _e14_dropout_at_prediction(tf, slim):
    """How many of 10,000 features are zero in each of two predictions, and whether they differ."""
    features = slim.dropout(tf.ones([1, 1, 1, 10000]), keep_prob=0.8, scope="Dropout_1b")
    with tf.Session() as session:
        one, two = session.run(features), session.run(features)
    zeros = [float((value == 0).mean()) for value in (one, two)]
    return {
        "about a fifth": [0.18 < share < 0.22 for share in zeros],
        "same": bool((one == two).all()),
    }


def _e15_auto_reuse(tf, slim):
    with tf.variable_scope("InceptionV3", reuse=True):
        slim.conv2d(_images(tf, 9), 4, [3, 3], scope="Conv2d_4a_3x3", reuse=tf.AUTO_REUSE)
    return _names(tf)


def _e16_second_call(tf, slim):
    for _ in range(2):
        with tf.variable_scope(None, "InceptionV3"):
            slim.conv2d(_images(tf, 9), 4, [3, 3], scope="Conv2d_1a_3x3")
    return _names(tf)[::2]


def _e16_second_call_in_one_scope(tf, slim):
    for _ in range(2):
        with tf.variable_scope("InceptionV3"):
            slim.conv2d(_images(tf, 9), 4, [3, 3], scope="Conv2d_1a_3x3")


def _e25_pool_of_a_small_map(tf, slim):
    """75 pixels leave a map of 3x3 for the auxiliary head."""
    slim.avg_pool2d(_images(tf, 3), [5, 5], stride=3, padding="VALID")


def _e28_end_points(tf, slim):
    return list(slim.nets.inception.inception_v3(_images(tf, 107), 5)[1])


LITERAL = collections.OrderedDict(
    [
        ("E04 misspelt argument", _e04_misspelt_argument),
        ("E05 stale branch", _e05_stale_branch),
        ("E13 no arg_scope", _e13_no_arg_scope),
        ("E14 dropout at prediction", _e14_dropout_at_prediction),
        ("E15 AUTO_REUSE", _e15_auto_reuse),
        ("E16 second call", _e16_second_call),
        ("E16 second call in one scope", _e16_second_call_in_one_scope),
        ("E25 pool of a small map", _e25_pool_of_a_small_map),
        ("E28 end points", _e28_end_points),
    ]
)


if __name__ == "__main__":
    write_outcomes(outcome, LITERAL)
