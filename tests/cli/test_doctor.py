"""``legacy-nets doctor``: versions and extras as they are, in text and in JSON."""

from __future__ import annotations

import importlib.metadata
import json
import pathlib
import re

import pytest
from click.testing import CliRunner

from legacy_nets import packages
from legacy_nets.cli import doctor
from legacy_nets.cli.doctor import doctor as command
from legacy_nets.packages import Package

ROOT = pathlib.Path(__file__).parents[2]


def run(*arguments):
    result = CliRunner().invoke(command, arguments)
    return result.exit_code, result.output


def test_each_extra_has_a_use():
    text = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    section = text.partition("[project.optional-dependencies]")[2].partition("\n[")[0]
    extras = set(re.findall(r"^([\w-]+) = \[", section, re.MULTILINE))
    assert set(doctor.USES) == {name for name in extras if not name.startswith(("test", "docs"))}


def test_json_has_the_installed_versions():
    code, output = run("--json")
    report = json.loads(output)
    assert code == 0 and report["problems"] == []
    versions = {row["name"]: row["installed"] for row in report["packages"]}
    for name in ("tensorflow", "numpy", "protobuf", "click"):
        assert versions[name] == importlib.metadata.version(name)
    assert versions.keys() >= {"tf-keras", "tf-slim", "h5py"}
    assert report["processor"]["cores"] >= 1
    assert report["gpu"]["error"] is None


def test_the_text_names_what_an_extra_lacks(monkeypatch):
    lacking = [Package("onnx", ">=1.19", "1.2"), Package("tf2onnx", "", None)]
    fitting = [Package("onnxruntime", ">=1.20", "1.22.1")]
    monkeypatch.setattr(packages, "list_extras", lambda: ["onnx", "upgrade"])
    monkeypatch.setattr(
        packages, "list_packages", lambda extra="": [*lacking, *fitting] if extra == "onnx" else []
    )
    monkeypatch.setattr(doctor, "find_problems", lambda required: [])
    lines = run()[1].splitlines()
    faults = "onnx 1.2 is installed, >=1.19 is wanted, tf2onnx is missing"
    assert f"[onnx] port --to onnx: {faults}: pip install 'legacy-nets[onnx]'" in lines
    assert "[upgrade] upgrade: complete" in lines
    unknown = "the installed legacy-nets is older than its source and does not know it: install"
    assert any(line.startswith(f"[clips] data sets of video files: {unknown}") for line in lines)
    rest = ", ".join(name for name in doctor.USES if name != "upgrade")
    assert (
        lines[-1]
        == f"legacy-nets itself is complete; extras that are not, if you need them: {rest}"
    )


def test_a_long_list_of_faults_is_cut(monkeypatch):
    """Another version comes first: it is what a user can overlook. The JSON has all of them."""
    missing = [Package(f"part{number}", "", None) for number in range(9)]
    monkeypatch.setattr(packages, "list_extras", lambda: [*doctor.USES])
    rows = [*missing, Package("numpy", "<2", "2.4")]
    monkeypatch.setattr(packages, "list_packages", lambda extra="": rows if extra == "run" else [])
    monkeypatch.setattr(doctor, "find_problems", lambda required: [])
    lines = run()[1].splitlines()
    faults = "numpy 2.4 is installed, <2 is wanted, part0 is missing, part1 is missing and 7 more"
    [line] = [line for line in lines if line.startswith("[run] ")]
    assert line.endswith(f": {faults}: pip install 'legacy-nets[run]'")
    assert lines[-1] == "legacy-nets itself is complete; extras that are not, if you need them: run"
    assert len(json.loads(run("--json")[1])["extras"]["run"]["packages"]) == 10


def test_all_extras_are_complete(monkeypatch):
    monkeypatch.setattr(packages, "list_extras", lambda: [*doctor.USES])
    monkeypatch.setattr(packages, "list_packages", lambda extra="": [])
    monkeypatch.setattr(doctor, "find_problems", lambda required: [])
    assert run()[1].splitlines()[-1] == "legacy-nets itself is complete"


@pytest.mark.parametrize("page", ["README.md", "README.zh.md"])
def test_readme_names_each_extra(page):
    text = (ROOT / page).read_text(encoding="utf-8")
    assert [name for name in doctor.USES if f"`[{name}]`" not in text] == []


def test_a_package_that_does_not_fit_is_a_problem(monkeypatch):
    required = [Package("numpy", "<3,>=1.26", "1.19.5"), Package("click", ">=8.1", "8.2")]
    monkeypatch.setattr(packages, "list_packages", lambda extra="": [] if extra else required)
    code, output = run()
    assert code == 1
    assert output.splitlines()[-1] == "problem: numpy is 1.19.5: pip install 'numpy<3,>=1.26'"


@pytest.mark.parametrize(
    ("wanted", "installed", "fits"),
    [("<2", "2.0.1", False), ("<2", "1.26.4", True), ("", None, False), (">=2", "2.1rc1", True)],
)
def test_versions_that_fit(wanted, installed, fits):
    assert Package("numpy", wanted, installed).fits is fits


def test_extras_as_the_metadata_have_them(monkeypatch):
    lines = [
        "numpy<3,>=1.26",
        'numpy<2; python_version < "3.99" and extra == "run"',
        'scipy; python_version >= "3.99" and extra == "run"',
        'legacy-nets[run]; extra == "test-run"',
        'pytest>=8; extra == "test-run"',
    ]
    monkeypatch.setattr(importlib.metadata, "requires", lambda name: lines)
    assert [(p.name, p.wanted) for p in packages.list_packages()] == [("numpy", "<3,>=1.26")]
    assert [(p.name, p.wanted) for p in packages.list_packages("run")] == [("numpy", "<2")]
    assert [p.name for p in packages.list_packages("test-run")] == ["pytest"]


def test_variables_of_the_environment(monkeypatch):
    monkeypatch.setenv("TF_XLA_FLAGS", "--tf_xla_auto_jit=2")
    monkeypatch.setenv("HOME_TF", "x")
    report = json.loads(run("--json")[1])
    assert report["environment"]["TF_XLA_FLAGS"] == "--tf_xla_auto_jit=2"
    assert "HOME_TF" not in report["environment"]
