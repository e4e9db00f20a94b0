"""Every fact of the documents is measured, and no stated value could be another unnoticed."""

from __future__ import annotations

import ast
import csv
import dataclasses
import functools
import os
import pathlib

import h5py
import numpy as np
import pytest

from legacy_nets import documents, registry
from legacy_nets.data import signs
from legacy_nets.documents import catalogue, judge
from legacy_nets.errors import BadInputError

TESTS = pathlib.Path(__file__).parents[1]
REAL_SIGNS = os.environ.get("LEGACY_NETS_SIGNS")  # folder of document 001's photographs
FACTS = documents.facts()
ERRATA = documents.errata()
DOCUMENTS = catalogue.documents()


@pytest.fixture(autouse=True)
def photographs(monkeypatch, tmp_path):
    """The real test half where it is to be had; otherwise nothing."""
    monkeypatch.setenv("LEGACY_NETS_SIGNS", REAL_SIGNS or str(tmp_path))


@pytest.mark.slow
@pytest.mark.parametrize("document", DOCUMENTS)
def test_every_fact_is_measured_and_its_verdict_is_that_of_the_table(document):
    """Nor would the row fit if the document stated anything else: see ``altered``."""
    differ, unnoticed = [], []
    for fact in documents.facts(document):
        found = documents.measure(fact)
        if not fits(fact, found) and not away(fact, found):
            differ.append((fact.id, fact.stated, fact.verdict, fact.measured, found))
        for stated in altered(fact.stated):
            if fits(fact, judge.judge(stated, found.readings)):
                unnoticed.append((fact.id, stated))
    assert differ == []
    assert unnoticed == []


def fits(fact, found):
    """Whether what is measured is what the table says."""
    wanted = "" if found.verdict == "holds" else found.value
    return (found.verdict, wanted) == (fact.verdict, fact.measured)


def away(fact, found):
    """Whether the fact hangs on the real photographs, they are not here, and the rest fits."""
    if REAL_SIGNS or "signs_" not in " ".join(fact.measure):
        return False
    rest = [reading for reading in found.readings if reading is not None]
    return None in found.readings and judge.judge(fact.stated, tuple(rest)).verdict == "holds"


def altered(stated):
    """The value with each of its digits one higher in turn, and with a word more."""
    yield stated + " more"
    for place, sign in enumerate(stated):
        if sign.isdigit():
            yield stated[:place] + str((int(sign) + 1) % 10) + stated[place + 1 :]


@pytest.mark.parametrize("fact", FACTS, ids=lambda fact: fact.id)
def test_form_of_a_fact(fact):
    assert fact.verdict in catalogue.VERDICTS
    assert fact.place and fact.quantity and fact.stated and all(fact.measure)
    assert set(fact.nets) <= set(registry.list_nets())
    assert all(registry.get_net(net).document in (fact.document, "004") for net in fact.nets)
    assert (fact.measured == "") == (fact.verdict == "holds")
    if fact.verdict == "ambiguous":
        assert fact.why and (len(fact.measure) > 1 or judge.NOT_HERE in fact.measured)


def test_ids_run_on_without_a_gap():
    for rows, letter in ((FACTS, "F"), (ERRATA, "E")):
        for document in DOCUMENTS:
            numbers = [int(row.id[5:]) for row in rows if row.document == document]
            assert numbers == list(range(1, len(numbers) + 1))
        assert all(row.id[3:5] == f"-{letter}" for row in rows)


@pytest.mark.parametrize("table", ["facts", "errata"])
def test_tables_are_written_one_way(table):
    """So that a change shows as the row that changed."""
    for path in catalogue.DATA.glob(f"{table}_*.csv"):
        text = path.read_text(encoding="utf-8")
        rows = list(csv.reader(text.splitlines(), strict=True))
        fields = catalogue.Fact if table == "facts" else catalogue.Erratum
        assert rows[0] == [field.name for field in dataclasses.fields(fields)]
        assert {len(row) for row in rows} == {len(rows[0])}, path
        assert text.endswith("\n") and "\r" not in text
        assert all(cell == cell.strip() for row in rows for cell in row), path


KINDS = {
    *("syntax", "runtime", "silent", "missing-definition", "missing", "keras3", "porting"),
    *("text", "comment", "design", "minor", "upstream-quirk"),
}


@pytest.mark.parametrize("row", ERRATA, ids=lambda row: row.id)
def test_form_of_an_erratum(row):
    assert row.kind in KINDS
    assert row.place and row.literal and row.mend and row.tests
    assert bool(row.harm) == bool(row.measure)
    assert row.kind != "silent" or row.harm, "the harm of a silent erratum is measured"
    for test in row.tests:
        assert name_of(test) in functions(test), f"{row.id}: there is no {test}"


def name_of(test):
    return test.partition("::")[2].partition("[")[0]


def functions(test):
    path = TESTS.parent / test.partition("::")[0]
    return {node.name for node in parsed(path).body if isinstance(node, ast.FunctionDef)}


@functools.cache
def parsed(path):
    return ast.parse(path.read_text())


