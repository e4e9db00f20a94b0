"""The image functions of ``scipy.misc`` (removed in SciPy 1.2 to 1.12), on Pillow.

They compute and round as SciPy 1.1 did: networks of that time were fed with these values.
"""

from __future__ import annotations

import math
import os
from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from PIL import Image

Path = str | os.PathLike[str]

_RESAMPLING = {
    "nearest": Image.Resampling.NEAREST,
    "lanczos": Image.Resampling.LANCZOS,
    "bilinear": Image.Resampling.BILINEAR,
    "bicubic": Image.Resampling.BICUBIC,
    "cubic": Image.Resampling.BICUBIC,
}


def bytescale(
    data: ArrayLike,
    cmin: float | None = None,
    cmax: float | None = None,
    high: int = 255,
    low: int = 0,
) -> np.ndarray:
    """Scales an array to uint8: cmin becomes low, cmax high. Returns a uint8 array unchanged."""
    data = np.asarray(data)
    if data.dtype == np.uint8:
        return data
    if high > 255 or low < 0 or high < low:
        raise ValueError(f"low and high ({low}, {high}) must be in order, within 0 and 255")
    cmin = data.min() if cmin is None else cmin
    cmax = data.max() if cmax is None else cmax
    spread = cmax - cmin
    if spread < 0:
        raise ValueError(f"cmax ({cmax}) is below cmin ({cmin})")
    scaled = (data - cmin) * (float(high - low) / (spread or 1)) + low
    return (scaled.clip(low, high) + 0.5).astype(np.uint8)


def toimage(
    arr: ArrayLike,
    high: int = 255,
    low: int = 0,
    cmin: float | None = None,
    cmax: float | None = None,
    pal: ArrayLike | None = None,
    mode: str | None = None,
    channel_axis: int | None = None,
) -> Image.Image:
    """Makes a PIL image of [H, W], [H, W, 3 or 4] or another channel axis, scaled by bytescale."""
    data = np.asarray(arr)
    if np.iscomplexobj(data):
        raise ValueError("Cannot convert a complex-valued array.")
    if data.ndim == 2:
        if mode == "F":
            return Image.fromarray(data.astype(np.float32))
        if mode == "I":
            return Image.fromarray(data.astype(np.int32))
        image = Image.fromarray(bytescale(data, cmin, cmax, high, low))
        if mode == "P" and pal is not None:
            image = image.convert("P")
            image.putpalette(np.asarray(pal, np.uint8).tobytes())
        return image.convert("1") if mode == "1" else image
    if data.ndim != 3 or not {3, 4} & set(data.shape):
        raise ValueError("'arr' does not have a suitable array shape for any mode.")
    if channel_axis is None:
        # 3 is looked for first, in the last axis last: as SciPy did.
        count = 3 if 3 in data.shape else 4
        axes = [axis for axis, size in enumerate(data.shape) if size == count]
        channel_axis = axes[-1] if data.shape[-1] == count else axes[0]
    pixels = np.moveaxis(bytescale(data, cmin, cmax, high, low), channel_axis, -1)
    image_mode = mode or {3: "RGB", 4: "RGBA"}[pixels.shape[-1]]
    return Image.fromarray(np.ascontiguousarray(pixels)).convert(image_mode)


def fromimage(im: Image.Image, flatten: bool = False, mode: str | None = None) -> np.ndarray:
    """Returns a PIL image as an array; ``flatten`` gives float32 grey."""
    if mode is not None and mode != im.mode:
        im = im.convert(mode)
    elif im.mode == "P":
        im = im.convert("RGBA" if "transparency" in im.info else "RGB")
    if flatten:
        im = im.convert("F")
    elif im.mode == "1":
        im = im.convert("L")
    return np.array(im)


def imread(name: Path, flatten: bool = False, mode: str | None = None) -> np.ndarray:
    """Reads an image file: uint8 [H, W] or [H, W, C]."""
    with Image.open(name) as image:
        return fromimage(image, flatten, mode)


def imsave(name: Path, arr: ArrayLike, format: str | None = None) -> None:
    """Writes an image file; values are scaled as ``toimage`` does."""
    toimage(arr, channel_axis=2 if np.ndim(arr) == 3 else None).save(name, format)


def imresize(
    arr: ArrayLike,
    size: Any,
    interp: str = "bilinear",
    mode: str | None = None,
) -> np.ndarray:
    """Resizes by Pillow: ``size`` is a percentage (int), a fraction (float) or (height, width)."""
    image = toimage(arr, mode=mode)
    if np.issubdtype(np.asarray(size).dtype, np.signedinteger) and np.ndim(size) == 0:
        width, height = (int(side * (size / 100.0)) for side in image.size)
    elif np.ndim(size) == 0:
        width, height = (int(side * size) for side in image.size)
    else:
        height, width = (int(side) for side in size)
    return fromimage(image.resize((width, height), _RESAMPLING[interp]))


def imrotate(arr: ArrayLike, angle: float, interp: str = "bilinear") -> np.ndarray:
    """Rotates counter-clockwise by degrees about the centre; the size stays."""
    return fromimage(toimage(arr).rotate(angle, _RESAMPLING[interp]))


def imshow(arr: ArrayLike) -> None:
    """Shows an image with the system's viewer."""
    toimage(arr).show()


def logsumexp(a: ArrayLike, axis: int | None = None, **options: object) -> np.ndarray:
    """Calls ``scipy.special.logsumexp``."""
    from scipy.special import logsumexp as scipy_logsumexp

    return scipy_logsumexp(a, axis, **options)


def comb(N: int, k: int, exact: bool = False, repetition: bool = False) -> int | float:
    """Counts the ways to choose k of N."""
    if repetition:
        N = N + k - 1
    return math.comb(N, k) if exact else float(math.comb(N, k))


def factorial(n: Any, exact: bool = False) -> Any:
    """Computes n!, as int where exact."""
    return math.factorial(n) if exact else np.vectorize(math.gamma)(np.asarray(n) + 1.0)[()]
