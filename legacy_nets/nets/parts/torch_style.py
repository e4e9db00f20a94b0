"""What ResNet, ResNeXt and MobileNet share: checks, and PyTorch's padding."""

from __future__ import annotations

from collections.abc import Sequence

from legacy_nets import tf1 as tf
from legacy_nets.errors import BadInputError
from legacy_nets.types import Tensor


def pad_both_sides(x: Tensor, size: int) -> Tensor:
    """Pads a map [N, H, W, C] with size // 2 zeros on each side, as torch does for a window.

    With a VALID window of odd size at stride 1, or at stride 2 on maps of odd size, that equals
    SAME. At stride 2 on maps of even size, SAME pads a row less at the top and left. Its windows
    then lie one pixel further to the bottom and right than torch's.
    """
    before = after = size // 2
    return tf.pad(x, [[0, 0], [before, after], [before, after], [0, 0]])


def pad_window(x: Tensor, kernel_size: int, strides: int, padding: str) -> tuple[Tensor, str]:
    """Pads a map [N, H, W, C] for a window with a stride, where ``padding`` is not "same".

    Returns the map, and the padding of the layer that reads it.
    """
    if padding == "same" or strides == 1:
        return x, "same"
    return pad_both_sides(x, kernel_size), "valid"


def check_maps(images: Tensor, net: str) -> None:
    """Raises BadInputError for anything but [N, H, W, C] with C known; H and W may be unknown."""
    if images.shape.rank != 4 or images.shape[-1] is None or 0 in images.shape.as_list()[1:]:
        raise BadInputError(
            f"{net} takes images [N, H, W, C] of a known number of channels, not {images.shape}"
        )


def check_option(net: str, option: str, given: object, allowed: Sequence[object]) -> None:
    """Raises BadInputError for a value that an option of a net does not take."""
    if given not in allowed:
        values = ", ".join(repr(value) for value in allowed)
        raise BadInputError(f"{net} takes {option} {values}, not {given!r}")
