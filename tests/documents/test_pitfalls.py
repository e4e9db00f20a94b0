"""Every trap is run, without and with its cure, and gives what its row says."""

from __future__ import annotations

import csv
import inspect
import json

import pytest
from click.testing import CliRunner

from legacy_nets.cli import main
from legacy_nets.documents import pitfalls as module
from legacy_nets.documents.checks import pitfalls
from legacy_nets.errors import BadInputError

TRAPS = module.traps()


@pytest.mark.parametrize("trap", TRAPS, ids=lambda trap: f"{trap.id}_{trap.measure}")
def test_the_harm_and_the_cure_are_what_is_measured(trap):
    assert module.measure(trap, False) == trap.harm
    assert module.measure(trap, True) == trap.cured
    assert trap.harm != trap.cured


def test_each_function_is_one_trap():
    functions = [
        name
        for name, value in vars(pitfalls).items()
        if inspect.isfunction(value)
        and value.__module__ == pitfalls.__name__
        and not name.startswith("_")
    ]
    assert sorted(functions) == sorted(trap.measure for trap in TRAPS)
    assert [trap.id for trap in TRAPS] == [f"T{n:02d}" for n in range(1, len(TRAPS) + 1)]


@pytest.mark.parametrize("trap", TRAPS, ids=lambda trap: trap.id)
def test_form_of_a_trap(trap):
    assert trap.title and trap.happens and trap.cure
    assert trap.issue.startswith("https://github.com/")
    lines = module.code(trap).splitlines()
    assert lines[0].startswith(f"def {trap.measure}(mended: bool)")
    assert len(lines) <= 22
    assert sum("mended" in line for line in lines) > 1  # the argument, and where the cure is


def test_table_is_written_one_way():
    text = (module.DATA / "traps.csv").read_text(encoding="utf-8")
    rows = list(csv.reader(text.splitlines(), strict=True))
    assert {len(row) for row in rows} == {8}
    assert text.endswith("\n") and "\r" not in text
    assert all(cell == cell.strip() for row in rows for cell in row)


def test_a_trap_by_its_id_or_a_word():
    assert [trap.measure for trap in module.traps("t13")] == ["seeds"]
    assert [trap.id for trap in module.traps("NCHW")] == ["T14"]
    with pytest.raises(BadInputError) as error:
        module.traps("T44")
    assert str(error.value) == (
        "no trap is called 'T44', and none speaks of it; nearest: T24, T14, T04 "
        "(all: legacy-nets traps)"
    )


def run(*arguments):
    return CliRunner().invoke(main, ["traps", *arguments])


def test_command_tells_the_numbers():
    done = run("T08")
    assert done.exit_code == 0, done.stderr
    assert "microsoft/MMdnn/issues/379" in done.stdout
    assert done.stdout.splitlines()[-1] == "1 traps run; their code: --code"


def test_command_shows_the_lines():
    done = run("T08", "--code")
    assert done.stdout.startswith("# T08 SAME is not PyTorch's padding: 9; cured: 4\ndef padding(")
    assert "tf.pad(image" in done.stdout


def test_command_gives_json():
    (row,) = json.loads(run("T15", "--json").stdout)
    assert (row["harm"], row["cured"], row["measure"]) == ("5", "7", "keeps_five")
    assert "max_to_keep" in row["code"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("T99",), "no trap is called 'T99'"),
        (("T08", "--code", "--json"), "--code and --json: one of them"),
    ],
)
def test_command_refuses_in_one_line(arguments, message):
    done = run(*arguments)
    assert done.exit_code == 2
    assert done.stderr.count("\n") == 1
    assert message in done.stderr