HARMS = [row for row in ERRATA if row.harm]


@pytest.mark.parametrize("row", HARMS, ids=lambda row: row.id)
def test_the_harm_of_an_erratum_is_what_is_measured(row):
    assert documents.harm(row) == row.harm
    for other in altered(row.harm):
        assert documents.harm(dataclasses.replace(row, harm=other)) != other


@pytest.mark.parametrize("document", DOCUMENTS)
def test_errata_of_the_registry_are_those_of_the_tables(document):
    ids = {row.id for row in documents.errata(document)}
    nets = [registry.get_net(name) for name in registry.list_nets()]
    named = {one for net in nets for one in net.errata if one.startswith(document)}
    assert named <= ids
    for net in nets:
        if net.document == document:
            assert all(one in ids for one in net.errata), net.name
            assert [row.id for row in documents.errata(net.name)] == sorted(net.errata)


def test_the_photographs_are_believed_where_they_are(tmp_path, monkeypatch):
    """001-F01, F03, F04: a user who has the training half sees them hold (here: a made-up one)."""
    with h5py.File(tmp_path / "train_signs.h5", "w") as file:
        file["train_set_x"] = np.zeros([1080, 64, 64, 3], np.uint8)
        file["train_set_y"] = np.arange(1080) % 6
        file["list_classes"] = np.arange(6)
    monkeypatch.setenv("LEGACY_NETS_SIGNS", str(tmp_path))
    for number in ("01", "03", "04"):
        assert documents.measure(documents.facts(f"001-F{number}")[0]).verdict == "holds"
    dark = documents.measure(documents.facts("001-F07")[0])
    assert (dark.value, dark.verdict) == ("0.000, not 0.956", "wrong")


@pytest.mark.parametrize("drawn", [True, False])
def test_drawn_signs_are_no_photographs(tmp_path, monkeypatch, drawn):
    if drawn:
        monkeypatch.setattr(signs, "DRAWN", {"train": 1, "test": 1})
        signs.make_signs(tmp_path)
        monkeypatch.undo()
    monkeypatch.setenv("LEGACY_NETS_SIGNS", str(tmp_path))
    found = documents.measure(documents.facts("001-F02")[0])
    assert (found.value, found.verdict) == ("120: not checkable here | 120", "ambiguous")


def test_selectors():
    assert [fact.id for fact in documents.facts("000-f07")] == ["000-F07"]
    assert {fact.document for fact in documents.facts("001")} == {"001"}
    assert all("hand_signs" in fact.nets for fact in documents.facts("hand_signs"))
    assert len(documents.facts()) == len(FACTS) > 100
    assert documents.facts("mc3_18") == []
    assert [row.id for row in documents.errata("000-E03")] == ["000-E03"]
    assert [row.id for row in documents.errata("mc3_18")] == ["000-E15", "000-E16"]
    assert documents.errata("hand_signs") == documents.errata("001")


@pytest.mark.parametrize(
    ("word", "near"),
    [("handsigns", "hand_signs"), ("005", "00"), ("000-F99", "000-"), ("", "000")],
)
def test_an_unknown_selector_is_one_line_with_the_nearest(word, near):
    for function in (documents.facts, documents.errata):
        with pytest.raises(BadInputError) as caught:
            function(word)
        message = str(caught.value)
        assert message.startswith(f"no document, net or id is called {word!r}; nearest: ")
        assert near in message.partition("nearest: ")[2] and "\n" not in message


@pytest.mark.parametrize(
    ("value", "like", "text"),
    [
        ((None, 28, 28, 1), "", "Nx28x28x1"),
        ((2, None, 3), "", "2x?x3"),
        ([64, (3, 3), (1, 1)], "", "64, 3x3, 1x1"),
        (0.95686, "0.957", "0.957"),
        (1e-4, "0.0001", "0.0001"),
        (1e-4, "", "0.0001"),
        (True, "", "yes"),
        (1080, "", "1080"),
        ("VALID", "", "VALID"),
    ],
)
def test_text_of_a_value(value, like, text):
    assert judge.text(value, like) == text


@pytest.mark.parametrize(
    ("stated", "readings", "value", "verdict"),
    [
        ("1,080", (1080,), "1,080", "holds"),
        ("4", (4, 16), "4 | 16, not 4", "ambiguous"),
        ("4", (3, 16), "3, not 4 | 16, not 4", "wrong"),
        ("4", (None,), "4: not checkable here", "ambiguous"),
        ("4", (4, None), "4 | 4: not checkable here", "ambiguous"),
        ("4", (3, None), "3, not 4 | 4: not checkable here", "ambiguous"),
        ("0.94", (0.945098,), "0.95, not 0.94", "wrong"),
        ("64, 96", ([64, 96],), "64, 96", "holds"),
    ],
)
def test_verdicts(stated, readings, value, verdict):
    found = judge.judge(stated, readings)
    assert (found.value, found.verdict) == (value, verdict)


def test_an_unknown_measurement_says_where_it_was_sought():
    with pytest.raises(LookupError, match="no function nothing in checks/document_000.py or"):
        judge.function("000", "nothing")
