"""Hybrid ViT: a transformer on the maps of a ResNet-50 without its last stage.

Papers:  [1] ViT, arXiv:2010.11929  [2] weight standardisation, arXiv:1903.10520
         [3] group norm, arXiv:1803.08494  [4] ResNet, arXiv:1512.03385
Source:  tutorial document 004, section Hybrid (text only)
Input:   NHWC float32, 224x224, RGB in [-1, 1]
Names:   R50_ViT-B_16/{conv_root/kernel,gn_root/gamma,block1/unit1/{conv1/kernel,gn1/gamma},...},
         then as ViT-B_16; the backbone's as in the release of [1], scale and bias as gamma and beta
Differs: 004-E46 no code in the document: built from [1], equal to timm's vit_base_r50_s16_224. Its
         small numbers differ from the release's: a kernel's variance gets 1e-8 (there 1e-5 on the
         deviation), a group's 1e-5 (there 1e-6)
"""

from __future__ import annotations

from collections.abc import Sequence

from legacy_nets import tf1 as tf
from legacy_nets.errors import BadInputError
from legacy_nets.nets.vit import VisionTransformer
from legacy_nets.nets.vit_sizes import read_side
from legacy_nets.types import EndPoints, IsTraining, NetOutputs, Reuse, Tensor

UNITS = (3, 4, 9)  # ResNet-50's 3, 4, 6, 3 with the last stage's three moved into the third
GROUPS = 32
KERNEL_EPSILON = 1e-8  # timm's
GROUP_EPSILON = 1e-5  # timm's
STRIDE = 16  # of the backbone


def std_conv2d(x: Tensor, filters: int, kernel_size: int, strides: int, name: str) -> Tensor:
    """Builds a SAME convolution whose kernel is standardised for each filter [2]; no bias.

    float32 [N, H, W, C] -> [N, H / strides, W / strides, filters], rounded up.
    """
    with tf.variable_scope(name):
        kernel = tf.get_variable(
            "kernel",
            [kernel_size, kernel_size, x.shape.as_list()[-1], filters],
            initializer=tf.initializers.he_normal(),
        )
        mean, variance = tf.nn.moments(kernel, [0, 1, 2], keepdims=True)
        kernel = (kernel - mean) * tf.rsqrt(variance + KERNEL_EPSILON)
        # (N, H/strides, W/strides, filters)
        return tf.nn.conv2d(x, kernel, strides=[1, strides, strides, 1], padding="SAME")


