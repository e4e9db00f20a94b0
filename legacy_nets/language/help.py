"""The help of commands in the chosen language; in English, it is click's own."""

from __future__ import annotations

import re
from collections.abc import Iterable

import click

from legacy_nets.language import get_language, translate

_PIECES = re.compile(
    r"[（《“]*(?:[!-~]+|\S)[，。；：、）》”？！]*|\s+"
)  # what a line is not broken within


def _wrap(text: str, width: int) -> str:
    """Breaks a text into lines, as a block that click does not wrap again."""
    from rich.cells import cell_len

    lines = [""]
    for piece in _PIECES.findall(text):
        if lines[-1] and cell_len(lines[-1] + piece.rstrip()) > width:
            lines.append("")
        lines[-1] += piece if lines[-1] else piece.lstrip()
    return "\b\n" + "\n".join(line.rstrip() for line in lines)


def split_paragraphs(text: str) -> list[str]:
    """Splits a help text into what is translated: paragraphs on one line, and remarks of examples.

    A remark is what follows three spaces in a line of examples.
    """
    texts = []
    for paragraph in text.split("\n\n"):
        if paragraph.lstrip(" \n").startswith("\b"):
            texts += [r for line in paragraph.splitlines() if (r := _find_remark(line)[1])]
        else:
            texts.append(" ".join(paragraph.split()))
    return [t for t in texts if t]


def _find_remark(line: str) -> tuple[str, str]:
    example = line.strip()
    match = re.search(r"\s{3,}(?=\S)", example)
    return (line, "") if match is None else (example[: match.end()], example[match.end() :])


def _split_extra(text: str) -> tuple[str, str]:
    """Splits the help of an option from what click appends to it: default, range, required."""
    match = re.fullmatch(r"(.*?)(?:^|  )\[([^\[\]]*)\]", text, re.DOTALL)
    return (text, "") if match is None else (match[1], match[2])


def _translate_row(text: str) -> str:
    translated = translate(" ".join(text.split()))
    if translated != " ".join(text.split()):
        return translated
    own, extra = _split_extra(text)
    if not extra:
        return text
    parts = [
        translate("default: {value}").format(value=part[9:])
        if part.startswith("default: ")
        else translate(part)
        for part in extra.split("; ")
    ]
    return f"{translate(' '.join(own.split()))}  [{'；'.join(parts)}]".strip()


class HelpFormatter(click.HelpFormatter):
    """Formats the help of a command in the chosen language."""

    def write_usage(self, prog: str, args: str = "", prefix: str | None = None) -> None:
        """Writes the usage line."""
        if prefix is None and get_language() != "en":
            prefix = translate("Usage:")
        super().write_usage(prog, args, prefix)

    def write_heading(self, heading: str) -> None:
        """Writes the heading of a section."""
        super().write_heading(translate(heading))

    def write_text(self, text: str) -> None:
        """Writes paragraphs, and examples with their remarks."""
        if get_language() == "en":
            super().write_text(text)
            return
        paragraphs = []
        for paragraph in text.split("\n\n"):
            if paragraph.lstrip(" \n").startswith("\b"):
                lines = [_find_remark(line) for line in paragraph.splitlines()]
                paragraphs.append("\n".join(start + translate(remark) for start, remark in lines))
            else:
                translated = translate(" ".join(paragraph.split()))
                paragraphs.append(_wrap(translated, self.width - self.current_indent))
        super().write_text("\n\n".join(paragraphs))

    def write_dl(
        self, rows: Iterable[tuple[str, str]], col_max: int = 30, col_spacing: int = 2
    ) -> None:
        """Writes options or commands with their help."""
        rows = list(rows)
        if get_language() != "en":
            first = min(max((len(name) for name, _ in rows), default=0), col_max) + col_spacing
            width = max(self.width - first - 2, 10)
            rows = [(name, _wrap(_translate_row(text), width)) for name, text in rows]
        super().write_dl(rows, col_max, col_spacing)


class HelpContext(click.Context):
    """The context of a command whose help is in the chosen language."""

    formatter_class = HelpFormatter
