"""From bytes to the numbers a net was trained on. The registry's record says which kind."""

from __future__ import annotations

import pathlib

import numpy as np
from PIL import Image
from PIL import UnidentifiedImageError

from legacy_nets.errors import BadInputError

VGG_MEANS = (123.68, 116.779, 103.939)  # red, green, blue


def to_pixels(pictures: np.ndarray, kind: str) -> np.ndarray:
    """Scales uint8 [..., 3] pictures to float32 as ``kind`` says.

    ``unit``: [0, 1] (document 001); ``inception``: [-1, 1]; ``vgg``: RGB less its means.
    """
    values = pictures.astype(np.float32)
    if kind == "unit":
        return values / 255
    if kind == "inception":
        return values / 127.5 - 1
    if kind == "vgg":
        return values - np.array(VGG_MEANS, np.float32)
    raise BadInputError(f"no such pixels: {kind!r}; there are unit, inception, vgg")


def read_picture(path: str | pathlib.Path, height: int, width: int) -> np.ndarray:
    """Reads any PNG or JPEG as uint8 [height, width, 3], resized (bilinear, antialiased)."""
    try:
        with Image.open(path) as image:
            rgb = image.convert("RGB")
    except FileNotFoundError:
        raise BadInputError(f"no such image: {path}") from None
    except (UnidentifiedImageError, OSError, SyntaxError, ValueError) as error:
        raise BadInputError(
            f"{path} is not a readable PNG or JPEG ({error}): open it in a viewer, or save it anew"
        ) from None
    return np.asarray(rgb.resize((width, height), Image.Resampling.BILINEAR))
