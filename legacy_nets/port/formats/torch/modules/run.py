"""Runs a net in PyTorch on a file of images, in a process of its own, to verify a port.

  python run.py x.py x.pth images.npy logits.npy            a file that ``port`` wrote
  python run.py vgg16 x.pth images.npy logits.npy 1000      torchvision's net, of 1000 classes
  python run.py vgg16                                       exit code 3: torchvision lacks it

images.npy holds TensorFlow's [N, ..., C].
"""

from __future__ import annotations

import runpy
import sys

import numpy as np
import torch


def load_torchvision_net(name: str, weights: str, num_classes: int) -> torch.nn.Module:
    """Loads a net of torchvision with the weights of a file."""
    import torchvision

    net = torchvision.models.get_model(name, num_classes=num_classes)
    if weights.endswith(".safetensors"):
        from safetensors.torch import load_file

        state = load_file(weights)
    else:
        state = torch.load(weights, weights_only=True)
    net.load_state_dict(state, strict=True)
    return net.eval()


def main(net_name: str, *files: str) -> int:
    """Runs the command line; returns the exit code."""
    if not files:
        import torchvision

        return 0 if net_name in torchvision.models.list_models() else 3
    weights, images, logits, *classes = files
    if net_name.endswith(".py"):
        net = runpy.run_path(net_name)["load"](weights)
    else:
        net = load_torchvision_net(net_name, weights, int(classes[0]))
    pictures = torch.from_numpy(np.moveaxis(np.load(images), -1, 1).copy())
    with torch.inference_mode():
        np.save(logits, net(pictures).numpy())
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
