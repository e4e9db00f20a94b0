"""The eleven modules of Inception V3, written out branch by branch in the document's order.

Papers:  [1] Rethinking the Inception Architecture, arXiv:1512.00567
Source:  tutorial document 002, section 2
Shapes:  height x width x channels after the step below the comment, for images of 299x299

``net`` is the map before a module, float32 [N, H, W, C]. ``depth`` gives the number of filters
of a layer (002-E06). ``inception_v3_base`` opens the arg_scope: stride 1 and padding SAME, unless
a line says otherwise.
"""

from __future__ import annotations

from collections.abc import Callable

from legacy_nets import tf1 as tf
from legacy_nets.types import Tensor

slim = tf.contrib.slim

Depth = Callable[[int], int]


def mixed_5b(net: Tensor, depth: Depth) -> Tensor:
    """Builds the first module of the first group: 5x5 next to two 3x3 [1, figure 5]."""
    with tf.variable_scope("Mixed_5b"):
        with tf.variable_scope("Branch_0"):
            # 35 x 35 x 64
            branch_0 = slim.conv2d(net, depth(64), [1, 1], scope="Conv2d_0a_1x1")
        with tf.variable_scope("Branch_1"):
            # 35 x 35 x 48
            branch_1 = slim.conv2d(net, depth(48), [1, 1], scope="Conv2d_0a_1x1")
            # 35 x 35 x 64
            branch_1 = slim.conv2d(branch_1, depth(64), [5, 5], scope="Conv2d_0b_5x5")
        with tf.variable_scope("Branch_2"):
            # 35 x 35 x 64
            branch_2 = slim.conv2d(net, depth(64), [1, 1], scope="Conv2d_0a_1x1")
            # 35 x 35 x 96
            branch_2 = slim.conv2d(branch_2, depth(96), [3, 3], scope="Conv2d_0b_3x3")
            # 35 x 35 x 96
            branch_2 = slim.conv2d(branch_2, depth(96), [3, 3], scope="Conv2d_0c_3x3")
        with tf.variable_scope("Branch_3"):
            # 35 x 35 x 192
            branch_3 = slim.avg_pool2d(net, [3, 3], scope="AvgPool_0a_3x3")
            # 35 x 35 x 32
            branch_3 = slim.conv2d(branch_3, depth(32), [1, 1], scope="Conv2d_0b_1x1")
        # 64 + 64 + 96 + 32 = 256 channels
        # 35 x 35 x 256
        return tf.concat(axis=3, values=[branch_0, branch_1, branch_2, branch_3])


def mixed_5c(net: Tensor, depth: Depth) -> Tensor:
    """Builds the second module of the first group. Two scopes have odd names: 002-E22."""
    with tf.variable_scope("Mixed_5c"):
        with tf.variable_scope("Branch_0"):
            # 35 x 35 x 64
            branch_0 = slim.conv2d(net, depth(64), [1, 1], scope="Conv2d_0a_1x1")
        with tf.variable_scope("Branch_1"):
            # 35 x 35 x 48; 002-E22: its scope and the next one break the pattern
            branch_1 = slim.conv2d(net, depth(48), [1, 1], scope="Conv2d_0b_1x1")
            # 35 x 35 x 64
            branch_1 = slim.conv2d(branch_1, depth(64), [5, 5], scope="Conv_1_0c_5x5")
        with tf.variable_scope("Branch_2"):
            # 35 x 35 x 64
            branch_2 = slim.conv2d(net, depth(64), [1, 1], scope="Conv2d_0a_1x1")
            # 35 x 35 x 96
            branch_2 = slim.conv2d(branch_2, depth(96), [3, 3], scope="Conv2d_0b_3x3")
            # 35 x 35 x 96
            branch_2 = slim.conv2d(branch_2, depth(96), [3, 3], scope="Conv2d_0c_3x3")
        with tf.variable_scope("Branch_3"):
            # 35 x 35 x 256
            branch_3 = slim.avg_pool2d(net, [3, 3], scope="AvgPool_0a_3x3")
            # 35 x 35 x 64
            branch_3 = slim.conv2d(branch_3, depth(64), [1, 1], scope="Conv2d_0b_1x1")
        # 64 + 64 + 96 + 64 = 288 channels
        # 35 x 35 x 288
        return tf.concat(axis=3, values=[branch_0, branch_1, branch_2, branch_3])


