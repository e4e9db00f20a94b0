"""The formulas of the documents: worked numbers, and TensorFlow's own answers."""

import numpy as np
import pytest

from legacy_nets import tf1 as tf
from legacy_nets.anatomy import formulas
from legacy_nets.errors import BadInputError


def test_output_sizes_of_the_documents():
    assert formulas.compute_output_size(299, 3, 2) == 149  # 002: (299-3)/2+1
    assert formulas.compute_output_size(28, 3) == 26
    assert formulas.compute_output_size(224, 11, 4, (1, 2)) == 55  # 004: AlexNet
    assert formulas.compute_output_size(224, 7, 2, 3) == 112
    assert formulas.compute_output_size(15, 2, 2, "same") == 8
    assert formulas.compute_output_size(7, 3, dilation=2) == 3
    assert formulas.compute_same_padding(224, 7, 2) == (2, 3)
    assert formulas.compute_same_padding(5, 1, 3) == (0, 0)


def test_output_size_is_that_of_tensorflow():
    for size in (5, 8, 13):
        for kernel in (1, 2, 5):
            for stride in (1, 2, 3):
                for padding in ("VALID", "SAME"):
                    with tf.Graph().as_default():
                        x = tf.placeholder(tf.float32, [1, size, size, 1])
                        w = tf.zeros([kernel, kernel, 1, 1])
                        got = tf.nn.conv2d(x, w, [1, stride, stride, 1], padding)
                    want = formulas.compute_output_size(size, kernel, stride, padding)
                    assert got.shape.as_list() == [1, want, want, 1]


def test_multiply_adds():
    assert formulas.count_conv_multiply_adds((112, 112), (7, 7), 3, 64) == 118013952
    assert formulas.count_conv_multiply_adds((28, 28), (3, 3), 128, 128, groups=32) == 3612672
    assert formulas.count_depthwise_multiply_adds((14, 14), (3, 3), 512) == 903168
    assert formulas.count_dense_multiply_adds(768, 3072, rows=197) == 464781312


def test_same_padding_is_what_tensorflow_pads():
    for size, kernel, stride in ((7, 3, 2), (8, 3, 2), (9, 4, 3), (6, 5, 1)):
        before, after = formulas.compute_same_padding(size, kernel, stride)
        x = np.arange(1, size + 1, dtype=np.float32).reshape(1, size, 1, 1)
        with tf.Graph().as_default(), tf.Session() as session:
            w = tf.ones([kernel, 1, 1, 1])
            same = tf.nn.conv2d(x, w, [1, stride, 1, 1], "SAME")
            padded = tf.pad(x, [[0, 0], [before, after], [0, 0], [0, 0]])
            valid = tf.nn.conv2d(padded, w, [1, stride, 1, 1], "VALID")
            np.testing.assert_array_equal(*session.run([same, valid]))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((4, 5), "a kernel that spans 5 pixels does not fit into 4 with 0.0 zeros"),
        ((4, 3, 0), "stride 0"),
        ((4, 3, 1, "FULL"), "padding 'FULL'"),
    ],
)
def test_bad_input(arguments, message):
    with pytest.raises(BadInputError, match=message.replace("0.0", r"0\+0")):
        formulas.compute_output_size(*arguments)
