"""Makes reStructuredText of the package's docstrings, which are plain text with Google's sections.

A paragraph keeps its words. Indented lines are shown as they are. napoleon reads the sections
(Args, Returns, Raises, Yields), so those are left to it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from sphinx.application import Sphinx

_SECTION = re.compile(r"(Args|Returns|Raises|Yields):")
_ON_ONE_LINE = re.compile(r"(Returns|Raises|Yields): (?=\S)")
_LITERAL = re.compile(r"(``.+?``)")
_MARKUP = re.compile(r"[*`|\\]|(?<=\w)_(?!\w)")


def escape(line: str) -> str:
    """Escapes what reStructuredText reads as markup, outside of ``literals``."""
    parts = _LITERAL.split(line)
    parts[::2] = [_MARKUP.sub(r"\\\g<0>", part) for part in parts[::2]]
    return "".join(parts)


def split_paragraphs(lines: list[str]) -> Iterator[tuple[bool, list[str]]]:
    """Splits a docstring into blocks of (is it indented, its lines)."""
    block: list[str] = []
    for line in [*lines, ""]:
        indented = line.startswith(" ")
        if block and (not line.strip() or indented != block[0].startswith(" ")):
            yield block[0].startswith(" "), block
            block = []
        if line.strip():
            block.append(line)


def join_sections(lines: list[str]) -> Iterator[str]:
    """Makes a paragraph of a section that begins on the line of its title: Returns: the logits."""
    joining = False
    for line in lines:
        begins = bool(_ON_ONE_LINE.match(line))
        joining = begins or (joining and line.startswith(" "))
        if begins:
            yield ""
        yield line.strip() if joining else line


def convert(lines: list[str]) -> list[str]:
    """Converts the lines of a docstring."""
    text: list[str] = []
    section = False
    for indented, block in split_paragraphs([*join_sections(lines)]):
        if _SECTION.fullmatch(block[0].strip()):
            section = True
            text += ["", *map(escape, block)]
        elif indented and section:
            text += map(escape, block)
        elif indented:
            text += ["", "::", "", *block, ""]
        else:
            section = False
            text += ["", *map(escape, block)]
    return text[1:]


def process(
    _app: Sphinx, what: str, _name: str, _object: object, _options: object, lines: list[str]
) -> None:
    """Converts a docstring before napoleon reads it."""
    lines[:] = convert(lines)


def setup(app: Sphinx) -> dict[str, bool]:
    """Registers the conversion, to run before napoleon's."""
    app.setup_extension("sphinx.ext.autodoc")
    app.connect("autodoc-process-docstring", process, priority=400)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