def mixed_5d(net: Tensor, depth: Depth) -> Tensor:
    """Builds the third module of the first group, with the regular names again."""
    with tf.variable_scope("Mixed_5d"):
        with tf.variable_scope("Branch_0"):
            # 35 x 35 x 64
            branch_0 = slim.conv2d(net, depth(64), [1, 1], scope="Conv2d_0a_1x1")
        with tf.variable_scope("Branch_1"):
            # 35 x 35 x 48
            branch_1 = slim.conv2d(net, depth(48), [1, 1], scope="Conv2d_0a_1x1")
            # 35 x 35 x 64
            branch_1 = slim.conv2d(branch_1, depth(64), [5, 5], scope="Conv2d_0b_5x5")
        with tf.variable_scope("Branch_2"):
            # 35 x 35 x 64
            branch_2 = slim.conv2d(net, depth(64), [1, 1], scope="Conv2d_0a_1x1")
            # 35 x 35 x 96
            branch_2 = slim.conv2d(branch_2, depth(96), [3, 3], scope="Conv2d_0b_3x3")
            # 35 x 35 x 96
            branch_2 = slim.conv2d(branch_2, depth(96), [3, 3], scope="Conv2d_0c_3x3")
        with tf.variable_scope("Branch_3"):
            # 35 x 35 x 288
            branch_3 = slim.avg_pool2d(net, [3, 3], scope="AvgPool_0a_3x3")
            # 35 x 35 x 64
            branch_3 = slim.conv2d(branch_3, depth(64), [1, 1], scope="Conv2d_0b_1x1")
        # 64 + 64 + 96 + 64 = 288 channels
        # 35 x 35 x 288
        return tf.concat(axis=3, values=[branch_0, branch_1, branch_2, branch_3])


def mixed_6a(net: Tensor, depth: Depth) -> Tensor:
    """Builds the first module of the second group, which halves the map."""
    with tf.variable_scope("Mixed_6a"):
        with tf.variable_scope("Branch_0"):
            # 17 x 17 x 384; (35 - 3) / 2 + 1 = 17; 002-E23: a 3x3 kernel called 1x1
            branch_0 = slim.conv2d(
                net, depth(384), [3, 3], stride=2, padding="VALID", scope="Conv2d_1a_1x1"
            )
        with tf.variable_scope("Branch_1"):
            # 35 x 35 x 64
            branch_1 = slim.conv2d(net, depth(64), [1, 1], scope="Conv2d_0a_1x1")
            # 35 x 35 x 96
            branch_1 = slim.conv2d(branch_1, depth(96), [3, 3], scope="Conv2d_0b_3x3")
            # 17 x 17 x 96; 002-E23 again
            branch_1 = slim.conv2d(
                branch_1, depth(96), [3, 3], stride=2, padding="VALID", scope="Conv2d_1a_1x1"
            )
        with tf.variable_scope("Branch_2"):
            # 17 x 17 x 288
            branch_2 = slim.max_pool2d(
                net, [3, 3], stride=2, padding="VALID", scope="MaxPool_1a_3x3"
            )
        # 384 + 96 + 288 = 768 channels
        # 17 x 17 x 768
        return tf.concat(axis=3, values=[branch_0, branch_1, branch_2])


def mixed_6b(net: Tensor, depth: Depth) -> Tensor:
    """Builds the second module of the second group: 1x7 and 7x1 for 7x7 [1, figure 6]."""
    with tf.variable_scope("Mixed_6b"):
        with tf.variable_scope("Branch_0"):
            # 17 x 17 x 192
            branch_0 = slim.conv2d(net, depth(192), [1, 1], scope="Conv2d_0a_1x1")
        with tf.variable_scope("Branch_1"):
            # 17 x 17 x 128
            branch_1 = slim.conv2d(net, depth(128), [1, 1], scope="Conv2d_0a_1x1")
            # 17 x 17 x 128
            branch_1 = slim.conv2d(branch_1, depth(128), [1, 7], scope="Conv2d_0b_1x7")
            # 17 x 17 x 192
            branch_1 = slim.conv2d(branch_1, depth(192), [7, 1], scope="Conv2d_0c_7x1")
        with tf.variable_scope("Branch_2"):
            # 17 x 17 x 128
            branch_2 = slim.conv2d(net, depth(128), [1, 1], scope="Conv2d_0a_1x1")
            # 17 x 17 x 128
            branch_2 = slim.conv2d(branch_2, depth(128), [7, 1], scope="Conv2d_0b_7x1")
            # 17 x 17 x 128
            branch_2 = slim.conv2d(branch_2, depth(128), [1, 7], scope="Conv2d_0c_1x7")
            # 17 x 17 x 128
            branch_2 = slim.conv2d(branch_2, depth(128), [7, 1], scope="Conv2d_0d_7x1")
            # 17 x 17 x 192
            branch_2 = slim.conv2d(branch_2, depth(192), [1, 7], scope="Conv2d_0e_1x7")
        with tf.variable_scope("Branch_3"):
            # 17 x 17 x 768
            branch_3 = slim.avg_pool2d(net, [3, 3], scope="AvgPool_0a_3x3")
            # 17 x 17 x 192
            branch_3 = slim.conv2d(branch_3, depth(192), [1, 1], scope="Conv2d_0b_1x1")
        # 192 + 192 + 192 + 192 = 768 channels
        # 17 x 17 x 768
        return tf.concat(axis=3, values=[branch_0, branch_1, branch_2, branch_3])


