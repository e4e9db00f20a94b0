"""Translates what a person reads in the rows of the documents' tables."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, TypeVar

from legacy_nets.language import get_language, translate

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

# table -> its columns of sentences; the others are names, numbers and code
COLUMNS = {
    "blocks": ("title", "text"),
    "errata": ("literal", "fix"),
    "facts": ("quantity", "why"),
    "pitfalls": ("title", "effect", "fix"),
}
AnyRow = TypeVar("AnyRow", bound="DataclassInstance")


def translate_row(row: AnyRow, table: str) -> AnyRow:
    """Returns a row of a table with its sentences in the chosen language."""
    if get_language() == "en":
        return row
    texts = {name: translate(vars(row)[name]) for name in COLUMNS[table]}
    return dataclasses.replace(row, **texts)
