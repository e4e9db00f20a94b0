"""torchvision's Inception V3: loss, gradients, Adam; channels last, fp32 and autocast to bf16."""

from __future__ import annotations

import contextlib

import torch
import torchvision
from protocol import count_per_second, read_arguments, serve, try_each

BATCH, SIDE = 32, 149
NETS = {"inception_v3": torchvision.models.inception_v3}

name = read_arguments()["net"]
if name not in NETS:
    raise SystemExit(f"torchvision has no {name}")


def make(precision):
    """Builds the net and the step."""
    model = NETS[name](weights=None, init_weights=False, aux_logits=False)
    model = model.train().to(memory_format=torch.channels_last)
    optimiser = torch.optim.Adam(model.parameters(), 1e-4)
    images = torch.rand(BATCH, 3, SIDE, SIDE).to(memory_format=torch.channels_last)
    labels = torch.arange(BATCH)

    def step():
        """One step."""
        optimiser.zero_grad()
        is_bf16 = precision == "bf16"
        cast = torch.autocast("cpu", torch.bfloat16) if is_bf16 else contextlib.nullcontext()
        with cast:
            loss = torch.nn.functional.cross_entropy(model(images), labels)
        loss.backward()
        optimiser.step()

    return {(f"batch {BATCH}", f"PyTorch {precision}"): count_per_second(step, BATCH)}


measures, failed = try_each({f"PyTorch {p}": lambda p=p: make(p) for p in ("fp32", "bf16")})
serve(measures, {"PyTorch": torch.__version__}, failed)
