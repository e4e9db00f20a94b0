"""``legacy-nets facts`` and ``errata``: tables, JSON, one-line errors, nothing built in vain."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest
from click.testing import CliRunner

from legacy_nets import documents
from legacy_nets.cli import main
from legacy_nets.documents.checks import common


def call(*arguments):
    return CliRunner().invoke(main, arguments, prog_name="legacy-nets")


def words(done):
    """What a table says, its lines joined again."""
    assert done.exit_code == 0, done.output
    return " ".join(done.output.replace("│", " ").replace("┃", " ").split())


def test_a_fact_is_shown_with_what_is_measured():
    told = words(call("facts", "000-F07"))
    for word in ("000-F07", "l.90", "4x4", "3x3, not 4x4", "wrong"):
        assert word in told
    assert "1 fact of 000-F07 measured: 0 confirmed, 0 derived, 1 wrong, 0 ambiguous" in told
    assert told.endswith("https://charles2530.github.io/2023/03/21/tensorflow-model-summary/")


def test_an_ambiguous_fact_says_why():
    told = words(call("facts", "000-F18"))
    assert "4 | 16, not 4" in told
    assert "four groups with one width each; each group has four convolutions" in told


def test_a_fact_that_cannot_be_checked_here_says_what_the_catalogue_has(tmp_path, monkeypatch):
    monkeypatch.setenv("LEGACY_NETS_SIGNS", str(tmp_path))
    told = words(call("facts", "001-F02"))
    assert "120: not checkable here | 120" in told
    assert "the verdict of the table, measured elsewhere: confirmed" in told
    assert "0 confirmed, 0 derived, 0 wrong, 1 ambiguous" in told


def test_facts_as_json():
    done = call("facts", "001-F18", "--json")
    (row,) = json.loads(done.output)
    assert row["id"] == "001-F18" and row["document"] == "001" and row["nets"] == ["hand_signs"]
    assert row["stated"] == "64" and row["verdict"] == "ambiguous"
    assert row["measured"] == "64 | 61, 62, 63, 64, not 64"
    assert row["measure"] == ["find_largest_passing_side", "list_passing_sides"]


@pytest.mark.slow
def test_only_the_wrong_ones():
    rows = json.loads(call("facts", "cnn_lstm_resnet", "--wrong", "--json").output)
    assert [row["id"] for row in rows] == [
        *("000-F07", "000-F08", "000-F09", "000-F11", "000-F17"),
    ]
    assert {row["verdict"] for row in rows} == {"wrong"}


def test_a_net_without_facts():
    told = words(call("facts", "mc3_18"))
    assert told.endswith("0 facts of mc3_18 measured: 0 confirmed, 0 derived, 0 wrong, 0 ambiguous")


def test_only_the_graphs_that_are_asked_for_are_built(monkeypatch):
    """A net's facts build graphs of the nets that its rows name, and no other."""
    asked = set()
    built = common.build_net

    def watched(net, *more):
        asked.add(net)
        return built(net, *more)

    monkeypatch.setattr(common, "build_net", watched)
    common._analyze_net.cache_clear()
    assert call("facts", "000-F22").exit_code == 0
    assert asked == {"resnet_3d"}


def test_errata_are_shown_whole():
    told = words(call("errata", "001-E01"))
    row = documents.errata("001-E01")[0]
    assert f"{row.literal} [measured: 0.167]" in told or "[measured: 0.167]" in told
    assert "wrong result, no error" in told and "l.253" in told
    assert "1 erratum of 001-E01; the tests that prove them: --json" in told


def test_errata_as_json():
    rows = json.loads(call("errata", "resnet_v2_50", "--json").output)
    assert [row["id"] for row in rows] == [f"003-E{number:02d}" for number in range(1, 19)]
    stacker = "tests/nets/test_resnet_v2.py::test_literal_tuple_arguments_fail_in_slims_stacker"
    assert stacker in rows[4]["tests"]
    assert rows[6]["harm"] == "11" and rows[6]["nets"] == [
        *("resnet_v2_50", "resnet_v2_101", "resnet_v2_152", "resnet_v2_200"),
    ]


@pytest.mark.parametrize("command", ["facts", "errata"])
def test_an_unknown_name_is_one_line(command):
    done = call(command, "resnet_v2_51")
    assert done.exit_code == 2
    (line,) = done.stderr.splitlines()
    assert line.startswith("legacy-nets: no document, net or id is called 'resnet_v2_51'; nearest:")
    assert "resnet_v2_50" in line


def test_errata_and_refusals_import_no_tensorflow():
    code = (
        "import sys; from click.testing import CliRunner; from legacy_nets.cli import main\n"
        "for arguments in (['errata'], ['errata', '003', '--json'], ['facts', 'nothing'],\n"
        "                  ['facts', '--help'], ['facts', 'mc3_18']):\n"
        "    CliRunner().invoke(main, arguments)\n"
        "print('tensorflow' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.stdout.strip() == "False", done.stderr
