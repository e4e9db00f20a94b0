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
from typing import NamedTuple

import click

from legacy_nets.language import get_language, list_texts, mark, translate

CLICK_LINES = (  # click's own, as it words them
    mark("Invalid value for {name}: {problem}"),
    mark("No such option {name}. Did you mean {near}?"),
    mark("No such option {name}."),
    mark("Missing argument {name}."),
    mark("Missing option {name}."),
    mark("Got unexpected extra argument ({values})"),
    mark("Got unexpected extra arguments ({values})"),
    mark("Option {name} requires an argument."),
    mark("Option {name} does not take a value."),
    mark("{value} is not one of {choices}."),
    mark("{value} is not a whole number."),
    mark("{value} is not a number."),
    mark("{value} is not in the range {range}."),
    mark("Path {path} does not exist."),
    mark("File {path} does not exist."),
    mark("Directory {path} does not exist."),
)
_CLAUSE = re.compile(r"[;,:] | ?\(| with ")  # how what follows another text begins
_SEPARATORS = {"; ": "；", ": ": "："}  # of the parts of a line that has no shape of its own


class _Shape(NamedTuple):
    text: str
    literals: tuple[str, ...]  # between its fields
    fields: tuple[str, ...]
    pattern: re.Pattern[str]

    @property
    def is_word(self) -> bool:
        """Whether it is one word: as a part of a line, that can be a name."""
        return " " not in self.text.strip()


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
            named = dict(zip(shape.fields, values, strict=True))
            return before + string.Formatter().vformat(translate(shape.text), values, named)
    for separator, translated in _SEPARATORS.items():
        start, found, end = text.partition(separator)
        if found and (known := (_translate(start), _translate(end))) != (start, end):
            return translated.join(known)
    return text


@functools.cache
def _load_shapes(language: str) -> list[_Shape]:
    """Loads the shapes of lines; those with the longest texts of their own come first."""
    shapes = [_make_shape(text) for text in (*CLICK_LINES, *list_texts("lines", language))]
    return sorted(shapes, key=lambda shape: -sum(map(len, shape.literals)))


def _make_shape(text: str) -> _Shape:
    parsed = list(string.Formatter().parse(text))
    pattern = "(.*?)" if _CLAUSE.match(text) else "()"
    for number, (literal, field, _, _) in enumerate(parsed):
        pattern += re.escape(literal)
        if field is not None:  # after another it is a clause, or nothing
            follows = number > 0 and not literal
            pattern += f"(|(?:{_CLAUSE.pattern}).*?)" if follows else "(.*?)"
    fields = tuple(field for _, field, _, _ in parsed if field is not None)
    literals = tuple(literal for literal, *_ in parsed if literal)
    return _Shape(text, literals, fields, re.compile(pattern))
