"""Every fact is measured; a row with any other stated value would fail."""

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
from legacy_nets.documents.checks import common, tables
from legacy_nets.errors import BadInputError
from legacy_nets.language import use_language

TESTS = pathlib.Path(__file__).parents[1]
REAL_SIGNS = os.environ.get("LEGACY_NETS_SIGNS")  # folder of document 001's photographs
FACTS = documents.facts()
ERRATA = documents.errata()
DOCUMENTS = catalogue.documents()


@pytest.fixture(autouse=True)
def photographs(monkeypatch, tmp_path):
    """The real photographs where LEGACY_NETS_SIGNS names them; otherwise none."""
    monkeypatch.setenv("LEGACY_NETS_SIGNS", REAL_SIGNS or str(tmp_path))


@pytest.mark.slow
@pytest.mark.parametrize("document", DOCUMENTS)
def test_every_fact_is_measured_and_its_verdict_is_that_of_the_table(document):
    """Nor would the row fit if the document stated anything else: see ``alter``."""
    differ, unnoticed = [], []
    for fact in documents.facts(document):
        found = documents.measure(fact)
        if not fits_the_row(fact, found) and not lacks_photographs(fact, found):
            differ.append((fact.id, fact.stated, fact.verdict, fact.measured, found))
        for stated in alter(fact.stated):
            if fits_the_row(fact, judge.judge(stated, found.results, fact.source)):
                unnoticed.append((fact.id, stated))
    assert differ == []
    assert unnoticed == []


def fits_the_row(fact, found):
    """Whether what is measured is what the table says."""
    wanted = "" if found.verdict in ("confirmed", "derived") else found.value
    return (found.verdict, wanted) == (fact.verdict, fact.measured)


def lacks_photographs(fact, found):
    """Whether a fact is about the photographs, which are not here, and the rest is confirmed."""
    if REAL_SIGNS or "photograph" not in " ".join(fact.measure):
        return False
    rest = [result for result in found.results if result is not None]
    return None in found.results and judge.judge(fact.stated, tuple(rest)).verdict == "confirmed"


def alter(stated):
    """Lists the stated value with one digit increased, for each digit, and with a word added."""
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
    assert (fact.measured == "") == (fact.verdict in ("confirmed", "derived"))
    assert fact.source in catalogue.SOURCES
    if fact.measured == "":
        assert (fact.verdict == "derived") == (fact.source == "derived")
    if fact.verdict == "ambiguous":
        assert fact.why and (len(fact.measure) > 1 or judge.NOT_HERE in fact.measured)


@pytest.mark.parametrize("table", ["facts", "errata"])
def test_every_pattern_of_nets_matches(table):
    for row in catalogue._read_tables(table):
        for pattern in row["nets"].split():
            assert registry.list_nets(pattern), (row["id"], pattern)


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
    *("syntax", "runtime", "wrong result, no error", "missing-definition", "missing"),
    *("keras3", "porting"),
    *("text", "comment", "design", "minor", "upstream-quirk"),
}


@pytest.mark.parametrize("row", ERRATA, ids=lambda row: row.id)
def test_form_of_an_erratum(row):
    assert row.kind in KINDS
    assert row.place and row.literal and row.fix and row.tests
    assert bool(row.harm) == bool(row.measure)
    if row.kind == "wrong result, no error":
        assert row.harm, "its harm is a number that is measured"
    for test in row.tests:
        assert get_test_name(test) in list_functions(test), f"{row.id}: there is no {test}"


def get_test_name(test):
    return test.partition("::")[2].partition("[")[0]


def list_functions(test):
    path = TESTS.parent / test.partition("::")[0]
    return {node.name for node in parse(path).body if isinstance(node, ast.FunctionDef)}


@functools.cache
def parse(path):
    return ast.parse(path.read_text())


HARMS = [row for row in ERRATA if row.harm]


@pytest.mark.parametrize("row", HARMS, ids=lambda row: row.id)
def test_the_harm_of_an_erratum_is_what_is_measured(row):
    assert documents.measure_harm(row) == row.harm
    for other in alter(row.harm):
        assert documents.measure_harm(dataclasses.replace(row, harm=other)) != other


def make_ids(document, *numbers):
    return [f"{document}-E{number:02d}" for number in numbers]


PLAIN_ALEXNET = (2, 9, *range(11, 17), 29, 39, 40, 43, 59, 61)
RESNET = (1, 3, 4, 6, 14, 16, *range(22, 30), 49, 61)
ERRATA_OF_NETS = {
    **dict.fromkeys(
        ("resnet_3d", "resnet_2plus1d", "resnet_3d_2plus1d"), make_ids("000", *range(1, 19))
    ),
    "cnn_lstm": make_ids("000", *range(1, 20)),
    "cnn_lstm_resnet": make_ids("000", *range(1, 20), 21),
    **dict.fromkeys(("r2plus1d_18", "r3d_18", "mc3_18"), make_ids("000", 15, 16, 20)),
    "hand_signs": make_ids("001", *range(1, 28)),
    "inception_v3": make_ids("002", *range(1, 33)),
    **{f"resnet_v2_{depth}": make_ids("003", *range(1, 19)) for depth in (50, 101, 152, 200)},
    "demo_cnn": make_ids("004", 1, 16, 29, 54, 55),
    "alexnet_v1": make_ids("004", *PLAIN_ALEXNET),
    "alexnet_v2": make_ids("004", *sorted((8, 10, *PLAIN_ALEXNET))),
    **{f"vgg{depth}": make_ids("004", 2, 14, 16, 29, 41, 42, 48, 61) for depth in (11, 13, 16, 19)},
    "googlenet": make_ids("004", 6, 7, *range(17, 22), 29, 48, 57, 58),
    **{f"resnet{depth}": make_ids("004", *RESNET) for depth in (18, 152)},
    **{f"resnet{depth}": make_ids("004", *sorted((*RESNET, 56))) for depth in (34, 101)},
    "resnet50": make_ids("004", *sorted((*RESNET, 47, 51, 56))),
    **dict.fromkeys(("resnext50_32x4d", "resnext101_32x4d"), make_ids("004", 24, 46)),
    **dict.fromkeys(
        ("mobilenet_v1", "mobilenet_v2", "mobilenet_v3_small", "mobilenet_v3_large"),
        make_ids("004", 44, 46),
    ),
    **dict.fromkeys(
        registry.list_nets("vit_*_in21k"), make_ids("004", 5, *range(30, 39), 45, 50, 52, 53)
    ),
    "vit_hybrid_r50_base_224": make_ids("004", 30, 31, 45, 46),
}