def mixed_6c(net: Tensor, depth: Depth) -> Tensor:
    """Builds the third module of the second group."""
    with tf.variable_scope("Mixed_6c"):
        with tf.variable_scope("Branch_0"):
            # 17 x 17 x 192; 002-E05: this module's own, not that of Mixed_6b
            branch_0 = slim.conv2d(net, depth(192), [1, 1], scope="Conv2d_0a_1x1")
        with tf.variable_scope("Branch_1"):
            # 17 x 17 x 160
            branch_1 = slim.conv2d(net, depth(160), [1, 1], scope="Conv2d_0a_1x1")
            # 17 x 17 x 160
            branch_1 = slim.conv2d(branch_1, depth(160), [1, 7], scope="Conv2d_0b_1x7")
            # 17 x 17 x 192
            branch_1 = slim.conv2d(branch_1, depth(192), [7, 1], scope="Conv2d_0c_7x1")
        with tf.variable_scope("Branch_2"):
            # 17 x 17 x 160
            branch_2 = slim.conv2d(net, depth(160), [1, 1], scope="Conv2d_0a_1x1")
            # 17 x 17 x 160
            branch_2 = slim.conv2d(branch_2, depth(160), [7, 1], scope="Conv2d_0b_7x1")
            # 17 x 17 x 160
            branch_2 = slim.conv2d(branch_2, depth(160), [1, 7], scope="Conv2d_0c_1x7")
            # 17 x 17 x 160
            branch_2 = slim.conv2d(branch_2, depth(160), [7, 1], scope="Conv2d_0d_7x1")
            # 17 x 17 x 192
            branch_2 = slim.conv2d(branch_2, depth(192), [1, 7], scope="Conv2d_0e_1x7")
        with tf.variable_scope("Branch_3"):
            # 17 x 17 x 768
            branch_3 = slim.avg_pool2d(net, [3, 3], scope="AvgPool_0a_3x3")
            # 17 x 17 x 192
            branch_3 = slim.conv2d(branch_3, depth(192), [1, 1], scope="Conv2d_0b_1x1")
        # 192 + 192 + 192 + 192 = 768 channels
        # 17 x 17 x 768
        return tf.concat(axis=3, values=[branch_0, branch_1, branch_2, branch_3])


def mixed_6d(net: Tensor, depth: Depth) -> Tensor:
    """Builds the fourth module of the second group, equal to the third."""
    with tf.variable_scope("Mixed_6d"):
        with tf.variable_scope("Branch_0"):
            # 17 x 17 x 192
            branch_0 = slim.conv2d(net, depth(192), [1, 1], scope="Conv2d_0a_1x1")
        with tf.variable_scope("Branch_1"):
            # 17 x 17 x 160
            branch_1 = slim.conv2d(net, depth(160), [1, 1], scope="Conv2d_0a_1x1")
            # 17 x 17 x 160
            branch_1 = slim.conv2d(branch_1, depth(160), [1, 7], scope="Conv2d_0b_1x7")
            # 17 x 17 x 192
            branch_1 = slim.conv2d(branch_1, depth(192), [7, 1], scope="Conv2d_0c_7x1")
        with tf.variable_scope("Branch_2"):
            # 17 x 17 x 160
            branch_2 = slim.conv2d(net, depth(160), [1, 1], scope="Conv2d_0a_1x1")
            # 17 x 17 x 160
            branch_2 = slim.conv2d(branch_2, depth(160), [7, 1], scope="Conv2d_0b_7x1")
            # 17 x 17 x 160
            branch_2 = slim.conv2d(branch_2, depth(160), [1, 7], scope="Conv2d_0c_1x7")
            # 17 x 17 x 160
            branch_2 = slim.conv2d(branch_2, depth(160), [7, 1], scope="Conv2d_0d_7x1")
            # 17 x 17 x 192
            branch_2 = slim.conv2d(branch_2, depth(192), [1, 7], scope="Conv2d_0e_1x7")
        with tf.variable_scope("Branch_3"):
            # 17 x 17 x 768
            branch_3 = slim.avg_pool2d(net, [3, 3], scope="AvgPool_0a_3x3")
            # 17 x 17 x 192
            branch_3 = slim.conv2d(branch_3, depth(192), [1, 1], scope="Conv2d_0b_1x1")
        # 192 + 192 + 192 + 192 = 768 channels
        # 17 x 17 x 768
        return tf.concat(axis=3, values=[branch_0, branch_1, branch_2, branch_3])


