"""Every pitfall is run, without and with its fix, and gives what its row says."""

from __future__ import annotations

import csv
import json

import pytest
from click.testing import CliRunner

from legacy_nets.cli import main
from legacy_nets.documents import pitfalls
from legacy_nets.documents.catalogue import DATA
from legacy_nets.documents.checks.pitfalls import CHECKS
from legacy_nets.errors import BadInputError

PITFALLS = pitfalls.list_pitfalls()


@pytest.mark.parametrize("pitfall", PITFALLS, ids=lambda row: f"{row.id}_{row.measure}")
def test_the_harm_and_the_fix_are_measured(pitfall):
    assert pitfalls.measure(pitfall, with_fix=False) == pitfall.without_fix
    assert pitfalls.measure(pitfall, with_fix=True) == pitfall.with_fix
    assert pitfall.without_fix != pitfall.with_fix


def test_each_function_is_one_pitfall():
    assert sorted(CHECKS) == sorted(pitfall.measure for pitfall in PITFALLS)
    assert all(name == function.__name__ for name, function in CHECKS.items())
    assert [pitfall.id for pitfall in PITFALLS] == [f"T{n:02d}" for n in range(1, 25)]


@pytest.mark.parametrize("pitfall", PITFALLS, ids=lambda row: row.id)
def test_form_of_a_pitfall(pitfall):
    assert pitfall.title and pitfall.effect and pitfall.fix
    assert pitfall.issue.startswith("https://github.com/")
    lines = pitfalls.get_code(pitfall).splitlines()
    assert lines[0].startswith(f"def {pitfall.measure}(with_fix: bool)")
    assert len(lines) <= 22
    assert sum("with_fix" in line for line in lines) > 1  # the argument, and the fix


def test_table_is_written_one_way():
    text = (DATA / "pitfalls.csv").read_text(encoding="utf-8")
    rows = list(csv.reader(text.splitlines(), strict=True))
    assert {len(row) for row in rows} == {8}
    assert text.endswith("\n") and "\r" not in text
    assert all(cell == cell.strip() for row in rows for cell in row)


def test_a_pitfall_by_its_id_or_a_word():
    assert [row.measure for row in pitfalls.list_pitfalls("t13")] == ["draw_weights_twice"]
    assert [row.id for row in pitfalls.list_pitfalls("NCHW")] == ["T14"]
    with pytest.raises(BadInputError) as error:
        pitfalls.list_pitfalls("T44")
    assert str(error.value) == (
        "no pitfall has the id or word 'T44'; nearest: T24, T14, T04 (all: legacy-nets pitfalls)"
    )


def run(*arguments, command="pitfalls"):
    return CliRunner().invoke(main, [command, *arguments])


@pytest.mark.parametrize("command", ["pitfalls", "traps"])
def test_command_prints_the_numbers(command):
    done = run("T08", command=command)
    assert done.exit_code == 0, done.stderr
    lines = done.stdout.splitlines()
    assert "T08  https://github.com/microsoft/MMdnn/issues/379" in lines  # a link is not broken
    assert lines[-1] == "1 pitfall run; print their code: --code"


def test_command_prints_the_code():
    done = run("T08", "--code")
    assert done.stdout.startswith(
        "# T08 SAME is not PyTorch's padding: 9; with the fix: 4\ndef convolve_with_padding("
    )
    assert "tf.pad(image" in done.stdout


def test_command_prints_json():
    (row,) = json.loads(run("T15", "--json").stdout)
    assert (row["without_fix"], row["with_fix"]) == ("5", "7")
    assert row["measure"] == "save_seven_checkpoints"
    assert "max_to_keep" in row["code"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("T99",), "no pitfall has the id or word 'T99'"),
        (("T08", "--code", "--json"), "--code and --json exclude each other"),
    ],
)
def test_command_refuses_in_one_line(arguments, message):
    done = run(*arguments)
    assert done.exit_code == 2
    assert done.stderr.count("\n") == 1
    assert message in done.stderr
