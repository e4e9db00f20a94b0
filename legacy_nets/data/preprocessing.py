"""From bytes to the numbers a net was trained on. The registry's record says which kind."""

from __future__ import annotations

import contextlib
import pathlib
import struct
from collections.abc import Iterator

import numpy as np
from PIL import Image, ImageFile, ImageOps

from legacy_nets.errors import BadInputError
from legacy_nets.files import suggest_paths

INCEPTION_CROP = 0.875  # share of each side that evaluation looks at
VGG_MEANS = (123.68, 116.779, 103.939)  # red, green, blue
TORCH = {  # torchvision's mean and standard deviation of RGB in [0, 1]
    "imagenet": ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225)),
    "kinetics": ((0.43216, 0.394666, 0.37645), (0.22803, 0.22145, 0.216989)),
}
KINDS = ("unit", "inception", "vgg", "vgg_whole", *TORCH)
SIXTEEN_BITS = ("PNG", "PPM")  # formats whose deepest grey, Pillow's mode I, has 16 bits
LUMA = (0.299, 0.587, 0.114)  # ITU-R 601: red, green, blue


def to_pixels(pictures: np.ndarray, kind: str) -> np.ndarray:
    """Scales [..., C] pictures (0 to 255) to float32 as ``kind`` says.

    ``unit``: [0, 1] (document 001); ``inception``: [-1, 1]; ``vgg``, ``vgg_whole``: RGB less
    its means;
    ``imagenet``, ``kinetics``: RGB / 255, less torchvision's means, over its deviations.
    """
    values = pictures.astype(np.float32)
    if kind == "unit":
        return values / 255
    if kind == "inception":
        return values / 127.5 - 1
    if kind in ("vgg", "vgg_whole"):
        return values - np.array(VGG_MEANS, np.float32)
    if kind in TORCH:
        mean, deviation = (np.array(numbers, np.float32) for numbers in TORCH[kind])
        return (values / 255 - mean) / deviation
    raise BadInputError(f"no such pixels: {kind!r}; there are {', '.join(KINDS)}")


def to_channels(picture: np.ndarray, channels: int) -> np.ndarray:
    """[..., C] with one channel (grey, of RGB its luma) or three (grey, three times); uint8."""
    if picture.shape[-1] == channels:
        return picture
    if channels == 1:
        grey = picture.astype(np.float32) @ np.array(LUMA, np.float32)
        return np.rint(grey).astype(np.uint8)[..., None]
    return np.repeat(picture, channels, axis=-1)


def frame_all(picture: np.ndarray, kind: str, size: tuple[int, ...], channels: int) -> np.ndarray:
    """A picture [H, W, C], or every frame of a clip [T, H, W, C], as ``frame`` cuts it; float32.

    ``size`` is (height, width), or (frames, height, width) for a clip of so many frames.
    """
    picture = to_channels(picture, channels)
    if picture.ndim == 3:
        return frame(picture, kind, *size)
    return np.stack([frame(still, kind, *size[1:]) for still in picture])


def frame(picture: np.ndarray, kind: str, height: int, width: int) -> np.ndarray:
    """Cuts and resizes uint8 [H, W, C] as ``kind`` was evaluated: float32 [height, width, C].

    Values stay from 0 to 255; ``to_pixels`` scales them.

    ``unit``, ``vgg_whole``: the whole picture, antialiased; unchanged where it has the size
    already. Document 004's ResNet scripts feed the whole picture, too.
    ``inception``: the middle 0.875 of each side, then TF1's bilinear resize (slim's
    inception_preprocessing, for evaluation).
    ``vgg``: the shorter side resized to 256/224 of the net's, then the middle (slim's
    vgg_preprocessing, for evaluation).
    ``imagenet``: as ``vgg``, antialiased (torchvision's ImageClassification).
    ``kinetics``: resized to 128/112 and 171/112 of the net's, not antialiased, whole numbers,
    then the middle (torchvision's VideoClassification).
    """
    if kind in ("unit", "vgg_whole"):
        return _antialiased(picture, height, width)
    if kind == "inception":
        top, left = (int((side - side * INCEPTION_CROP) / 2) for side in picture.shape[:2])
        middle = picture[top : picture.shape[0] - top, left : picture.shape[1] - left]
        return resize_bilinear(middle, height, width)
    if kind == "kinetics":
        tall, wide = 128 * height // 112, 171 * width // 112
        whole = np.rint(resize_bilinear(picture, tall, wide, half_pixels=True))
        top, left = round((tall - height) / 2), round((wide - width) / 2)
        return whole[top : top + height, left : left + width]
    short = 256 * max(height, width) // 224
    if kind == "imagenet":
        low, high = sorted(picture.shape[:2])
        long = int(short * high / low)
        tall, wide = (short, long) if picture.shape[0] == low else (long, short)
        whole = _antialiased(picture, tall, wide)
        top, left = round((tall - height) / 2), round((wide - width) / 2)
        return whole[top : top + height, left : left + width]
    scale = short / min(picture.shape[:2])
    tall, wide = (int(side * scale) for side in picture.shape[:2])
    whole = resize_bilinear(picture, tall, wide)
    top, left = (tall - height) // 2, (wide - width) // 2
    return whole[top : top + height, left : left + width]