def group_norm(x: Tensor, name: str, *, gamma: float = 1.0) -> Tensor:
    """Normalises over space and groups of channels [3]: float32 [N, H, W, C] -> the same shape.

    ``gamma`` is the scale's first value. Raises BadInputError if C is no multiple of 32.
    """
    channels = x.shape.as_list()[-1]
    if channels % GROUPS:
        raise BadInputError(
            f"group norm needs channels in {GROUPS} groups, not {channels}: choose a width that "
            f"is a multiple of {GROUPS}"
        )
    with tf.variable_scope(name):
        scale = tf.get_variable("gamma", [channels], initializer=tf.constant_initializer(gamma))
        shift = tf.get_variable("beta", [channels], initializer=tf.zeros_initializer())
        shape = tf.shape(x)
        grouped = tf.reshape(x, [shape[0], -1, GROUPS, channels // GROUPS])
        mean, variance = tf.nn.moments(grouped, [1, 3], keepdims=True)
        grouped = (grouped - mean) * tf.rsqrt(variance + GROUP_EPSILON)
        normal = tf.reshape(grouped, shape)
        normal.set_shape(x.shape)
        return normal * scale + shift  # (N, H, W, C)


def build_unit(x: Tensor, filters: int, strides: int, name: str) -> Tensor:
    """Builds a bottleneck [4], stride in its 3x3: [N, H, W, C] -> [N, H', W', 4 * filters]."""
    with tf.variable_scope(name):
        shortcut = x
        if strides > 1 or x.shape.as_list()[-1] != 4 * filters:
            # (N, H/strides, W/strides, 4 * filters)
            shortcut = std_conv2d(x, 4 * filters, 1, strides, "conv_proj")
            shortcut = group_norm(shortcut, "gn_proj")
        x = std_conv2d(x, filters, 1, 1, "conv1")  # (N, H, W, filters)
        x = tf.nn.relu(group_norm(x, "gn1"))
        x = std_conv2d(x, filters, 3, strides, "conv2")  # (N, H/strides, W/strides, filters)
        x = tf.nn.relu(group_norm(x, "gn2"))
        x = std_conv2d(x, 4 * filters, 1, 1, "conv3")  # (N, H/strides, W/strides, 4 * filters)
        x = group_norm(x, "gn3", gamma=0.0)
        return tf.nn.relu(x + shortcut)  # (N, H/strides, W/strides, 4 * filters)


def build_r50(images: Tensor, units: Sequence[int] = UNITS, width: int = 64) -> EndPoints:
    """Builds the backbone in the current scope; the last end point is [N, H/16, W/16, 16 * width].

    Shapes are for images of 224x224 and the defaults.
    """
    end_points = {}
    x = std_conv2d(images, width, 7, 2, "conv_root")  # (N, 112, 112, 64)
    x = tf.nn.relu(group_norm(x, "gn_root"))  # (N, 112, 112, 64)
    x = tf.nn.max_pool2d(x, 3, 2, padding="SAME")  # (N, 56, 56, 64)
    end_points["root"] = x
    for stage, count in enumerate(units, 1):
        with tf.variable_scope(f"block{stage}"):
            for number in range(1, count + 1):
                strides = 2 if stage > 1 and number == 1 else 1
                # (N, 56, 56, 256) three times, (N, 28, 28, 512) four times,
                # (N, 14, 14, 1024) nine times
                x = build_unit(x, width << (stage - 1), strides, f"unit{number}")
        end_points[f"block{stage}"] = x
    return end_points


def vit_hybrid_r50_base_224(
    images: Tensor,
    num_classes: int = 1000,
    is_training: IsTraining = False,
    *,
    reuse: Reuse = None,
    scope: str = "R50_ViT-B_16",
    units: Sequence[int] = UNITS,
    width: int = 64,
    embed_dim: int = 768,
    depth: int = 12,
    num_heads: int = 12,
    has_logits: bool = False,
    drop_ratio: float = 0.0,
    attn_drop_ratio: float = 0.0,
    drop_path_ratio: float = 0.0,
) -> NetOutputs:
    """Builds R50 + ViT: the maps of the backbone are the patches, of one pixel each.

    Args: as ``vit_sizes.vit``, but
      images: float32 [N, H, H, 3] in [-1, 1]; H is known and a multiple of 16.
      units: bottlenecks in each of three stages.
      width: filters of the root, and of the first stage's bottlenecks.

    Returns: logits [N, num_classes], and the end points in order of construction.
    Raises: BadInputError for images of another shape, and as ``vit.VisionTransformer``.
    """
    side = read_side(images)
    if side % STRIDE:
        raise BadInputError(
            f"the hybrid takes images with sides of a multiple of {STRIDE}, not {side}: resize them"
        )
    transformer = VisionTransformer(
        side // STRIDE,
        1,
        embed_dim,
        depth,
        num_heads,
        drop_ratio=drop_ratio,
        attn_drop_ratio=attn_drop_ratio,
        drop_path_ratio=drop_path_ratio,
        representation_size=embed_dim if has_logits else None,
        num_classes=num_classes,
        name="",
    )
    with tf.variable_scope(scope or tf.get_variable_scope(), reuse=reuse):
        maps = build_r50(images, units, width)
        logits, end_points = transformer(maps[f"block{len(units)}"], is_training)
    return logits, {**maps, **end_points}
