"""Weights of the hybrid ViT: the release's .npz and timm's state_dict."""

from __future__ import annotations

from collections.abc import Iterator

from legacy_nets import registry
from legacy_nets.checkpoints.translate import CONV, Entry, Transform
from legacy_nets.nets.vit_hybrid import UNITS
from legacy_nets.nets.weights.layouts import FamilyWeights, WeightLayout
from legacy_nets.nets.weights.vit import (
    DEPTH_AND_HEADS,
    PRE_LOGITS,
    iterate_npz,
    iterate_torch,
    resize_positions,
)

# The release's older files hold scale and bias as [1, 1, 1, C].
FLAT = Transform("flat", lambda x: x.reshape(-1), lambda x: x)


def map_npz_names(name: str) -> tuple[Entry, ...]:
    """Maps each variable to its tensor in the release's R50+ViT-B_16.npz."""
    scope = registry.get_net(name).scope
    backbone = []
    for conv, norm, _, _ in _list_layers():
        backbone += [
            Entry(f"{scope}/{conv}/kernel", f"{conv}/kernel"),
            Entry(f"{scope}/{norm}/gamma", f"{norm}/scale", FLAT),
            Entry(f"{scope}/{norm}/beta", f"{norm}/bias", FLAT),
        ]
    return (*backbone, *iterate_npz(scope, *DEPTH_AND_HEADS[name]))


def map_torch_names(name: str) -> tuple[Entry, ...]:
    """Maps each variable to its tensor in timm's vit_base_r50_s16_224."""
    scope = registry.get_net(name).scope
    backbone = []
    for conv, norm, torch_conv, torch_norm in _list_layers():
        backbone += [
            Entry(f"{scope}/{conv}/kernel", f"patch_embed.backbone.{torch_conv}.weight", CONV),
            Entry(f"{scope}/{norm}/gamma", f"patch_embed.backbone.{torch_norm}.weight"),
            Entry(f"{scope}/{norm}/beta", f"patch_embed.backbone.{torch_norm}.bias"),
        ]
    return (*backbone, *iterate_torch(scope, DEPTH_AND_HEADS[name][0]))


def _list_layers() -> Iterator[tuple[str, str, str, str]]:
    """Lists convolution, norm, and both in timm's backbone, in the order of the variables."""
    yield "conv_root", "gn_root", "stem.conv", "stem.norm"
    for stage, count in enumerate(UNITS):
        for number in range(count):
            scope, unit = f"block{stage + 1}/unit{number + 1}", f"stages.{stage}.blocks.{number}"
            if number == 0:
                down = f"{unit}.downsample"
                yield f"{scope}/conv_proj", f"{scope}/gn_proj", f"{down}.conv", f"{down}.norm"
            for i in (1, 2, 3):
                yield f"{scope}/conv{i}", f"{scope}/gn{i}", f"{unit}.conv{i}", f"{unit}.norm{i}"


WEIGHTS = FamilyWeights(
    (WeightLayout("npz", map_npz_names), WeightLayout("torch", map_torch_names)),
    adapt=resize_positions,
    optional_layer=PRE_LOGITS,
)
