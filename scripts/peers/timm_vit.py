"""Runs timm's Vision Transformers; their numbers are kept in tests/golden/peers.

  python scripts/peers/timm_vit.py [NET ...]          compare, change nothing
  python scripts/peers/timm_vit.py --write [NET ...]  write

Runs under any Python with torch and timm; this package needs neither. The nets are narrow
(each request holds the options of this package) except vit_base_patch16_224_full. Of the full
sizes the file keeps names, shapes and the number of parameters.
"""

from __future__ import annotations

import functools
import sys
from typing import Any

import common
import timm
import torch
from timm.models.resnetv2 import ResNetV2
from timm.models.vision_transformer_hybrid import HybridEmbed, StdConv2dSame

FULL = "vit_base_patch16_224_full"
HYBRID = "vit_hybrid_r50_base_224"
NETS = {  # this package's name -> timm's name, side of an image, options
    "vit_base_patch16_224_in21k": ("vit_base_patch16_224", 48, {"embed_dim": 96, "depth": 2}),
    "vit_base_patch32_224_in21k": ("vit_base_patch32_224", 64, {"embed_dim": 96, "depth": 1}),
    "vit_large_patch16_224_in21k": ("vit_large_patch16_224", 32, {"embed_dim": 128, "depth": 2}),
    "vit_large_patch32_224_in21k": ("vit_large_patch32_224", 96, {"embed_dim": 128, "depth": 1}),
    "vit_huge_patch14_224_in21k": ("vit_huge_patch14_224", 42, {"embed_dim": 160, "depth": 2}),
    HYBRID: (
        "vit_base_r50_s16_224",
        64,
        {"units": [1, 1, 2], "width": 32, "embed_dim": 96, "depth": 1},
    ),
    FULL: ("vit_base_patch16_224", 224, {"depth": 12}),
}
CLASSES = 10


def hybrid(side: int, units: list[int], width: int, embed_dim: int, depth: int) -> torch.nn.Module:
    """timm's vit_base_r50_s16 with other numbers of units and other widths."""
    backbone = ResNetV2(
        layers=units,
        channels=[4 * width << stage for stage in range(len(units))],
        stem_chs=width,
        num_classes=0,
        global_pool="",
        preact=False,
        stem_type="same",
        conv_layer=functools.partial(StdConv2dSame, eps=1e-8),
    )

    def embed(in_chans: int, embed_dim: int, **_: Any) -> torch.nn.Module:
        return HybridEmbed(
            backbone, img_size=side, patch_size=1, in_chans=in_chans, embed_dim=embed_dim
        )

    return timm.models.VisionTransformer(
        side,
        patch_size=1,
        num_classes=CLASSES,
        embed_dim=embed_dim,
        depth=depth,
        num_heads=12,
        embed_layer=embed,
    )


def ask(net: str) -> dict[str, Any]:
    """One net's numbers."""
    peer, side, options = NETS[net]
    points = {
        "patch_embed": "patch_embed",
        "cls_pos": "norm_pre",
        **{f"encoderblock_{i}": f"blocks.{i}" for i in range(options["depth"])},
        "encoder_norm": "norm",
    }
    if net == HYBRID:
        model = hybrid(side, **options)
        stages = range(len(options["units"]))
        points |= {f"block{i + 1}": f"patch_embed.backbone.stages.{i}" for i in stages}
    else:
        model = timm.create_model(peer, num_classes=CLASSES, img_size=side, **options)
    request = {"batch": 2, "height": side, "width": side, "options": options}
    answer = common.golden(model, net, f"timm {timm.__version__}", [request], points)
    with torch.device("meta"):  # names and shapes, no values
        full = timm.create_model(peer, num_classes=1000)
    shapes = {name: list(tensor.shape) for name, tensor in sorted(full.state_dict().items())}
    answer["full"] = {
        "name": peer,
        "parameters": sum(p.numel() for p in full.parameters()),
        "tensors": common.names_and_shapes(shapes),
    }
    return answer


if __name__ == "__main__":
    sys.exit(common.main(list(NETS), ask, __doc__))
