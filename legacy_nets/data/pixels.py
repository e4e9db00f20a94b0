"""From bytes to the numbers a net was trained on. The registry's record says which kind."""

from __future__ import annotations

import pathlib

import numpy as np
from PIL import Image
from PIL import ImageOps

from legacy_nets.errors import BadInputError

INCEPTION_CROP = 0.875  # share of each side that evaluation looks at
VGG_MEANS = (123.68, 116.779, 103.939)  # red, green, blue


def to_pixels(pictures: np.ndarray, kind: str) -> np.ndarray:
    """Scales [..., 3] pictures (0 to 255) to float32 as ``kind`` says.

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


def frame(picture: np.ndarray, kind: str, height: int, width: int) -> np.ndarray:
    """Cuts and resizes uint8 [H, W, 3] as ``kind`` was evaluated: float32 [height, width, 3].

    Values stay from 0 to 255; ``to_pixels`` scales them.

    ``unit``: the whole picture, antialiased; unchanged where it has the size already.
    ``inception``: the middle 0.875 of each side, then TF1's bilinear resize (slim's
    inception_preprocessing, for evaluation).
    ``vgg``: the shorter side resized to 256/224 of the net's, then the middle (slim's
    vgg_preprocessing, for evaluation).
    """
    if kind == "unit":
        image = Image.fromarray(picture).resize((width, height), Image.Resampling.BILINEAR)
        return np.asarray(image, np.float32)
    if kind == "inception":
        top, left = (int((side - side * INCEPTION_CROP) / 2) for side in picture.shape[:2])
        middle = picture[top : picture.shape[0] - top, left : picture.shape[1] - left]
        return resize_bilinear(middle, height, width)
    short = 256 * max(height, width) // 224
    scale = short / min(picture.shape[:2])
    tall, wide = (int(side * scale) for side in picture.shape[:2])
    whole = resize_bilinear(picture, tall, wide)
    top, left = (tall - height) // 2, (wide - width) // 2
    return whole[top : top + height, left : left + width]


def resize_bilinear(picture: np.ndarray, height: int, width: int) -> np.ndarray:
    """``tf.image.resize_bilinear`` of TF1 (corners not aligned, no half pixels, no antialiasing).

    Published checkpoints were evaluated with it. [H, W, C] to float32 [height, width, C].
    """
    values = picture.astype(np.float32)
    for axis, size in enumerate((height, width)):
        old = values.shape[axis]
        at = np.arange(size, dtype=np.float32) * np.float32(old / size)
        low = np.floor(at).astype(int)
        high = np.minimum(low + 1, old - 1)
        share = (at - low).astype(np.float32).reshape((-1, 1, 1) if axis == 0 else (1, -1, 1))
        first, second = values.take(low, axis), values.take(high, axis)
        values = first + (second - first) * share
    return values


def read_picture(path: str | pathlib.Path) -> np.ndarray:
    """Reads any PNG or JPEG as uint8 [H, W, 3], RGB."""
    try:
        with Image.open(path) as image:
            upright = ImageOps.exif_transpose(image)  # phones note how they were held
            if upright.mode.startswith("I"):  # 16 bits of grey
                upright = Image.fromarray((np.asarray(upright) // 256).astype(np.uint8))
            return np.asarray(upright.convert("RGB"))
    except FileNotFoundError:
        raise BadInputError(f"no such image: {path}") from None
    except IsADirectoryError:
        raise BadInputError(f"{path} is a folder: give the images in it") from None
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        raise BadInputError(
            f"{path} is not a readable PNG or JPEG ({error}): open it in a viewer, or save it anew"
        ) from None
