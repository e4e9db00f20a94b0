"""Weights of MobileNet v1 from timm and of v2 from torchvision."""

from __future__ import annotations

from legacy_nets.checkpoints.translate import DENSE, DEPTHWISE, Entry
from legacy_nets.nets.weights.entries import DENSE_AS_CONV, map_conv_and_norm, map_layer
from legacy_nets.nets.weights.layouts import FamilyWeights, WeightLayout

_V1_STAGES = (1, 2, 2, 6, 2)  # how timm groups the 13 units of v1
_V2_UNITS = 17


def map_torch_names(name: str) -> tuple[Entry, ...]:
    """Maps each variable to its tensor in torchvision (v2) or in timm's mobilenetv1_100 (v1).

    torchvision has no v1. Run such weights with ``padding="torch", epsilon=1e-5``.
    """
    return _map_timm_v1() if name == "mobilenet_v1" else _map_torchvision_v2()


def _map_timm_v1() -> tuple[Entry, ...]:
    entries = map_conv_and_norm("conv1", "conv1_bn", "conv_stem", "bn1")
    units = [(stage, unit) for stage, n in enumerate(_V1_STAGES) for unit in range(n)]
    for number, (stage, unit) in enumerate(units, 1):
        dw, pw, block = f"conv_dw_{number}", f"conv_pw_{number}", f"blocks.{stage}.{unit}"
        entries += map_conv_and_norm(dw, f"{dw}_bn", f"{block}.conv_dw", f"{block}.bn1", DEPTHWISE)
        entries += map_conv_and_norm(pw, f"{pw}_bn", f"{block}.conv_pw", f"{block}.bn2")
    return (*entries, *map_layer("conv_preds", "classifier", DENSE_AS_CONV))


def _map_torchvision_v2() -> tuple[Entry, ...]:
    entries = map_conv_and_norm("Conv1", "bn_Conv1", "features.0.0", "features.0.1")
    for number in range(_V2_UNITS):
        prefix, module = f"block_{number}", f"features.{number + 1}.conv"
        first = 0
        if number == 0:
            prefix = "expanded_conv"
        else:
            expand = f"{prefix}_expand"
            entries += map_conv_and_norm(expand, f"{expand}_BN", f"{module}.0.0", f"{module}.0.1")
            first = 1
        depthwise = f"{module}.{first}"
        dw, project = f"{prefix}_depthwise", f"{prefix}_project"
        entries += map_conv_and_norm(dw, f"{dw}_BN", f"{depthwise}.0", f"{depthwise}.1", DEPTHWISE)
        torch_names = (f"{module}.{first + 1}", f"{module}.{first + 2}")
        entries += map_conv_and_norm(project, f"{project}_BN", *torch_names)
    entries += map_conv_and_norm("Conv_1", "Conv_1_bn", "features.18.0", "features.18.1")
    return (*entries, *map_layer("predictions", "classifier.1", DENSE))


WEIGHTS = FamilyWeights(
    (
        WeightLayout(
            "torch",
            map_torch_names,
            options={"padding": "torch", "epsilon": 1e-5},
            preprocessing="imagenet",
        ),
    )
)
