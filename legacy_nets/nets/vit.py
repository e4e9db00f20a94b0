"""Vision Transformer: an image as a sentence of patches.

Papers:  [1] arXiv:2010.11929  [2] layer norm, arXiv:1607.06450  [3] GELU, arXiv:1606.08415
         [4] stochastic depth, arXiv:1603.09382
Source:  tutorial document 004, section Vision Transformer
Input:   NHWC float32, 224x224, RGB in [-1, 1]
Names:   ViT-B_16/{patch_embed/conv2d,cls_pos/{cls,pos_embed},encoderblock_0/LayerNorm_0/gamma},
         ViT-B_16/encoderblock_0/{MultiHeadAttention/{qkv,out},MlpBlock/Dense_{0,1}}/kernel, ...
Differs: 004-E05 the default name is ViT-B_16: ViT-B/16 would be two scopes
         004-E30 kept: logits, no softmax
         004-E31 the batch size may be unknown
         004-E32 each layer draws its own initial values
         004-E33 197 tokens, where a comment says 176
         004-E34, E35 heads that do not divide the width, and patches that do not divide the image,
         are refused at once
         004-E36 GELU with the error function [3]; the release with the weights took its tanh
         approximation, other values by up to 5e-4
         004-E37 kept: one drop path rate a block, growing linearly; two draws, a sample each [4]
         004-E38 kept: the head begins with zeros
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from legacy_nets import tf1 as tf
from legacy_nets.errors import BadInputError
from legacy_nets.nets.parts.attention import attention_weights, check_heads
from legacy_nets.types import IsTraining, NetOutputs, Reuse, Tensor

EPSILON = 1e-6  # of every layer norm

Layer = Callable[..., Tensor]  # (tensor, is_training=False) -> tensor


def _dropout(
    x: Tensor,
    rate: float,
    is_training: IsTraining,
    noise_shape: tuple[int | None, ...] | None = None,
) -> Tensor:
    if not rate:
        return x
    return tf.layers.dropout(x, rate, noise_shape=noise_shape, training=is_training)


def _layer_norm(x: Tensor, name: str) -> Tensor:
    """Normalizes each token to mean 0 and deviation 1 [2]: float32 [..., C] -> the same shape."""
    with tf.variable_scope(name):
        width = [x.shape.as_list()[-1]]
        gamma = tf.get_variable("gamma", width, initializer=tf.ones_initializer())
        beta = tf.get_variable("beta", width, initializer=tf.zeros_initializer())
        mean, variance = tf.nn.moments(x, [-1], keepdims=True)
        return tf.nn.batch_normalization(x, mean, variance, beta, gamma, EPSILON)


def _gelu(x: Tensor) -> Tensor:
    return 0.5 * x * (1.0 + tf.erf(x / np.sqrt(2).astype(np.float32)))  # 004-E36


def _dense(x: Tensor, units: int, name: str, **options: Any) -> Tensor:
    options = {"kernel_initializer": tf.glorot_uniform_initializer(), **options}  # 004-E32
    return tf.layers.dense(x, units, name=name, **options)


def PatchEmbed(img_size: int = 224, patch_size: int = 16, embed_dim: int = 768) -> Layer:
    """Cuts images into patches, each one a token.

    Returns: a function, float32 [N, img_size, img_size, C] -> [N, patches, embed_dim].
    Raises: BadInputError for patches that do not divide the image, or an image of other sides.
    """
    if patch_size < 1 or img_size % patch_size:
        raise BadInputError(
            f"patches of {patch_size} pixels do not divide an image of {img_size}: "
            "resize it to a multiple"
        )

    def layer(inputs: Tensor, is_training: IsTraining = False) -> Tensor:
        sides = inputs.shape.as_list()[1:3] if inputs.shape.rank == 4 else []
        if sides != [img_size, img_size]:
            raise BadInputError(
                f"a ViT for {img_size}x{img_size} takes [N, {img_size}, {img_size}, C], "
                f"not {inputs.shape}: resize the images"
            )
        with tf.variable_scope(None, "patch_embed"):
            x = tf.layers.conv2d(  # (N, 14, 14, 768)
                inputs,
                embed_dim,
                patch_size,
                patch_size,
                kernel_initializer=tf.initializers.lecun_normal(),
                name="conv2d",
            )
            return tf.reshape(x, [-1, (img_size // patch_size) ** 2, embed_dim])  # (N, 196, 768)

    return layer


def ConcatClassTokenAddPosEmbed(
    embed_dim: int = 768, num_patches: int = 196, name: str | None = None
) -> Layer:
    """Puts the class token before the patches, and adds the position embedding.

    Returns: a function, float32 [N, num_patches, embed_dim] -> [N, num_patches + 1, embed_dim].
    """

    def layer(inputs: Tensor, is_training: IsTraining = False) -> Tensor:
        with tf.variable_scope(name, "concat_class_token_add_pos_embed"):
            cls = tf.get_variable("cls", [1, 1, embed_dim], initializer=tf.zeros_initializer())
            positions = tf.get_variable(
                "pos_embed",
                [1, num_patches + 1, embed_dim],
                initializer=tf.random_normal_initializer(stddev=0.02),
            )
            cls = tf.tile(cls, [tf.shape(inputs)[0], 1, 1])  # (N, 1, 768), 004-E31
            return tf.concat([cls, inputs], axis=1) + positions  # (N, 197, 768), 004-E33

    return layer


def Attention(
    dim: int,
    num_heads: int = 8,
    qkv_bias: bool = False,
    qk_scale: float | None = None,
    attn_drop_ratio: float = 0.0,
    proj_drop_ratio: float = 0.0,
    name: str | None = None,
) -> Layer:
    """Multi-head self-attention, queries, keys and values in one dense layer.

    Returns: a function, float32 [N, T, dim] -> the same shape.
    Raises: BadInputError if ``num_heads`` does not divide ``dim`` (004-E34).
    """
    check_heads(dim, num_heads)
    length = dim // num_heads

    def layer(inputs: Tensor, is_training: IsTraining = False) -> Tensor:
        tokens = inputs.shape.as_list()[1]  # 197 in the shapes below
        with tf.variable_scope(name, "attention"):
            x = _dense(inputs, dim * 3, "qkv", use_bias=qkv_bias)  # (N, 197, 3 * 768)
            x = tf.reshape(x, [-1, tokens, 3, num_heads, length])  # (N, 197, 3, 12, 64)
            x = tf.transpose(x, [2, 0, 3, 1, 4])  # (3, N, 12, 197, 64)
            q, k, v = tf.unstack(x)  # (N, 12, 197, 64) each
            weights = attention_weights(q, k, qk_scale)  # (N, 12, 197, 197)
            weights = _dropout(weights, attn_drop_ratio, is_training)
            x = tf.matmul(weights, v)  # (N, 12, 197, 64)
            x = tf.transpose(x, [0, 2, 1, 3])  # (N, 197, 12, 64)
            x = tf.reshape(x, [-1, tokens, dim])  # (N, 197, 768)
            return _dropout(_dense(x, dim, "out"), proj_drop_ratio, is_training)

    return layer


def MLP(
    in_features: int, mlp_ratio: float = 4.0, drop: float = 0.0, name: str | None = None
) -> Layer:
    """Two dense layers with GELU between; the function: float32 [N, T, in_features] -> the same."""

    def layer(inputs: Tensor, is_training: IsTraining = False) -> Tensor:
        near_zero = tf.random_normal_initializer(stddev=1e-6)
        with tf.variable_scope(name, "mlp"):
            x = _dense(
                inputs, int(in_features * mlp_ratio), "Dense_0", bias_initializer=near_zero
            )  # (N, 197, 3072)
            x = _dropout(_gelu(x), drop, is_training)
            x = _dense(x, in_features, "Dense_1", bias_initializer=near_zero)  # (N, 197, 768)
            return _dropout(x, drop, is_training)

    return layer


def Block(
    dim: int,
    num_heads: int = 8,
    qkv_bias: bool = False,
    qk_scale: float | None = None,
    drop_ratio: float = 0.0,
    attn_drop_ratio: float = 0.0,
    drop_path_ratio: float = 0.0,
    name: str | None = None,
) -> Layer:
    """x + attention(norm(x)), then x + MLP(norm(x)), each branch dropped by sample in training.

    Returns: a function, float32 [N, T, dim] -> the same shape. Raises as ``Attention``.
    """
    attention = Attention(
        dim, num_heads, qkv_bias, qk_scale, attn_drop_ratio, drop_ratio, "MultiHeadAttention"
    )
    mlp = MLP(dim, drop=drop_ratio, name="MlpBlock")

    def layer(inputs: Tensor, is_training: IsTraining = False) -> Tensor:
        def drop_path(branch: Tensor) -> Tensor:
            return _dropout(branch, drop_path_ratio, is_training, (None, 1, 1))  # 004-E37

        with tf.variable_scope(name, "block"):
            x = attention(_layer_norm(inputs, "LayerNorm_0"), is_training)
            x = inputs + drop_path(x)
            return x + drop_path(mlp(_layer_norm(x, "LayerNorm_1"), is_training))

    return layer


def VisionTransformer(
    img_size: int = 224,
    patch_size: int = 16,
    embed_dim: int = 768,
    depth: int = 12,
    num_heads: int = 12,
    qkv_bias: bool = True,
    qk_scale: float | None = None,
    drop_ratio: float = 0.0,
    attn_drop_ratio: float = 0.0,
    drop_path_ratio: float = 0.0,
    representation_size: int | None = None,
    num_classes: int = 1000,
    name: str = "ViT-B_16",  # 004-E05
) -> Layer:
    """Returns the complete net, as a function of the images.

    Args:
      img_size, patch_size: sides in pixels.
      embed_dim, depth, num_heads: length of a token, blocks, heads of each.
      qkv_bias, qk_scale: bias of the projection; factor of q k^T, None: head length ** -0.5.
      drop_ratio, attn_drop_ratio, drop_path_ratio: dropped in training; the last grows from 0 at
        the first block to this at the last one.
      representation_size: units of the dense layer with tanh before the head; None: no such layer.
      num_classes: units of the head.
      name: variable scope; "" is the current one.

    Returns: a function of float32 [N, img_size, img_size, C] and ``is_training`` (bool or bool
      tensor), which builds in the current graph: logits [N, num_classes] and the end points.
    Raises: BadInputError as ``PatchEmbed`` and ``Attention``.
    """
    patches = PatchEmbed(img_size, patch_size, embed_dim)
    tokens = ConcatClassTokenAddPosEmbed(embed_dim, (img_size // patch_size) ** 2, name="cls_pos")
    # Each block drops more branches than the one before: 004-E37.
    options = (embed_dim, num_heads, qkv_bias, qk_scale, drop_ratio, attn_drop_ratio)
    rates = np.linspace(0.0, drop_path_ratio, depth).tolist()
    blocks = [Block(*options, rate, f"encoderblock_{i}") for i, rate in enumerate(rates)]

    def net(images: Tensor, is_training: IsTraining = False) -> NetOutputs:
        end_points = {}
        with tf.variable_scope(name or tf.get_variable_scope(), auxiliary_name_scope=bool(name)):
            end_points["patch_embed"] = x = patches(images)  # (N, 196, 768)
            end_points["cls_pos"] = x = tokens(x)  # (N, 197, 768)
            x = _dropout(x, drop_ratio, is_training)
            for i, block in enumerate(blocks):
                end_points[f"encoderblock_{i}"] = x = block(x, is_training)  # (N, 197, 768)
            end_points["encoder_norm"] = x = _layer_norm(x, "encoder_norm")
            x = x[:, 0]  # (N, 768), the class token
            if representation_size:
                x = _dense(x, representation_size, "pre_logits", activation=tf.tanh)
            end_points["pre_logits"] = x
            logits = _dense(  # (N, num_classes), 004-E38
                x, num_classes, "head", kernel_initializer=tf.zeros_initializer()
            )
            end_points["logits"] = logits
        return logits, end_points

    return net


BASE: dict[str, Any] = {"embed_dim": 768, "depth": 12, "num_heads": 12}
LARGE: dict[str, Any] = {"embed_dim": 1024, "depth": 24, "num_heads": 16}
HUGE: dict[str, Any] = {"embed_dim": 1280, "depth": 32, "num_heads": 16}


def _in21k(
    name: str, patch_size: int, size: dict[str, Any], num_classes: int, has_logits: bool
) -> Layer:
    representation = size["embed_dim"] if has_logits else None
    return VisionTransformer(
        patch_size=patch_size,
        representation_size=representation,
        num_classes=num_classes,
        name=name,
        **size,
    )


def vit_base_patch16_224_in21k(num_classes: int = 21843, has_logits: bool = True) -> Layer:
    """Returns ViT-B/16; ``has_logits``: with the pre-logits layer. See ``VisionTransformer``."""
    return _in21k("ViT-B_16", 16, BASE, num_classes, has_logits)


def vit_base_patch32_224_in21k(num_classes: int = 21843, has_logits: bool = True) -> Layer:
    """Returns ViT-B/32; see ``vit_base_patch16_224_in21k``."""
    return _in21k("ViT-B_32", 32, BASE, num_classes, has_logits)


def vit_large_patch16_224_in21k(num_classes: int = 21843, has_logits: bool = True) -> Layer:
    """Returns ViT-L/16; see ``vit_base_patch16_224_in21k``."""
    return _in21k("ViT-L_16", 16, LARGE, num_classes, has_logits)


def vit_large_patch32_224_in21k(num_classes: int = 21843, has_logits: bool = True) -> Layer:
    """Returns ViT-L/32; see ``vit_base_patch16_224_in21k``."""
    return _in21k("ViT-L_32", 32, LARGE, num_classes, has_logits)


def vit_huge_patch14_224_in21k(num_classes: int = 21843, has_logits: bool = True) -> Layer:
    """Returns ViT-H/14; see ``vit_base_patch16_224_in21k``."""
    return _in21k("ViT-H_14", 14, HUGE, num_classes, has_logits)


def read_side(images: Tensor) -> int:
    """Reads H from images [N, H, H, C]. Raises BadInputError if it is unknown or not the width."""
    height, width = images.shape.as_list()[1:3] if images.shape.rank == 4 else (None, None)
    if height is None or height != width:
        raise BadInputError(
            f"a ViT takes square images [N, H, H, C] of a known size, not {images.shape}"
        )
    return int(height)


def vit(
    images: Tensor,
    num_classes: int = 21843,
    is_training: IsTraining = False,
    *,
    reuse: Reuse = None,
    scope: str = "ViT-B_16",
    patch_size: int = 16,
    embed_dim: int = 768,
    depth: int = 12,
    num_heads: int = 12,
    has_logits: bool = True,
    drop_ratio: float = 0.0,
    attn_drop_ratio: float = 0.0,
    drop_path_ratio: float = 0.0,
) -> NetOutputs:
    """Builds ``VisionTransformer`` in the net contract, for square images of any size.

    Args: as ``VisionTransformer``, but
      images: float32 [N, H, H, 3] in [-1, 1]; H is known and divides into patches.
      reuse, scope: as in ``tf.variable_scope``; "" is the current scope.
      has_logits: with the dense layer of ``embed_dim`` units before the head.

    Returns: logits [N, num_classes], and the end points in order of construction.
    Raises: BadInputError as ``VisionTransformer``.
    """
    net = VisionTransformer(
        read_side(images),
        patch_size,
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
        return net(images, is_training)
