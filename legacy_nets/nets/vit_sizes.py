"""The five Vision Transformers of the document as functions of the images, in the net contract.

``vit`` builds them and says what they are. It has the document's own functions of these names,
whose parameters are ``num_classes`` and ``has_logits``.
"""

from __future__ import annotations

from legacy_nets.nets.vit import vit
from legacy_nets.types import IsTraining, NetOutputs, Reuse, Tensor


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
    """Builds ViT-B/16. Arguments, result and errors as ``vit.vit``."""
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
    """Builds ViT-B/32; see ``vit_base_patch16_224_in21k``."""
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
    """Builds ViT-L/16; see ``vit_base_patch16_224_in21k``."""
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
    """Builds ViT-L/32; see ``vit_base_patch16_224_in21k``."""
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
    """Builds ViT-H/14; see ``vit_base_patch16_224_in21k``."""
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
