"""The lines that facts cite give the stated values, as the column ``source`` says."""

from __future__ import annotations

import pytest

from legacy_nets import documents
from tests.support import cited_lines

FACTS = documents.facts()
FOLDER = cited_lines.find_documents()
NUMBERS_BY_CHANCE = {  # not literal, though other numbers of these lines are equal
    "000-F32",  # the 1 of (2+1)D
    "001-F21",  # the 4 of the stage, not the side of its map
    "001-F27",  # numbers of figures that are not part of the text
    "002-F58",  # in words; the 3 numbers a heading
}
needs_documents = pytest.mark.skipif(
    FOLDER is None, reason="the documents are not here; LEGACY_NETS_DOCUMENTS names their folder"
)


def list_missing(fact: documents.Fact) -> list[str]:
    assert FOLDER is not None
    lines = cited_lines.read_document(FOLDER, fact.document)
    cited = [lines[number - 1] for number in cited_lines.list_line_numbers(fact.place)]
    return cited_lines.list_missing_values(fact.stated, "\n".join(cited))


@needs_documents
@pytest.mark.parametrize("fact", FACTS, ids=lambda fact: fact.id)
def test_cited_lines_give_what_the_source_says(fact):
    missing = list_missing(fact)
    if fact.source == "literal":
        assert missing == []
    else:
        assert bool(missing) != (fact.id in NUMBERS_BY_CHANCE)


@pytest.mark.parametrize("fact", FACTS, ids=lambda fact: fact.id)
def test_every_fact_cites_lines(fact):
    assert cited_lines.list_line_numbers(fact.place) != []


def test_no_number_is_confirmed_that_the_document_does_not_state():
    derived = {fact.id for fact in FACTS if fact.verdict == "derived"}
    assert {f"001-F{number}" for number in (15, 16, *range(19, 25))} <= derived
    assert {"004-F191", "004-F192", "000-F02"} <= derived
    assert all(fact.source == "derived" for fact in FACTS if fact.verdict == "derived")


@pytest.mark.parametrize(
    ("place", "numbers"),
    [
        ("l.5 text", [5]),
        ("l.11, 13-15", [11, 13, 14, 15]),
        ("l.217-218 conv1 ((2+1)D)", [217, 218]),
        ("l.161, l.201 demo train", [161, 201]),
        ("all listings", []),
    ],
)
def test_line_numbers_of_a_place(place, numbers):
    assert cited_lines.list_line_numbers(place) == numbers


@pytest.mark.parametrize(
    ("stated", "cited", "missing"),
    [
        ("Nx35x35x192", "# 35 x 35 x 192", []),
        ("Nx35x35x192", "# 35 x 35 x 191", ["192"]),
        ("1080", "1,080 pictures", []),
        ("128, 128, 512", "[128,128,512]", []),
        ("0.0001", "AdamOptimizer(1e-4)", []),
        ("0.0001", "AdamOptimizer(1e-3)", ["0.0001"]),
        ("3x3", "a 5x5 kernel", ["3", "3"]),
        ("VALID", "padding='valid'", []),
        ("SAME", "padding='valid'", ["SAME"]),
        ("1", "conv1 = pool(residual1)", ["1"]),
        ("3", "3D ResNet", ["3"]),
        ("19, 32", "19or32 layers", []),
        ("int64", "tf.int64, 64", []),
        ("int64", "tf.float32, 64", ["int64"]),
        ("Mixed_6a, Mixed_6b", "Mixed_6b, 6", ["Mixed_6a"]),
        ("Nx56x56x64, Nx28x28x128", "(N, 56, 56, 64), (N, 28, 28, 128)", []),
        ("3x?x12x64", "[3, batch, 12, 64]", []),
        ("69,632", "69,632", []),
        ("69,632", "69 and 632", ["69632"]),
    ],
)
def test_values_that_the_cited_text_lacks(stated, cited, missing):
    assert cited_lines.list_missing_values(stated, cited) == missing
