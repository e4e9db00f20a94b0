"""PyTorch's own net of the same architecture, channels last: fp32 and bf16."""

from __future__ import annotations

import timm
import torch
import torchvision
from protocol import count_per_second, read_arguments, serve, try_each

NETS = {
    "inception_v3": (
        lambda: torchvision.models.inception_v3(weights=None, init_weights=False),
        (3, 299, 299),
    ),
    "resnet_v2_50": (lambda: timm.create_model("resnetv2_50"), (3, 224, 224)),
    "resnet_v2_152": (lambda: timm.create_model("resnetv2_152"), (3, 224, 224)),
    "mobilenet_v2": (torchvision.models.mobilenet_v2, (3, 224, 224)),
    "vit_base_patch16_224_in21k": (
        lambda: timm.create_model("vit_base_patch16_224", num_classes=21843),
        (3, 224, 224),
    ),
    "r2plus1d_18": (torchvision.models.video.r2plus1d_18, (3, 16, 112, 112)),
}

arguments = read_arguments()
if arguments["net"] not in NETS:
    raise SystemExit(f"torchvision and timm have no {arguments['net']}")
build, shape = NETS[arguments["net"]]
layout = torch.channels_last_3d if len(shape) == 4 else torch.channels_last


def make(precision, dtype):
    """Builds the net; measures of each batch size."""
    model = build().eval().to(dtype=dtype, memory_format=layout)
    measures = {}
    for batch in arguments["batches"]:
        images = torch.rand(batch, *shape).to(dtype=dtype, memory_format=layout)
        run = count_per_second(lambda x=images: torch.softmax(model(x), 1), batch)
        measures[f"batch {batch}", f"PyTorch {precision}"] = run
    return measures


with torch.inference_mode():
    measures, failed = try_each(
        {
            "PyTorch fp32": lambda: make("fp32", torch.float32),
            "PyTorch bf16": lambda: make("bf16", torch.bfloat16),
        }
    )
    versions = {"PyTorch": torch.__version__, "torchvision": torchvision.__version__}
    serve(measures, versions | {"timm": timm.__version__}, failed)
