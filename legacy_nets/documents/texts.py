"""Translates what a person reads in the rows of the documents' tables."""

from __future__ import annotations

import dataclasses
import re
from typing import TYPE_CHECKING, TypeVar

from legacy_nets.language import get_language, mark, translate

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

# table -> its columns of sentences; the others are names, numbers and code
COLUMNS = {
    "blocks": ("title", "text"),
    "errata": ("literal", "fix"),
    "facts": ("quantity", "why"),
    "pitfalls": ("title", "effect", "fix"),
}
# words of a place beside its lines and names: "l.12 comment", "whole document: slim"
PLACE_WORDS = (
    mark("whole document"),
    mark("whole"),
    mark("code blocks"),
    mark("all listings"),
    mark("comments"),
    mark("comment"),
    mark("docstrings"),
    mark("docstring"),
    mark("text"),
)
_PLACE_WORD = re.compile(rf"(?<!\S)(?:{'|'.join(PLACE_WORDS)})(?![\w.=])")
AnyRow = TypeVar("AnyRow", bound="DataclassInstance")


def translate_row(row: AnyRow, table: str) -> AnyRow:
    """Returns a row of a table with its sentences in the chosen language."""
    if get_language() == "en":
        return row
    texts = {name: translate(vars(row)[name]) for name in COLUMNS[table]}
    if "place" in vars(row):
        texts["place"] = translate_place(vars(row)["place"])
    return dataclasses.replace(row, **texts)


def translate_place(place: str) -> str:
    """Returns a place of a document with its words in the chosen language; code stays."""
    return _PLACE_WORD.sub(lambda word: translate(word[0]), place)