def mixed_6e(net: Tensor, depth: Depth) -> Tensor:
    """Builds the last module of the second group, which the auxiliary head reads."""
    with tf.variable_scope("Mixed_6e"):
        with tf.variable_scope("Branch_0"):
            # 17 x 17 x 192
            branch_0 = slim.conv2d(net, depth(192), [1, 1], scope="Conv2d_0a_1x1")
        with tf.variable_scope("Branch_1"):
            # 17 x 17 x 192
            branch_1 = slim.conv2d(net, depth(192), [1, 1], scope="Conv2d_0a_1x1")
            # 17 x 17 x 192
            branch_1 = slim.conv2d(branch_1, depth(192), [1, 7], scope="Conv2d_0b_1x7")
            # 17 x 17 x 192
            branch_1 = slim.conv2d(branch_1, depth(192), [7, 1], scope="Conv2d_0c_7x1")
        with tf.variable_scope("Branch_2"):
            # 17 x 17 x 192
            branch_2 = slim.conv2d(net, depth(192), [1, 1], scope="Conv2d_0a_1x1")
            # 17 x 17 x 192
            branch_2 = slim.conv2d(branch_2, depth(192), [7, 1], scope="Conv2d_0b_7x1")
            # 17 x 17 x 192
            branch_2 = slim.conv2d(branch_2, depth(192), [1, 7], scope="Conv2d_0c_1x7")
            # 17 x 17 x 192
            branch_2 = slim.conv2d(branch_2, depth(192), [7, 1], scope="Conv2d_0d_7x1")
            # 17 x 17 x 192
            branch_2 = slim.conv2d(branch_2, depth(192), [1, 7], scope="Conv2d_0e_1x7")
        with tf.variable_scope("Branch_3"):
            # 17 x 17 x 768
            branch_3 = slim.avg_pool2d(net, [3, 3], scope="AvgPool_0a_3x3")
            # 17 x 17 x 192
            branch_3 = slim.conv2d(branch_3, depth(192), [1, 1], scope="Conv2d_0b_1x1")
        # 192 + 192 + 192 + 192 = 768 channels
        # 17 x 17 x 768
        return tf.concat(axis=3, values=[branch_0, branch_1, branch_2, branch_3])


def mixed_7a(net: Tensor, depth: Depth) -> Tensor:
    """Builds the first module of the third group, which halves the map."""
    with tf.variable_scope("Mixed_7a"):
        with tf.variable_scope("Branch_0"):
            # 17 x 17 x 192
            branch_0 = slim.conv2d(net, depth(192), [1, 1], scope="Conv2d_0a_1x1")
            # 8 x 8 x 320; (17 - 3) / 2 + 1 = 8
            branch_0 = slim.conv2d(
                branch_0, depth(320), [3, 3], stride=2, padding="VALID", scope="Conv2d_1a_3x3"
            )
        with tf.variable_scope("Branch_1"):
            # 17 x 17 x 192
            branch_1 = slim.conv2d(net, depth(192), [1, 1], scope="Conv2d_0a_1x1")
            # 17 x 17 x 192
            branch_1 = slim.conv2d(branch_1, depth(192), [1, 7], scope="Conv2d_0b_1x7")
            # 17 x 17 x 192
            branch_1 = slim.conv2d(branch_1, depth(192), [7, 1], scope="Conv2d_0c_7x1")
            # 8 x 8 x 192
            branch_1 = slim.conv2d(
                branch_1, depth(192), [3, 3], stride=2, padding="VALID", scope="Conv2d_1a_3x3"
            )
        with tf.variable_scope("Branch_2"):
            # 8 x 8 x 768
            branch_2 = slim.max_pool2d(
                net, [3, 3], stride=2, padding="VALID", scope="MaxPool_1a_3x3"
            )
        # 320 + 192 + 768 = 1280 channels
        # 8 x 8 x 1280
        return tf.concat(axis=3, values=[branch_0, branch_1, branch_2])


