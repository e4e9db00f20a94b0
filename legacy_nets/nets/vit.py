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

import numpy as np

from legacy_nets import tf1 as tf
from legacy_nets.errors import BadInputError
from legacy_nets.nets.parts.attention import check_heads
from legacy_nets.types import EndPoints, IsTraining, NetOutputs, Tensor

EPSILON = 1e-6  # of every layer norm

Layer = Callable[..., Tensor]  # (tensor, is_training=False) -> tensor


def PatchEmbed(img_size: int = 224, patch_size: int = 16, embed_dim: int = 768) -> Layer:
    """Cuts images into patches, each one a token.

    Returns: a function, float32 [N, img_size, img_size, C] -> [N, patches, embed_dim].
    Raises: BadInputError for patches that do not divide the image, or an image of other sides.
    """
    if patch_size < 1 or img_size % patch_size:  # 004-E35
        raise BadInputError(
            f"patches of {patch_size} pixels do not divide an image of {img_size}: "
            "resize it to a multiple"
        )
    num_patches = (img_size // patch_size) ** 2

    def layer(inputs: Tensor, is_training: IsTraining = False) -> Tensor:
        sides = inputs.shape.as_list()[1:3] if inputs.shape.rank == 4 else []
        if sides != [img_size, img_size]:
            raise BadInputError(
                f"a ViT for {img_size}x{img_size} takes [N, {img_size}, {img_size}, C], "
                f"not {inputs.shape}: resize the images"
            )
        with tf.variable_scope(None, "patch_embed"):
            # (N, H/patch_size, W/patch_size, embed_dim)
            x = tf.layers.conv2d(
                inputs,
                filters=embed_dim,
                kernel_size=patch_size,
                strides=patch_size,
                padding="SAME",
                kernel_initializer=tf.initializers.lecun_normal(),
                name="conv2d",
            )
            return tf.reshape(x, [-1, num_patches, embed_dim])  # (N, num_patches, embed_dim)

    return layer


def ConcatClassTokenAddPosEmbed(
    embed_dim: int = 768, num_patches: int = 196, name: str | None = None
) -> Layer:
    """Puts the class token before the patches, and adds the position embedding.

    Returns: a function, float32 [N, num_patches, embed_dim] -> [N, num_patches + 1, embed_dim].
    """

    def layer(inputs: Tensor, is_training: IsTraining = False) -> Tensor:
        with tf.variable_scope(name, "concat_class_token_add_pos_embed"):
            cls_token = tf.get_variable(
                "cls", [1, 1, embed_dim], initializer=tf.zeros_initializer()
            )
            pos_embed = tf.get_variable(
                "pos_embed",
                [1, num_patches + 1, embed_dim],
                initializer=tf.random_normal_initializer(stddev=0.02),
            )
            batch_size = tf.shape(inputs)[0]  # 004-E31
            cls_token = tf.tile(cls_token, [batch_size, 1, 1])  # (N, 1, embed_dim)
            # (N, num_patches + 1, embed_dim)
            x = tf.concat([cls_token, inputs], axis=1)
            return x + pos_embed  # (N, num_patches + 1, embed_dim)

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
    head_dim = dim // num_heads
    scale = qk_scale or head_dim**-0.5
    k_ini = tf.glorot_uniform_initializer()  # 004-E32

    def layer(inputs: Tensor, is_training: IsTraining = False) -> Tensor:
        _, T, _ = inputs.shape.as_list()
        with tf.variable_scope(name, "attention"):
            # (N, T, 3 * dim)
            qkv = tf.layers.dense(
                inputs, dim * 3, use_bias=qkv_bias, kernel_initializer=k_ini, name="qkv"
            )
            # (N, T, 3, num_heads, head_dim)
            qkv = tf.reshape(qkv, [-1, T, 3, num_heads, head_dim])
            qkv = tf.transpose(qkv, [2, 0, 3, 1, 4])  # (3, N, num_heads, T, head_dim)
            q, k, v = tf.unstack(qkv)  # (N, num_heads, T, head_dim)
            # (N, num_heads, T, T)
            attn = tf.matmul(a=q, b=k, transpose_b=True) * scale
            attn = tf.nn.softmax(attn, axis=-1)  # (N, num_heads, T, T)
            attn = _dropout(attn, attn_drop_ratio, is_training)  # (N, num_heads, T, T)
            x = tf.matmul(attn, v)  # (N, num_heads, T, head_dim)
            x = tf.transpose(x, [0, 2, 1, 3])  # (N, T, num_heads, head_dim)
            x = tf.reshape(x, [-1, T, dim])  # (N, T, dim)
            x = tf.layers.dense(x, dim, kernel_initializer=k_ini, name="out")  # (N, T, dim)
            return _dropout(x, proj_drop_ratio, is_training)  # (N, T, dim)

    return layer


def MLP(
    in_features: int, mlp_ratio: float = 4.0, drop: float = 0.0, name: str | None = None
) -> Layer:
    """Two dense layers with GELU between.

    Returns: a function, float32 [N, T, in_features] -> the same shape.
    """
    hidden = int(in_features * mlp_ratio)  # 3072 in ViT-B/16
    k_ini = tf.glorot_uniform_initializer()  # 004-E32
    b_ini = tf.random_normal_initializer(stddev=1e-6)

    def layer(inputs: Tensor, is_training: IsTraining = False) -> Tensor:
        with tf.variable_scope(name, "mlp"):
            # (N, T, hidden)
            x = tf.layers.dense(
                inputs, hidden, kernel_initializer=k_ini, bias_initializer=b_ini, name="Dense_0"
            )
            x = _gelu(x)  # (N, T, hidden)
            x = _dropout(x, drop, is_training)  # (N, T, hidden)
            # (N, T, in_features)
            x = tf.layers.dense(
                x, in_features, kernel_initializer=k_ini, bias_initializer=b_ini, name="Dense_1"
            )
            return _dropout(x, drop, is_training)  # (N, T, in_features)

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
    attn = Attention(
        dim,
        num_heads=num_heads,
        qkv_bias=qkv_bias,
        qk_scale=qk_scale,
        attn_drop_ratio=attn_drop_ratio,
        proj_drop_ratio=drop_ratio,
        name="MultiHeadAttention",
    )
    mlp = MLP(dim, drop=drop_ratio, name="MlpBlock")

    def layer(inputs: Tensor, is_training: IsTraining = False) -> Tensor:
        def drop_path(x: Tensor) -> Tensor:  # 004-E37
            return _dropout(x, drop_path_ratio, is_training, noise_shape=(None, 1, 1))

        with tf.variable_scope(name, "block"):
            x = attn(_layer_norm(inputs, "LayerNorm_0"), is_training)  # (N, T, C)
            x = inputs + drop_path(x)  # (N, T, C)
            y = mlp(_layer_norm(x, "LayerNorm_1"), is_training)  # (N, T, C)
            return x + drop_path(y)  # (N, T, C)

    return layer


class VisionTransformer:
    """The complete net, a function of the images. Shapes are for ViT-B/16.

    Args:
      img_size, patch_size: sides in pixels.
      embed_dim, depth, num_heads: length of a token, blocks, heads of each.
      qkv_bias, qk_scale: bias of the projection; factor of q k^T, None: head length ** -0.5.
      drop_ratio, attn_drop_ratio, drop_path_ratio: dropped in training; the last grows from 0 at
        the first block to this at the last one.
      representation_size: units of the dense layer with tanh before the head; None: no such layer.
      num_classes: units of the head.
      name: variable scope; "" is the current one.

    Raises: BadInputError as ``PatchEmbed`` and ``Attention``.
    """

    def __init__(
        self,
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
    ) -> None:
        self.name = name
        self.drop_ratio = drop_ratio
        self.representation_size = representation_size
        self.num_classes = num_classes
        self.patch_embed = PatchEmbed(img_size, patch_size, embed_dim)
        num_patches = (img_size // patch_size) ** 2
        self.cls_token_pos_embed = ConcatClassTokenAddPosEmbed(embed_dim, num_patches, "cls_pos")
        dpr = np.linspace(0.0, drop_path_ratio, depth).tolist()  # 004-E37
        self.blocks = [
            Block(
                dim=embed_dim,
                num_heads=num_heads,
                qkv_bias=qkv_bias,
                qk_scale=qk_scale,
                drop_ratio=drop_ratio,
                attn_drop_ratio=attn_drop_ratio,
                drop_path_ratio=dpr[i],
                name=f"encoderblock_{i}",
            )
            for i in range(depth)
        ]

    def __call__(self, inputs: Tensor, is_training: IsTraining = False) -> NetOutputs:
        """Builds the net in the current graph: logits [N, num_classes], and the end points.

        ``inputs`` is float32 [N, img_size, img_size, C], ``is_training`` bool or bool tensor.
        """
        points: EndPoints = {}
        scope = self.name or tf.get_variable_scope()
        with tf.variable_scope(scope, auxiliary_name_scope=bool(self.name)):
            points["patch_embed"] = x = self.patch_embed(inputs)  # (N, 196, 768)
            points["cls_pos"] = x = self.cls_token_pos_embed(x)  # (N, 197, 768); 004-E33
            x = _dropout(x, self.drop_ratio, is_training)
            for i, block in enumerate(self.blocks):
                points[f"encoderblock_{i}"] = x = block(x, is_training)  # (N, 197, 768)
            points["encoder_norm"] = x = _layer_norm(x, "encoder_norm")  # (N, 197, 768)
            x = x[:, 0]  # (N, 768), the class token
            if self.representation_size:
                # (N, 768)
                x = tf.layers.dense(
                    x,
                    self.representation_size,
                    activation=tf.tanh,
                    kernel_initializer=tf.glorot_uniform_initializer(),
                    name="pre_logits",
                )
            points["pre_logits"] = x
            # (N, num_classes); 004-E30, E38
            points["logits"] = logits = tf.layers.dense(
                x, self.num_classes, kernel_initializer=tf.zeros_initializer(), name="head"
            )
        return logits, points


def vit_base_patch16_224_in21k(
    num_classes: int = 21843, has_logits: bool = True
) -> VisionTransformer:
    """Returns ViT-B/16 for ImageNet-21k; ``has_logits``: with the dense layer before the head."""
    return VisionTransformer(
        img_size=224,
        patch_size=16,
        embed_dim=768,
        depth=12,
        num_heads=12,
        representation_size=768 if has_logits else None,
        num_classes=num_classes,
        name="ViT-B_16",
    )


def vit_base_patch32_224_in21k(
    num_classes: int = 21843, has_logits: bool = True
) -> VisionTransformer:
    """Returns ViT-B/32, as ``vit_base_patch16_224_in21k``."""
    return VisionTransformer(
        img_size=224,
        patch_size=32,
        embed_dim=768,
        depth=12,
        num_heads=12,
        representation_size=768 if has_logits else None,
        num_classes=num_classes,
        name="ViT-B_32",
    )


def vit_large_patch16_224_in21k(
    num_classes: int = 21843, has_logits: bool = True
) -> VisionTransformer:
    """Returns ViT-L/16, as ``vit_base_patch16_224_in21k``."""
    return VisionTransformer(
        img_size=224,
        patch_size=16,
        embed_dim=1024,
        depth=24,
        num_heads=16,
        representation_size=1024 if has_logits else None,
        num_classes=num_classes,
        name="ViT-L_16",
    )


def vit_large_patch32_224_in21k(
    num_classes: int = 21843, has_logits: bool = True
) -> VisionTransformer:
    """Returns ViT-L/32, as ``vit_base_patch16_224_in21k``."""
    return VisionTransformer(
        img_size=224,
        patch_size=32,
        embed_dim=1024,
        depth=24,
        num_heads=16,
        representation_size=1024 if has_logits else None,
        num_classes=num_classes,
        name="ViT-L_32",
    )


def vit_huge_patch14_224_in21k(
    num_classes: int = 21843, has_logits: bool = True
) -> VisionTransformer:
    """Returns ViT-H/14, as ``vit_base_patch16_224_in21k``."""
    return VisionTransformer(
        img_size=224,
        patch_size=14,
        embed_dim=1280,
        depth=32,
        num_heads=16,
        representation_size=1280 if has_logits else None,
        num_classes=num_classes,
        name="ViT-H_14",
    )


def _dropout(
    x: Tensor,
    rate: float,
    is_training: IsTraining,
    noise_shape: tuple[int | None, ...] | None = None,
) -> Tensor:
    """Drops in training; a rate of 0 adds nothing to the graph."""
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
