"""Lines that commands show: errors, notes, progress, in the chosen language.

The code writes them in English, as f-strings. The catalog ``lines`` has the shape of each, with a
number for each field: "{0}: no such file". A line is compared with the shapes when it is shown, and
so are its fields, which can be lines, too. What is in no catalog stays: names, messages of other
libraries.
"""

from __future__ import annotations

import functools
import re
import string
from collections.abc import Sequence
from typing import NamedTuple

import click

from legacy_nets.language import get_language, list_texts, translate

_CLAUSE = re.compile(r"[;,:] | ?\(| with ")  # how what follows another text begins
_FEW = 8  # letters
_SEPARATORS = {"; ": "；", ": ": "："}  # of the parts of a line that has no shape of its own


class _Shape(NamedTuple):
    text: str
    literals: tuple[str, ...]  # around its fields
    pattern: re.Pattern[str]

    @property
    def is_word(self) -> bool:
        """Whether it is one word: as a part of a line, that can be a name."""
        return " " not in self.text.strip()

    @property
    def is_weak(self) -> bool:
        """Whether it has few letters and no sign: a part of a line can be like it by chance."""
        own = "".join(self.literals)
        return len(re.findall("[A-Za-z]", own)) < _FEW and not re.search("[:;,(]", own)


def say(line: str, err: bool = False) -> None:
    """Prints a line in the chosen language."""
    click.echo(translate_line(line), err=err)


def translate_line(line: str) -> str:
    """Translates a line, or several, into the chosen language; one of no known shape stays."""
    if get_language() == "en":
        return line
    return "\n".join(map(_translate_indented, line.split("\n")))


def _translate_indented(line: str) -> str:
    text = line.strip()
    start, _, end = line.partition(text) if text else (line, "", "")
    return start + _translate(text, is_part=False) + end


def _translate(text: str, is_part: bool = True) -> str:
    for shape in _load_shapes(get_language()):
        if (is_part and shape.is_word) or not all(part in text for part in shape.literals):
            continue
        match = shape.pattern.fullmatch(text)
        if match is not None:
            before, *values = [_translate(value) for value in match.groups()]
            if is_part and shape.is_weak and not _has_own_value(match.groups()[1:], values):
                continue
            return before + translate(shape.text).format(*values)
    for separator, translated in _SEPARATORS.items():
        start, found, end = text.partition(separator)
        if found and (known := (_translate(start), _translate(end))) != (start, end):
            return translated.join(known)
    return text


def _has_own_value(values: Sequence[str], translated: Sequence[str]) -> bool:
    """Whether one of the values is a number or a known text, or there is none."""
    pairs = list(zip(values, translated, strict=True))
    return not pairs or any(v != t or re.fullmatch(r"[\d.,]+", v) for v, t in pairs)


@functools.cache
def _load_shapes(language: str) -> list[_Shape]:
    """Loads the shapes of lines; those with the longest texts of their own come first."""
    shapes = map(_make_shape, list_texts("lines", language))
    return sorted(shapes, key=lambda shape: -sum(map(len, shape.literals)))


def _make_shape(text: str) -> _Shape:
    parsed = list(string.Formatter().parse(text))
    pattern = "(.*?)" if _CLAUSE.match(text) else "()"
    for number, (literal, field, _, _) in enumerate(parsed):
        pattern += re.escape(literal)
        if field is not None:  # after another it is a clause, or nothing
            follows = number > 0 and not literal
            pattern += f"(|(?:{_CLAUSE.pattern}).*?)" if follows else "(.*?)"
    literals = tuple(literal for literal, *_ in parsed if literal)
    return _Shape(text, literals, re.compile(pattern))