def mixed_7b(net: Tensor, depth: Depth) -> Tensor:
    """Builds the second module of the third group: 1x3 next to 3x1 [1, figure 7]."""
    with tf.variable_scope("Mixed_7b"):
        with tf.variable_scope("Branch_0"):
            # 8 x 8 x 320
            branch_0 = slim.conv2d(net, depth(320), [1, 1], scope="Conv2d_0a_1x1")
        with tf.variable_scope("Branch_1"):
            # 8 x 8 x 384
            branch_1 = slim.conv2d(net, depth(384), [1, 1], scope="Conv2d_0a_1x1")
            # 384 + 384 = 768 channels
            # 8 x 8 x 768
            branch_1 = tf.concat(
                axis=3,
                values=[
                    slim.conv2d(branch_1, depth(384), [1, 3], scope="Conv2d_0b_1x3"),
                    slim.conv2d(branch_1, depth(384), [3, 1], scope="Conv2d_0b_3x1"),
                ],
            )
        with tf.variable_scope("Branch_2"):
            # 8 x 8 x 448
            branch_2 = slim.conv2d(net, depth(448), [1, 1], scope="Conv2d_0a_1x1")
            # 8 x 8 x 384
            branch_2 = slim.conv2d(branch_2, depth(384), [3, 3], scope="Conv2d_0b_3x3")
            # 384 + 384 = 768 channels
            # 8 x 8 x 768
            branch_2 = tf.concat(
                axis=3,
                values=[
                    slim.conv2d(branch_2, depth(384), [1, 3], scope="Conv2d_0c_1x3"),
                    slim.conv2d(branch_2, depth(384), [3, 1], scope="Conv2d_0d_3x1"),
                ],
            )
        with tf.variable_scope("Branch_3"):
            # 8 x 8 x 1280
            branch_3 = slim.avg_pool2d(net, [3, 3], scope="AvgPool_0a_3x3")
            # 8 x 8 x 192
            branch_3 = slim.conv2d(branch_3, depth(192), [1, 1], scope="Conv2d_0b_1x1")
        # 320 + 768 + 768 + 192 = 2048 channels
        # 8 x 8 x 2048
        return tf.concat(axis=3, values=[branch_0, branch_1, branch_2, branch_3])


def mixed_7c(net: Tensor, depth: Depth) -> Tensor:
    """Builds the last module. One 3x1 is called 0c here and 0b in Mixed_7b: 002-E24."""
    with tf.variable_scope("Mixed_7c"):
        with tf.variable_scope("Branch_0"):
            # 8 x 8 x 320
            branch_0 = slim.conv2d(net, depth(320), [1, 1], scope="Conv2d_0a_1x1")
        with tf.variable_scope("Branch_1"):
            # 8 x 8 x 384
            branch_1 = slim.conv2d(net, depth(384), [1, 1], scope="Conv2d_0a_1x1")
            # 384 + 384 = 768 channels
            # 8 x 8 x 768
            branch_1 = tf.concat(
                axis=3,
                values=[
                    slim.conv2d(branch_1, depth(384), [1, 3], scope="Conv2d_0b_1x3"),
                    slim.conv2d(branch_1, depth(384), [3, 1], scope="Conv2d_0c_3x1"),
                ],
            )
        with tf.variable_scope("Branch_2"):
            # 8 x 8 x 448
            branch_2 = slim.conv2d(net, depth(448), [1, 1], scope="Conv2d_0a_1x1")
            # 8 x 8 x 384
            branch_2 = slim.conv2d(branch_2, depth(384), [3, 3], scope="Conv2d_0b_3x3")
            # 384 + 384 = 768 channels
            # 8 x 8 x 768
            branch_2 = tf.concat(
                axis=3,
                values=[
                    slim.conv2d(branch_2, depth(384), [1, 3], scope="Conv2d_0c_1x3"),
                    slim.conv2d(branch_2, depth(384), [3, 1], scope="Conv2d_0d_3x1"),
                ],
            )
        with tf.variable_scope("Branch_3"):
            # 8 x 8 x 2048
            branch_3 = slim.avg_pool2d(net, [3, 3], scope="AvgPool_0a_3x3")
            # 8 x 8 x 192
            branch_3 = slim.conv2d(branch_3, depth(192), [1, 1], scope="Conv2d_0b_1x1")
        # 320 + 768 + 768 + 192 = 2048 channels
        # 8 x 8 x 2048
        return tf.concat(axis=3, values=[branch_0, branch_1, branch_2, branch_3])
