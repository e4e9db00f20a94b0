"""Python's module ``imghdr`` (removed in 3.13): the type of an image by its first bytes."""

from __future__ import annotations

import os
from typing import BinaryIO

_STARTS = {
    b"\x89PNG\r\n\x1a\n": "png",
    b"GIF87a": "gif",
    b"GIF89a": "gif",
    b"MM": "tiff",
    b"II": "tiff",
    b"\x01\xda": "rgb",
    b"\x59\xa6\x6a\x95": "rast",
    b"#define ": "xbm",
    b"BM": "bmp",
    b"\x76\x2f\x31\x01": "exr",
}
_NETPBM = {b"1": "pbm", b"4": "pbm", b"2": "pgm", b"5": "pgm", b"3": "ppm", b"6": "ppm"}


def what(file: str | os.PathLike[str] | BinaryIO | None, h: bytes | None = None) -> str | None:
    """Returns "png", "jpeg" and so on; None where the bytes are of no known type.

    Args:
      file: a path or an open file, whose position stays; not read where ``h`` is given.
      h: the first bytes.
    """
    if h is None:
        if isinstance(file, (str, os.PathLike)):
            with open(file, "rb") as opened:
                h = opened.read(32)
        else:
            assert file is not None
            position = file.tell()
            h = file.read(32)
            file.seek(position)
    if h[6:10] in (b"JFIF", b"Exif") or h[:4] == b"\xff\xd8\xff\xdb":
        return "jpeg"
    if h[:4] == b"RIFF" and h[8:12] == b"WEBP":
        return "webp"
    if h[:1] == b"P" and h[1:2] in _NETPBM and h[2:3] in (b" ", b"\t", b"\n", b"\r"):
        return _NETPBM[h[1:2]]
    return next((name for start, name in _STARTS.items() if h.startswith(start)), None)