def test_the_errata_of_each_net():
    assert {
        net: [row.id for row in documents.errata(net)] for net in registry.list_nets()
    } == ERRATA_OF_NETS


@pytest.mark.parametrize("net", registry.list_nets())
def test_errata_in_the_registry_are_those_of_the_tables(net):
    assert sorted(registry.get_net(net).errata) == ERRATA_OF_NETS[net]


def test_facts_on_photographs_are_confirmed_where_they_are(tmp_path, monkeypatch):
    """001-F01, F03, F04, where a user has the training split (here: a synthetic one)."""
    with h5py.File(tmp_path / "train_signs.h5", "w") as file:
        file["train_set_x"] = np.zeros([1080, 64, 64, 3], np.uint8)
        file["train_set_y"] = np.arange(1080) % 6
        file["list_classes"] = np.arange(6)
    monkeypatch.setenv("LEGACY_NETS_SIGNS", str(tmp_path))
    for number in ("01", "03", "04"):
        assert documents.measure(documents.facts(f"001-F{number}")[0]).verdict == "confirmed"
    dark = documents.measure(documents.facts("001-F07")[0])
    assert (dark.value, dark.verdict) == ("0.000, not 0.956", "wrong")


@pytest.mark.parametrize("has_synthetic", [True, False])
def test_synthetic_signs_are_no_photographs(tmp_path, monkeypatch, has_synthetic):
    if has_synthetic:
        monkeypatch.setattr(signs, "SYNTHETIC_PER_CLASS", {"train": 1, "test": 1})
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
    assert [row.id for row in documents.errata("mc3_18")] == ["000-E15", "000-E16", "000-E20"]
    assert documents.errata("hand_signs") == documents.errata("001")


@pytest.mark.parametrize(
    ("word", "near"),
    [
        ("handsigns", "; nearest: hand_signs"),
        ("005", "; nearest: 00"),
        ("000-F99", "; nearest: 000-"),
        ("", " (documents: 000, "),
        ("zzzz", " (documents: 000, "),
    ],
)
def test_an_unknown_selector_is_one_line_with_the_nearest(word, near):
    for function in (documents.facts, documents.errata):
        with pytest.raises(BadInputError) as caught:
            function(word)
        message = str(caught.value)
        assert message.startswith(f"no document, net or id is called {word!r}{near}")
        assert "\n" not in message


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
    assert judge.format_value(value, like) == text


@pytest.mark.parametrize(
    ("stated", "results", "value", "verdict"),
    [
        ("1,080", (1080,), "1,080", "confirmed"),
        ("4", (4, 16), "4 | 16, not 4", "ambiguous"),
        ("4", (3, 16), "3, not 4 | 16, not 4", "wrong"),
        ("4", (None,), "4: not checkable here", "ambiguous"),
        ("4", (4, None), "4 | 4: not checkable here", "ambiguous"),
        ("4", (3, None), "3, not 4 | 4: not checkable here", "ambiguous"),
        ("0.94", (0.945098,), "0.95, not 0.94", "wrong"),
        ("64, 96", ([64, 96],), "64, 96", "confirmed"),
    ],
)
def test_verdicts(stated, results, value, verdict):
    found = judge.judge(stated, results)
    assert (found.value, found.verdict) == (value, verdict)


def test_an_unknown_check_says_where_it_was_looked_up():
    with pytest.raises(LookupError, match="no check nothing in CHECKS of document_000"):
        tables.get_check("000", "nothing")


def test_each_check_is_called_by_its_name():
    for checks in (common.CHECKS, *tables.CHECKS.values()):
        assert all(name == check.__name__ for name, check in checks.items())


def test_no_check_of_document_004_hides_another():
    """Its modules have a table each, which are merged into one."""
    modules = [module for name, module in vars(tables).items() if name.startswith("document_004")]
    names = [name for module in modules for name in module.CHECKS]
    assert len(modules) == 5
    assert sorted(names) == sorted(tables.CHECKS["004"])


def test_the_tables_use_every_check():
    used = set()
    for document, checks in tables.CHECKS.items():
        measurements = [word for fact in documents.facts(document) for word in fact.measure]
        measurements += [row.measure for row in documents.errata(document) if row.measure]
        names = {measurement.split()[0] for measurement in measurements}
        assert set(checks) <= names
        used |= names
    assert set(common.CHECKS) <= used


@pytest.mark.parametrize(
    ("measured", "stated", "expected"),
    [
        ("no, not yes", "yes", "否，而非 是"),
        ("4, not 3 | 3", "3", "4，而非 3 | 3"),
        ("excellent: not checkable here", "excellent", "非常好: 无法在此验证"),
        ("float32, not int64", "int64", "float32，而非 int64"),
    ],
)
def test_measured_values_are_translated(measured, stated, expected):
    assert judge.translate_measured(measured, stated) == measured
    with use_language("zh"):
        assert judge.translate_measured(measured, stated) == expected
