"""From image files to the numbers a net was trained on.

A net's preprocessing is one of ``PREPROCESSINGS``; the registry and a checkpoint's settings name
it. It says how a picture is cropped and resized (``crop_and_resize``), and how its values are
scaled (``scale_pixels``).
"""

from __future__ import annotations

import contextlib
import io
import pathlib
import struct
from collections.abc import Iterator

import numpy as np
from PIL import Image, ImageFile, UnidentifiedImageError

from legacy_nets.errors import BadInputError
from legacy_nets.files import suggest_paths
from legacy_nets.types import Array, Shape

INCEPTION_CROP = 0.875  # share of each side that slim's evaluation keeps
VGG_MEANS = (123.68, 116.779, 103.939)  # red, green, blue
TORCH = {  # torchvision's mean and standard deviation of RGB in [0, 1]
    "imagenet": ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225)),
    "kinetics": ((0.43216, 0.394666, 0.37645), (0.22803, 0.22145, 0.216989)),
}
PREPROCESSINGS = ("unit", "inception", "vgg", "vgg_whole", *TORCH)
# Image files that folders are searched for: format -> suffixes. A file that is named may have any
# other format that Pillow reads.
IMAGE_FORMATS = {
    "JPEG": (".jpg", ".jpeg", ".jfif"),
    "PNG": (".png",),
    "BMP": (".bmp",),
    "GIF": (".gif",),
    "PPM": (".ppm",),
    "TIFF": (".tif", ".tiff"),
    "WebP": (".webp",),
    "AVIF": (".avif",),  # Pillow reads it from 11.3
}
SIXTEEN_BITS = ("PNG", "PPM")  # formats whose deepest grey, Pillow's mode I, has 16 bits
EXIF_ORIENTATION = 0x0112
TURNS = {  # EXIF orientation -> what turns the photo upright
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
# What Pillow's readers raise for damaged files; AVIF's a RuntimeError.
DECODING_ERRORS = (
    *(OSError, EOFError, SyntaxError, ValueError, RuntimeError, struct.error),
    *(ArithmeticError, LookupError, TypeError),
    Image.DecompressionBombError,
)
LUMA = (0.299, 0.587, 0.114)  # ITU-R 601: red, green, blue
_BLOCK = 1 << 18  # numbers that are resized at a time: 1 MiB of float32, which the cache holds


def scale_pixels(pictures: Array, preprocessing: str) -> Array:
    """Scales pictures [..., C] with values from 0 to 255: float32 [..., C].

    ``unit``: to [0, 1] (document 001).
    ``inception``: to [-1, 1].
    ``vgg``, ``vgg_whole``: RGB minus its means.
    ``imagenet``, ``kinetics``: RGB / 255, minus torchvision's means, over its deviations.

    Raises BadInputError for another preprocessing.
    """
    values = pictures.astype(np.float32)  # a copy, which is changed: a new one takes as long
    if preprocessing == "unit":
        values /= 255
        return values
    if preprocessing == "inception":
        values /= 127.5
        values -= 1
        return values
    if preprocessing in ("vgg", "vgg_whole"):
        values -= np.array(VGG_MEANS, np.float32)
        return values
    if preprocessing in TORCH:
        mean, deviation = (np.array(numbers, np.float32) for numbers in TORCH[preprocessing])
        values /= 255
        values -= mean
        values /= deviation
        return values
    raise BadInputError(
        f"no such preprocessing: {preprocessing!r}; choose one of {', '.join(PREPROCESSINGS)}"
    )


def convert_channels(picture: Array, channels: int) -> Array:
    """Converts uint8 [..., C] to one channel (the luma of RGB) or three (grey, three times)."""
    if picture.shape[-1] == channels:
        return picture
    if channels == 1:
        grey = picture.astype(np.float32) @ np.array(LUMA, np.float32)
        return np.rint(grey).astype(np.uint8)[..., None]
    return np.repeat(picture, channels, axis=-1)


def resize_picture(picture: Array, preprocessing: str, size: Shape, channels: int) -> Array:
    """Crops and resizes a picture [H, W, C], or every frame of a clip [T, H, W, C]; float32.

    ``size`` is (height, width), or (frames, height, width) for a clip of that many frames.
    """
    picture = convert_channels(picture, channels)
    if picture.ndim == 3:
        return crop_and_resize(picture, preprocessing, *size)
    return np.stack([crop_and_resize(frame, preprocessing, *size[1:]) for frame in picture])


def crop_and_resize(picture: Array, preprocessing: str, height: int, width: int) -> Array:
    """Crops and resizes uint8 [H, W, C] as in evaluation: float32 [height, width, C].

    Values stay from 0 to 255; ``scale_pixels`` scales them.

    ``unit``, ``vgg_whole``: the full picture, antialiased; unchanged where it has the size
    already. Document 004's ResNet scripts also feed the full picture.
    ``inception``: the middle 0.875 of each side, then TF1's bilinear resize (slim's
    inception_preprocessing, for evaluation).
    ``vgg``: the shorter side resized to 256/224 of the net's, then the middle (slim's
    vgg_preprocessing, for evaluation).
    ``imagenet``: as ``vgg``, antialiased (torchvision's ImageClassification).
    ``kinetics``: resized to 128/112 and 171/112 of the net's, not antialiased, rounded,
    then the middle (torchvision's VideoClassification).
    """
    if preprocessing in ("unit", "vgg_whole"):
        return _resize_antialiased(picture, height, width)
    if preprocessing == "inception":
        top, left = (int((side - side * INCEPTION_CROP) / 2) for side in picture.shape[:2])
        middle = picture[top : picture.shape[0] - top, left : picture.shape[1] - left]
        return resize_bilinear(middle, height, width)
    if preprocessing == "kinetics":
        tall, wide = 128 * height // 112, 171 * width // 112
        resized = np.rint(resize_bilinear(picture, tall, wide, half_pixels=True))
        top, left = round((tall - height) / 2), round((wide - width) / 2)
        return resized[top : top + height, left : left + width]
    short = 256 * max(height, width) // 224
    if preprocessing == "imagenet":
        low, high = sorted(picture.shape[:2])
        long = int(short * high / low)
        tall, wide = (short, long) if picture.shape[0] == low else (long, short)
        resized = _resize_antialiased(picture, tall, wide)
        top, left = round((tall - height) / 2), round((wide - width) / 2)
        return resized[top : top + height, left : left + width]
    scale = short / min(picture.shape[:2])
    tall, wide = (int(side * scale) for side in picture.shape[:2])
    resized = resize_bilinear(picture, tall, wide)
    top, left = (tall - height) // 2, (wide - width) // 2
    return resized[top : top + height, left : left + width]


def _resize_antialiased(picture: Array, height: int, width: int) -> Array:
    """Resizes uint8 [H, W, C] by Pillow's bilinear filter: float32 [height, width, C], rounded."""
    image = Image.fromarray(picture[..., 0] if picture.shape[-1] == 1 else picture)
    resized = image.resize((width, height), Image.Resampling.BILINEAR)
    return np.asarray(resized, np.float32).reshape(height, width, picture.shape[-1])


def resize_bilinear(picture: Array, height: int, width: int, half_pixels: bool = False) -> Array:
    """Resizes [H, W, C] as ``tf.image.resize_bilinear`` of TF1: float32 [height, width, C].

    Corners are not aligned, there are no half pixels and no antialiasing. Published checkpoints
    were evaluated with it. ``half_pixels`` maps pixel centres on pixel centres, as PyTorch does.
    """
    old_height, old_width, channels = picture.shape
    above, below, row_shares = _place_samples(old_height, height, half_pixels)
    left, right, column_shares = _place_samples(old_width, width, half_pixels)
    columns = np.arange(channels)
    left, right = ((i[:, None] * channels + columns).ravel() for i in (left, right))
    column_shares = np.repeat(column_shares, channels)
    rows = picture.reshape(old_height, old_width * channels)
    resized = np.empty((height, width * channels), np.float32)
    block_height = max(1, _BLOCK // (channels * max(old_width, width)))
    for start in range(0, height, block_height):
        block = slice(start, start + block_height)
        values = rows[above[block]].astype(np.float32, copy=False)
        values = _interpolate(values, rows[below[block]], row_shares[block, None])
        resized[block] = _interpolate(values.take(left, 1), values.take(right, 1), column_shares)
    return resized.reshape(height, width, channels)


def _place_samples(old: int, size: int, half_pixels: bool) -> tuple[Array, Array, Array]:
    """Places the samples of an axis: the pixels before and after each, the share of the second."""
    half = np.float32(0.5 if half_pixels else 0)
    positions = (np.arange(size, dtype=np.float32) + half) * np.float32(old / size) - half
    positions = np.maximum(positions, 0)
    before = np.floor(positions).astype(int)
    return before, np.minimum(before + 1, old - 1), (positions - before).astype(np.float32)


def _interpolate(first: Array, second: Array, share: Array) -> Array:
    """Interpolates from float32 ``first`` to ``second``, which is overwritten, by a share."""
    second = second.astype(np.float32, copy=False)
    second -= first  # in place: new arrays would take as long as the arithmetic
    second *= share
    second += first
    return second


@contextlib.contextmanager
def open_image(
    path: str | pathlib.Path, content: bytes | None = None
) -> Iterator[ImageFile.ImageFile]:
    """Opens an image; errors while the block decodes it become a BadInputError.

    ``content``: the bytes of the image, where ``path`` only names it. Refuses 32-bit pixels: such
    a file does not say which number is white.
    """
    try:
        with Image.open(path if content is None else io.BytesIO(content)) as image:
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
    except DECODING_ERRORS as error:
        reason = str(error)
        if isinstance(error, UnidentifiedImageError):
            reason = f"not {', '.join(IMAGE_FORMATS)} or another format that Pillow reads"
        raise BadInputError(
            f"{path} is not a readable image ({reason}): open it in a viewer, or save it again"
        ) from None


def read_picture(path: str | pathlib.Path, content: bytes | None = None) -> Array:
    """Reads an image file as uint8 [H, W, 3], RGB; of 16 bits the high byte.

    ``content``: see ``open_image``.
    """
    with open_image(path, content) as image:
        upright = _turn_upright(image)
        if upright.mode.startswith("I"):  # 16 bits of grey
            upright = Image.fromarray((np.asarray(upright) // 256).astype(np.uint8))
        if upright.mode != "RGB":  # converting would copy it
            upright = upright.convert("RGB")
        return np.asarray(upright)


def read_orientation(image: Image.Image) -> int:
    """Reads how a photo is to be turned; 1, as it is, also where its EXIF block is damaged."""
    try:
        return int(image.getexif().get(EXIF_ORIENTATION, 1))
    except (SyntaxError, TypeError, ValueError, KeyError, struct.error):
        return 1


def _turn_upright(image: Image.Image) -> Image.Image:
    """Turns a photo as its EXIF orientation says; what else that block holds is not read."""
    turn = TURNS.get(read_orientation(image))
    return image if turn is None else image.transpose(turn)
