"""Random changes of training pictures: shift, zoom, rotation, flip, brightness."""

from __future__ import annotations

import dataclasses

import numpy as np
from PIL import Image

from legacy_nets.types import Array


@dataclasses.dataclass(frozen=True)
class Augmentation:
    """How much a training picture may be changed. A zero switches that change off."""

    shift: float = 0.05  # of the width and height
    zoom: float = 0.0  # 0.1: between 0.9 and 1.1
    rotate: float = 0.0  # degrees to either side
    flip: bool = True  # left to right, in the classes that allow it
    brightness: float = 0.1  # gain and offset, of the full range


def augment_picture(
    picture: Array, augmentation: Augmentation, may_flip: bool, rng: np.random.Generator
) -> Array:
    """Changes a uint8 picture [H, W, C] at random, or a clip [T, H, W, C], every frame alike."""
    draws = rng.uniform(-1, 1, 7)
    if picture.ndim == 3:
        return _augment_frame(picture, augmentation, may_flip, draws)
    return np.stack([_augment_frame(frame, augmentation, may_flip, draws) for frame in picture])


def _augment_frame(
    picture: Array, augmentation: Augmentation, may_flip: bool, draws: Array
) -> Array:
    """Changes uint8 [H, W, C] by seven random numbers from -1 to 1."""
    height, width, channels = picture.shape
    across, down, zoom, turn, gain, offset, flip = draws
    # The inverse map, output pixel to input pixel, about the centre of the picture.
    scale = 1 / (1 + augmentation.zoom * zoom)
    angle = np.deg2rad(augmentation.rotate * turn)
    mirror = -1.0 if may_flip and flip > 0 else 1.0
    a, b = mirror * scale * np.cos(angle), scale * np.sin(angle)
    d, e = -mirror * scale * np.sin(angle), scale * np.cos(angle)
    x0, y0 = (width - 1) / 2, (height - 1) / 2
    c = x0 - a * x0 - b * y0 + across * augmentation.shift * width
    f = y0 - d * x0 - e * y0 + down * augmentation.shift * height
    margin = max(height, width) // 2  # the border is repeated, as the wall behind a real hand
    padded = np.pad(picture, [(margin, margin), (margin, margin), (0, 0)], mode="edge")
    # Pillow maps pixel centres (x + 0.5, y + 0.5).
    c, f = c + margin + 0.5 - 0.5 * (a + b), f + margin + 0.5 - 0.5 * (d + e)
    image = Image.fromarray(padded[..., 0] if channels == 1 else padded).transform(
        (width, height), Image.Transform.AFFINE, (a, b, c, d, e, f), Image.Resampling.BILINEAR
    )
    moved = np.asarray(image, np.float32).reshape(picture.shape)
    lit = moved * (1 + augmentation.brightness * gain) + 255 * augmentation.brightness * offset
    return np.clip(np.rint(lit), 0, 255).astype(np.uint8)
