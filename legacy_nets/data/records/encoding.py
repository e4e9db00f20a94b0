"""The pictures of records: JPEG and PNG files of 8 bits, grey or RGB, which TensorFlow decodes."""

from __future__ import annotations

import io
import pathlib

from PIL import Image

from legacy_nets.data.preprocessing import open_image, read_orientation, read_picture
from legacy_nets.types import Array

FORMATS = {"JPEG": "jpg", "PNG": "png"}  # Pillow's name -> slim's


def encode_file(path: pathlib.Path, content: bytes) -> tuple[bytes, str, tuple[int, int]]:
    """Gives an image file as JPEG or PNG: bytes, format, (height, width)."""
    with open_image(path, content) as image:
        keeps = (
            image.format in FORMATS
            and image.mode in ("L", "RGB")
            and ";16" not in str(image.tile)
            and read_orientation(image) == 1
        )
        if keeps:
            return content, FORMATS[str(image.format)], (image.height, image.width)
    picture = read_picture(path, content)
    return encode_png(picture), "png", picture.shape[:2]


def encode_png(picture: Array) -> bytes:
    """Encodes uint8 [H, W, C], grey or RGB."""
    png = io.BytesIO()
    Image.fromarray(picture[..., 0] if picture.shape[-1] == 1 else picture).save(png, "PNG")
    return png.getvalue()