def _antialiased(picture: np.ndarray, height: int, width: int) -> np.ndarray:
    """Pillow's bilinear resize of uint8 [H, W, C]: float32 [height, width, C], whole numbers."""
    image = Image.fromarray(picture[..., 0] if picture.shape[-1] == 1 else picture)
    resized = image.resize((width, height), Image.Resampling.BILINEAR)
    return np.asarray(resized, np.float32).reshape(height, width, picture.shape[-1])


def resize_bilinear(
    picture: np.ndarray, height: int, width: int, half_pixels: bool = False
) -> np.ndarray:
    """``tf.image.resize_bilinear`` of TF1 (corners not aligned, no half pixels, no antialiasing).

    Published checkpoints were evaluated with it. [H, W, C] to float32 [height, width, C].
    ``half_pixels``: pixel centres are mapped on pixel centres, as PyTorch does.
    """
    values = picture.astype(np.float32)
    for axis, size in enumerate((height, width)):
        old = values.shape[axis]
        half = np.float32(0.5 if half_pixels else 0)
        at = (np.arange(size, dtype=np.float32) + half) * np.float32(old / size) - half
        at = np.maximum(at, 0)
        low = np.floor(at).astype(int)
        high = np.minimum(low + 1, old - 1)
        share = (at - low).astype(np.float32).reshape((-1, 1, 1) if axis == 0 else (1, -1, 1))
        first, second = values.take(low, axis), values.take(high, axis)
        values = first + (second - first) * share
    return values


@contextlib.contextmanager
def opened(path: str | pathlib.Path) -> Iterator[ImageFile.ImageFile]:
    """Opens an image; what goes wrong while the block decodes it is a BadInputError.

    So are 32-bit numbers: what of them is white the file does not say.
    """
    try:
        with Image.open(path) as image:
            if image.mode == "F" or (image.mode == "I" and image.format not in SIXTEEN_BITS):
                raise BadInputError(
                    f"{path} holds 32-bit numbers (mode {image.mode}), and does not say which is "
                    "white: save it with 8 or 16 bits"
                )
            yield image
    except BadInputError:
        raise
    except FileNotFoundError:
        raise BadInputError(f"no such image: {path}{suggest_paths(path)}") from None
    except IsADirectoryError:
        raise BadInputError(f"{path} is a folder: give the images in it") from None
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        raise BadInputError(
            f"{path} is not a readable PNG or JPEG ({error}): open it in a viewer, or save it anew"
        ) from None


def read_picture(path: str | pathlib.Path) -> np.ndarray:
    """Reads any PNG or JPEG as uint8 [H, W, 3], RGB; of 16 bits the high byte."""
    with opened(path) as image:
        upright = _upright(image)
        if upright.mode.startswith("I"):  # 16 bits of grey
            upright = Image.fromarray((np.asarray(upright) // 256).astype(np.uint8))
        return np.asarray(upright.convert("RGB"))


def _upright(image: Image.Image) -> Image.Image:
    """The image as it was seen: phones note how they were held. A note that is damaged is none."""
    try:
        image.getexif()
    except (SyntaxError, ValueError, KeyError, struct.error):
        return image
    return ImageOps.exif_transpose(image)
