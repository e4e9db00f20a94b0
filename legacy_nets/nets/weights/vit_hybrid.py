"""Weights of the hybrid ViT: the release's .npz and timm's state_dict."""

from __future__ import annotations

from collections.abc import Iterator

from legacy_nets import registry
from legacy_nets.checkpoints.translate import CONV, Entry, Layout
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
FLAT = Layout("flat", lambda x: x.reshape(-1), lambda x: x)


def map_npz_names(name: str) -> tuple[Entry, ...]:
    """The variables under the names of the release's R50+ViT-B_16.npz."""
    scope = registry.get_net(name).scope
    backbone = []
    for conv, norm, _, _ in _layers():
        backbone += [
            Entry(f"{scope}/{conv}/kernel", f"{conv}/kernel"),
            Entry(f"{scope}/{norm}/gamma", f"{norm}/scale", FLAT),
            Entry(f"{scope}/{norm}/beta", f"{norm}/bias", FLAT),
        ]
    return (*backbone, *iterate_npz(scope, *DEPTH_AND_HEADS[name]))


def map_torch_names(name: str) -> tuple[Entry, ...]:
    """The variables under the names of timm's vit_base_r50_s16_224."""
    scope = registry.get_net(name).scope
    backbone = []
    for conv, norm, conv_there, norm_there in _layers():
        backbone += [
            Entry(f"{scope}/{conv}/kernel", f"patch_embed.backbone.{conv_there}.weight", CONV),
            Entry(f"{scope}/{norm}/gamma", f"patch_embed.backbone.{norm_there}.weight"),
            Entry(f"{scope}/{norm}/beta", f"patch_embed.backbone.{norm_there}.bias"),
        ]
    return (*backbone, *iterate_torch(scope, DEPTH_AND_HEADS[name][0]))


def _layers() -> Iterator[tuple[str, str, str, str]]:
    """Convolution and norm here, and there in timm's backbone, in the order of the variables."""
    yield "conv_root", "gn_root", "stem.conv", "stem.norm"
    for stage, count in enumerate(UNITS):
        for number in range(count):
            here, there = f"block{stage + 1}/unit{number + 1}", f"stages.{stage}.blocks.{number}"
            if number == 0:
                down = f"{there}.downsample"
                yield f"{here}/conv_proj", f"{here}/gn_proj", f"{down}.conv", f"{down}.norm"
            for i in (1, 2, 3):
                yield f"{here}/conv{i}", f"{here}/gn{i}", f"{there}.conv{i}", f"{there}.norm{i}"


WEIGHTS = FamilyWeights(
    (WeightLayout("npz", map_npz_names), WeightLayout("torch", map_torch_names)),
    adapt=resize_positions,
    optional_layer=PRE_LOGITS,
)
