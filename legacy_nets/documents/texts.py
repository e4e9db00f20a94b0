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
    mark(".h5 with save_weights_only"),
    mark("(commented out)"),
    mark("4096 units"),
    mark("AlexNet train"),
    mark("Dropout made in call"),
    mark("SAME on even sizes"),
    mark("SAME with a grid rounded down"),
    mark("VGG train"),
    mark("all listings"),
    mark("and on"),
    mark("assert on img_path"),
    mark("auxiliary loss"),
    mark("code blocks"),
    mark("combination"),
    mark("comment"),
    mark("comments"),
    mark("demo train"),
    mark("docstring"),
    mark("docstrings"),
    mark("end points"),
    mark("formula"),
    mark("from l.96"),
    mark("head of zeros"),
    mark("kernel_size in a scope"),
    mark("last pool"),
    mark("layers without names"),
    mark("listing"),
    mark("name"),
    mark("names within Sequential"),
    mark("no arg_scope"),
    mark("no inception_v3_arg_scope"),
    mark("no predict script"),
    mark("note"),
    mark("notes in quotes"),
    mark("output layer"),
    mark("placeholders"),
    mark("residual blocks"),
    mark("save_format and .ckpt"),
    mark("section"),
    mark("sections"),
    mark("softmax in the model"),
    mark("stage"),
    mark("static batch size"),
    mark("stem"),
    mark("text"),
    mark("title"),
    mark("to residual1"),
    mark("to residual2"),
    mark("to residual3"),
    mark("to residual4"),
    mark("tuples"),
    mark("use"),
    mark("whole"),
    mark("whole document"),
    mark("widths"),
)
_LONGEST_FIRST = sorted(PLACE_WORDS, key=len, reverse=True)
_PLACE_WORD = re.compile(rf"(?<!\S)(?:{'|'.join(map(re.escape, _LONGEST_FIRST))})(?![\w.=])")
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
