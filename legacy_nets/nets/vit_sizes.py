"""Vision Transformers in the net contract: of any size, and the five of the document.

``vit`` has the layers, and the document's own functions of these five names, whose parameters are
``num_classes`` and ``has_logits``.
"""

from __future__ import annotations

from legacy_nets import tf1 as tf
from legacy_nets.errors import BadInputError
from legacy_nets.nets.vit import VisionTransformer
from legacy_nets.types import IsTraining, NetOutputs, Reuse, Tensor


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


def vit_base_patch16_224_in21k(
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
    """Builds ViT-B/16; arguments, result and errors as ``vit``."""
    return vit(
        images,
        num_classes,
        is_training,
        reuse=reuse,
        scope=scope,
        patch_size=patch_size,
        embed_dim=embed_dim,
        depth=depth,
        num_heads=num_heads,
        has_logits=has_logits,
        drop_ratio=drop_ratio,
        attn_drop_ratio=attn_drop_ratio,
        drop_path_ratio=drop_path_ratio,
    )


def vit_base_patch32_224_in21k(
    images: Tensor,
    num_classes: int = 21843,
    is_training: IsTraining = False,
    *,
    reuse: Reuse = None,
    scope: str = "ViT-B_32",
    patch_size: int = 32,
    embed_dim: int = 768,
    depth: int = 12,
    num_heads: int = 12,
    has_logits: bool = True,
    drop_ratio: float = 0.0,
    attn_drop_ratio: float = 0.0,
    drop_path_ratio: float = 0.0,
) -> NetOutputs:
    """Builds ViT-B/32; arguments, result and errors as ``vit``."""
    return vit(
        images,
        num_classes,
        is_training,
        reuse=reuse,
        scope=scope,
        patch_size=patch_size,
        embed_dim=embed_dim,
        depth=depth,
        num_heads=num_heads,
        has_logits=has_logits,
        drop_ratio=drop_ratio,
        attn_drop_ratio=attn_drop_ratio,
        drop_path_ratio=drop_path_ratio,
    )


def vit_large_patch16_224_in21k(
    images: Tensor,
    num_classes: int = 21843,
    is_training: IsTraining = False,
    *,
    reuse: Reuse = None,
    scope: str = "ViT-L_16",
    patch_size: int = 16,
    embed_dim: int = 1024,
    depth: int = 24,
    num_heads: int = 16,
    has_logits: bool = True,
    drop_ratio: float = 0.0,
    attn_drop_ratio: float = 0.0,
    drop_path_ratio: float = 0.0,
) -> NetOutputs:
    """Builds ViT-L/16; arguments, result and errors as ``vit``."""
    return vit(
        images,
        num_classes,
        is_training,
        reuse=reuse,
        scope=scope,
        patch_size=patch_size,
        embed_dim=embed_dim,
        depth=depth,
        num_heads=num_heads,
        has_logits=has_logits,
        drop_ratio=drop_ratio,
        attn_drop_ratio=attn_drop_ratio,
        drop_path_ratio=drop_path_ratio,
    )


def vit_large_patch32_224_in21k(
    images: Tensor,
    num_classes: int = 21843,
    is_training: IsTraining = False,
    *,
    reuse: Reuse = None,
    scope: str = "ViT-L_32",
    patch_size: int = 32,
    embed_dim: int = 1024,
    depth: int = 24,
    num_heads: int = 16,
    has_logits: bool = True,
    drop_ratio: float = 0.0,
    attn_drop_ratio: float = 0.0,
    drop_path_ratio: float = 0.0,
) -> NetOutputs:
    """Builds ViT-L/32; arguments, result and errors as ``vit``."""
    return vit(
        images,
        num_classes,
        is_training,
        reuse=reuse,
        scope=scope,
        patch_size=patch_size,
        embed_dim=embed_dim,
        depth=depth,
        num_heads=num_heads,
        has_logits=has_logits,
        drop_ratio=drop_ratio,
        attn_drop_ratio=attn_drop_ratio,
        drop_path_ratio=drop_path_ratio,
    )


def vit_huge_patch14_224_in21k(
    images: Tensor,
    num_classes: int = 21843,
    is_training: IsTraining = False,
    *,
    reuse: Reuse = None,
    scope: str = "ViT-H_14",
    patch_size: int = 14,
    embed_dim: int = 1280,
    depth: int = 32,
    num_heads: int = 16,
    has_logits: bool = True,
    drop_ratio: float = 0.0,
    attn_drop_ratio: float = 0.0,
    drop_path_ratio: float = 0.0,
) -> NetOutputs:
    """Builds ViT-H/14; arguments, result and errors as ``vit``."""
    return vit(
        images,
        num_classes,
        is_training,
        reuse=reuse,
        scope=scope,
        patch_size=patch_size,
        embed_dim=embed_dim,
        depth=depth,
        num_heads=num_heads,
        has_logits=has_logits,
        drop_ratio=drop_ratio,
        attn_drop_ratio=attn_drop_ratio,
        drop_path_ratio=drop_path_ratio,
    )
