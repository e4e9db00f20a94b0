"""Entries of single layers: their variables and their tensors in PyTorch."""

from __future__ import annotations

from legacy_nets.checkpoints.translate import CONV, DEPTHWISE, SAME, Entry, Transform

DENSE_AS_CONV = Transform(  # [out, in] <-> [1, 1, in, out]
    "dense as 1x1 convolution", lambda x: x.T[None, None], lambda x: x[0, 0].T
)
_BATCH_NORM = (
    ("gamma", "weight"),
    ("beta", "bias"),
    ("moving_mean", "running_mean"),
    ("moving_variance", "running_var"),
)


def map_batch_norm(scope: str, module: str) -> list[Entry]:
    """Maps the four variables of a batch norm to the tensors of a PyTorch module."""
    return [Entry(f"{scope}/{name}", f"{module}.{torch_name}") for name, torch_name in _BATCH_NORM]


def map_layer(scope: str, module: str, transform: Transform = CONV) -> list[Entry]:
    """Maps kernel and bias of a convolution or dense layer to a PyTorch module."""
    return [
        Entry(f"{scope}/kernel", f"{module}.weight", transform),
        Entry(f"{scope}/bias", f"{module}.bias", SAME),
    ]


def map_conv_and_norm(
    conv: str, norm: str, torch_conv: str, torch_norm: str, transform: Transform = CONV
) -> list[Entry]:
    """Maps a convolution without bias, and its batch norm, to two PyTorch modules."""
    kernel = "depthwise_kernel" if transform is DEPTHWISE else "kernel"
    return [
        Entry(f"{conv}/{kernel}", f"{torch_conv}.weight", transform),
        *map_batch_norm(norm, torch_norm),
    ]
