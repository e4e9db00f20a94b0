"""The sources of the site: each fact, erratum and pitfall has its place on a page."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from legacy_nets import registry

DOCS = Path(__file__).parents[2] / "docs"
ANCHORED = re.compile(r"```\{(facts|errata|pitfalls)\} ?(\S*)\n:anchors:\n```")


def list_places():
    """(directive, argument) of every directive that defines the places of its rows."""
    pages = sorted(DOCS.rglob("*.md"))
    return [place for page in pages for place in ANCHORED.findall(page.read_text("utf-8"))]


@pytest.mark.parametrize("directive", ["facts", "errata"])
def test_every_row_of_a_document_has_one_place(directive):
    numbers = [number for name, number in list_places() if name == directive]
    assert sorted(numbers) == [document.number for document in registry.list_documents()]


def test_every_pitfall_has_one_place():
    assert [place for place in list_places() if place[0] == "pitfalls"] == [("pitfalls", "")]


def test_every_document_is_named():
    page = (DOCS / "documents" / "sources.md").read_text("utf-8")
    numbers = re.findall(r"```\{document\} (\d+)\n", page)
    assert numbers == [document.number for document in registry.list_documents()]
