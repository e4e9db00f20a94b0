"""Errata of document 004's Vision Transformer: small reproductions of the literal code.

test_vit.py tests the fixes, number by number.
"""

from __future__ import annotations

import numpy as np
import pytest

from legacy_nets import tf1 as tf
from legacy_nets.nets import vit

pytestmark = pytest.mark.usefixtures("graph")


def test_e05_a_slash_in_the_name_opens_two_scopes():
    images = tf.placeholder(tf.float32, [None, 32, 32, 3])
    vit.VisionTransformer(32, 16, 8, 1, 2, num_classes=2, name="ViT-B/16")(images)
    assert {v.op.name.split("/")[0] for v in tf.global_variables()} == {"ViT-B"}


def test_e31_the_static_batch_size_is_none():
    x = tf.placeholder(tf.float32, [None, 5, 24])
    batch, tokens, width = x.shape.as_list()
    with pytest.raises((TypeError, ValueError), match="None"):
        tf.reshape(x, [batch, tokens, 3, 2, width // 6])


def test_e34_heads_that_do_not_divide_fail_in_a_reshape():
    qkv = tf.zeros([2, 5, 3 * 32])
    with pytest.raises(ValueError, match="reshape"):
        tf.reshape(qkv, [2, 5, 3, 10, 32 // 10])


def test_e35_same_padding_makes_a_patch_more_than_the_grid_says():
    x = tf.layers.conv2d(tf.zeros([1, 225, 225, 3]), 4, 16, 16, "same")
    assert x.shape.as_list() == [1, 15, 15, 4]
    assert 225 // 16 == 14
    with pytest.raises(ValueError, match="reshape"):
        tf.reshape(x, [1, 14 * 14, 4])


def test_e36_the_release_s_gelu_is_an_approximation():
    x = np.linspace(-6, 6, 1201).astype(np.float32)
    tanh = 0.5 * x * (1 + np.tanh(np.sqrt(2 / np.pi) * (x + 0.044715 * x**3)))
    with tf.Session() as session:
        off = np.abs(session.run(vit._gelu(tf.constant(x))) - tanh).max()
    assert 4e-4 < off < 5e-4
