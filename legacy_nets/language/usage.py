"""Usage errors of commands in the chosen language. click words them: their shapes are listed."""

from __future__ import annotations

import re
import string

from legacy_nets.language import get_language, mark, translate

USAGE_ERRORS = (  # the first that matches counts
    mark("Invalid value for {name}: {problem}"),
    mark("No such option {name}. Did you mean {near}?"),
    mark("No such option {name}."),
    mark("No such command {name}; nearest: {near}"),
    mark("No such command {name}"),
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


def translate_usage_error(message: str) -> str:
    """Translates the message of a usage error; one of no listed shape stays as it is."""
    if get_language() == "en":
        return message
    for shape in USAGE_ERRORS:
        match = re.fullmatch(_make_pattern(shape), message, re.DOTALL)
        if match is not None:
            fields = match.groupdict()
            if "problem" in fields:
                fields["problem"] = translate_usage_error(fields["problem"])
            return translate(shape).format(**fields)
    return translate(message)


def _make_pattern(shape: str) -> str:
    return "".join(
        re.escape(text) + (f"(?P<{field}>.+?)" if field else "")
        for text, field, _, _ in string.Formatter().parse(shape)
    )
