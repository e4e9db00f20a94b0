"""What people have in place of a weight file, told by its first bytes."""

from __future__ import annotations

_PAGE = "an HTML or XML page, not the file itself: download it again"
_STRANGERS = (
    (b"version https://git-lfs", "a git-LFS pointer, not the file itself: run git lfs pull"),
    *((mark, _PAGE) for mark in (b"<!", b"<?", b"<h", b"<H", b"<E")),  # a .pb may begin with "<"
    (b"\x1f\x8b", "a gzip archive: unpack it first"),
    (b"BZh", "a bzip2 archive: unpack it first"),
    (b"\xfd7zXZ", "an xz archive: unpack it first"),
    (b"node {", "a graph in text (.pbtxt): named so, legacy-nets describe and port read it"),
    (b"7z\xbc\xaf", "a 7-Zip archive: unpack it first"),
    (b"Rar!", "a RAR archive: unpack it first"),
)


def stranger(start: bytes) -> str:
    """What a file is that begins with these bytes (64 are enough) and holds no weights, or ""."""
    if not start:
        return "the file is empty; copy or download the checkpoint again"
    bare = start.lstrip()
    return next((f"this is {what}" for mark, what in _STRANGERS if bare.startswith(mark)), "")
