"""Self-attention as document 004 writes it down: formulas, and its example of two heads."""

from __future__ import annotations

import numpy as np
import pytest
from oracle_client import fill

from legacy_nets import tf1 as tf
from legacy_nets.errors import BadInputError
from legacy_nets.nets.parts import attention


def run(build):
    with tf.Graph().as_default(), tf.Session() as session:
        return session.run(build())


def draw(name, *shape):
    return fill.uniform(name, int(np.prod(shape))).reshape(shape).astype(np.float32)


def softmax(x):
    power = np.exp(x - x.max(-1, keepdims=True))
    return power / power.sum(-1, keepdims=True)


Q, K, V = draw("q", 2, 5, 64), draw("k", 2, 7, 64), draw("v", 2, 7, 3)


def test_self_attention_is_the_formula():
    """F117; F116: d is the length of a k (64, a factor of 0.125), not the number of k's (7)."""
    scores = Q @ K.transpose(0, 2, 1)
    got = run(lambda: attention.self_attention(tf.constant(Q), tf.constant(K), tf.constant(V)))
    np.testing.assert_allclose(got, softmax(scores * 0.125) @ V, rtol=1e-5, atol=1e-6)
    by_number = softmax(scores / np.sqrt(7)) @ V  # 004-E45, read as it is written
    assert np.abs(got - by_number).max() > 0.01


def test_weights_sum_to_one_and_the_scale_can_be_given():
    weights = run(lambda: attention.attention_weights(tf.constant(Q), tf.constant(K), scale=0.5))
    assert weights.shape == (2, 5, 7)
    np.testing.assert_allclose(weights.sum(-1), 1, rtol=1e-6)
    np.testing.assert_allclose(weights, softmax(Q @ K.transpose(0, 2, 1) * 0.5), rtol=1e-4)


def test_two_heads_of_the_document():
    """F118: (1, 1, 0, 1) is cut into (1, 1) and (0, 1); F119: results are joined in that order."""
    tokens = tf.constant([[1.0, 1.0, 0.0, 1.0]])
    with tf.Session() as session:
        heads = attention.split_heads(tokens, 2)
        assert session.run(heads).tolist() == [[[1, 1]], [[0, 1]]]
        assert session.run(attention.merge_heads(heads)).tolist() == [[1, 1, 0, 1]]


pytestmark = pytest.mark.usefixtures("graph")


def test_heads_attend_side_by_side():
    q, k, v = (draw(name, 2, 3, 8) for name in "qkv")
    got = run(lambda: attention.multi_head_self_attention(*(tf.constant(x) for x in (q, k, v)), 2))
    halves = []
    for part in (slice(0, 4), slice(4, 8)):
        a = softmax(q[..., part] @ k[..., part].transpose(0, 2, 1) / 2)
        halves.append(a @ v[..., part])
    np.testing.assert_allclose(got, np.concatenate(halves, -1), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("heads", [0, 3])
def test_heads_that_do_not_divide(heads):
    """004-E34."""
    with pytest.raises(BadInputError, match=f"^{heads} heads do not divide a token of length 4: "):
        attention.split_heads(tf.zeros([1, 4]), heads)
