"""Outputs that are kept: the same text without computing, never stale, never required."""

from __future__ import annotations

import json

import click
import pytest
from commands import call

from legacy_nets.anatomy import timing
from legacy_nets.cache import outputs
from legacy_nets.cli import remember
from legacy_nets.documents import judge
from legacy_nets.quiet import quiet_tensorflow


@pytest.fixture(autouse=True)
def kept(tmp_path, monkeypatch):
    """The file of outputs of this test, in a process that has imported TensorFlow."""
    quiet_tensorflow()
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.delenv(outputs.VARIABLE)
    monkeypatch.chdir(tmp_path)
    return tmp_path / "cache" / "legacy_nets" / "outputs.json"


@pytest.fixture
def printed(capsys):
    """Prints a request, and returns what stdout got and how often it was computed."""
    calls = []

    def write():
        calls.append(1)
        click.echo(f"output {len(calls)} é")

    def run(request):
        remember.print_remembered(request, write)
        return capsys.readouterr().out, len(calls)

    return run


def test_an_output_is_computed_once(printed, kept):
    assert printed(("a", 1)) == ("output 1 é\n", 1)
    assert printed(("a", 1)) == ("output 1 é\n", 1)
    assert list(json.loads(kept.read_text())["outputs"].values()) == ["output 1 é\n"]


@pytest.mark.parametrize("others", [("a", True), ("a", 1.0), ("a", "1"), ("b", 1)])
def test_requests_are_told_apart(printed, others):
    printed(("a", 1))
    assert printed(others) == ("output 2 é\n", 2)


@pytest.mark.parametrize(
    ("variable", "value"),
    [("COLUMNS", "44"), ("FORCE_COLOR", "1"), ("TF_X", "1"), ("LEGACY_NETS_SIGNS", "signs")],
)
def test_the_environment_is_told_apart(printed, monkeypatch, variable, value):
    printed("a")
    monkeypatch.setenv(variable, value)
    assert printed("a")[1] == 2


def test_another_source_or_library_is_another_output(printed, monkeypatch, tmp_path, kept):
    package = tmp_path / "package"
    package.mkdir()
    for name in ("cache.py", "table.csv"):
        (package / name).write_text("before")
    monkeypatch.setattr(outputs, "PACKAGE", package)

    def restart():
        outputs._identify_package.cache_clear()
        return printed("a")[1]

    assert (restart(), restart()) == (1, 1)
    (package / "table.csv").write_text("after.")  # of the same size
    assert (restart(), restart()) == (2, 2)
    (package / "new.py").touch()
    assert restart() == 3
    (package / ".#new.py").symlink_to("nobody@nowhere")  # as an editor marks a file
    assert restart() == 3
    (package / ".#new.py").unlink()
    (package / "__pycache__").mkdir()
    (package / "__pycache__" / "cache.pyc").touch()
    assert restart() == 3
    monkeypatch.setattr(outputs, "_LIBRARIES", ("numpy",))
    assert restart() == 4
    assert len(json.loads(kept.read_text())["outputs"]) == 1
    outputs._identify_package.cache_clear()


@pytest.mark.parametrize(
    "damage",
    [
        lambda text: text[:-9],
        lambda text: "[]",
        lambda text: "[" * 100_000,
        lambda text: '{"package": 1}',
        lambda text: text.replace('"outputs": {', '"outputs": [{').replace("}", "}]", 1),
        lambda text: text.replace('"output 1', '["output 1').replace('\\n"', '\\n"]'),
    ],
)
def test_a_damaged_file_is_ignored(printed, kept, damage):
    printed("a")
    kept.write_text(damage(kept.read_text()))
    assert printed("a") == ("output 2 é\n", 2)
    assert printed("a") == ("output 2 é\n", 2)


def test_a_folder_that_cannot_be_written_costs_only_time(printed, tmp_path):
    (tmp_path / "cache").write_text("a file")
    assert (printed("a")[1], printed("a")[1]) == (1, 2)


def test_the_oldest_outputs_are_dropped(printed, kept, monkeypatch):
    monkeypatch.setattr(outputs, "MAX_OUTPUTS", 3)
    for request in "abcd":
        printed(request)
    assert len(json.loads(kept.read_text())["outputs"]) == 3
    assert (printed("d")[1], printed("b")[1], printed("a")[1]) == (4, 4, 5)


def test_nothing_is_kept_of_an_error_or_where_that_is_off(kept, monkeypatch, printed):
    def fail():
        click.echo("half")
        raise KeyError

    with pytest.raises(KeyError):
        remember.print_remembered("a", fail)
    monkeypatch.setenv(outputs.VARIABLE, "off")
    assert (printed("a")[1], printed("a")[1]) == (1, 2)
    assert not kept.exists()


@pytest.mark.parametrize(
    "command",
    [
        ("describe", "demo_cnn", "--depth", "1"),
        ("explain", "demo_cnn"),
        ("facts", "000-F07", "--json"),
        ("facts", "001-F02"),
    ],
)
def test_commands_compute_once(command, monkeypatch):
    first = call(*command)
    assert first.exit_code == 0, first.output
    for module in ("analyze_net", "build_net"):
        monkeypatch.setattr(f"legacy_nets.anatomy.{module}", None)
    monkeypatch.setattr(judge, "measure", None)
    monkeypatch.setattr("legacy_nets.documents.measure", None)
    monkeypatch.setattr("legacy_nets.documents.explain.walk", None)
    again = call(*command)
    assert (again.exit_code, again.output) == (0, first.output)


def test_other_photographs_are_measured_again(tmp_path, monkeypatch):
    command = ("facts", "001-F02")
    first = call(*command).output
    monkeypatch.setattr(
        "legacy_nets.documents.measure", lambda fact: judge.Measured("other", "wrong", ())
    )
    assert call(*command).output == first
    (tmp_path / "datasets").mkdir()
    (tmp_path / "datasets" / "train_signs.h5").touch()
    assert "other" in call(*command).output


def test_times_are_measured_again(monkeypatch):
    measured = []
    measure = timing.measure_net

    def count(*arguments, **options):
        measured.append(1)
        return measure(*arguments, **options)

    monkeypatch.setattr(timing, "measure_net", count)
    for _ in range(2):
        assert call("describe", "demo_cnn", "--time").exit_code == 0
    assert len(measured) == 2
