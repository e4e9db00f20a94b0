"""Completion as the scripts of bash, zsh and fish ask for it."""

from __future__ import annotations

import shutil
import subprocess
import sys

import pytest
from click.shell_completion import BashComplete

from legacy_nets import registry
from legacy_nets.cli import COMMANDS, main


def complete(*words):
    """Completes the last word. Returns pairs (kind, value)."""
    shell = BashComplete(main, {}, "legacy-nets", "_LEGACY_NETS_COMPLETE")
    items = shell.get_completions(list(words[:-1]), words[-1])
    return [(item.type, item.value) for item in items]


def values(*words):
    return [value for _, value in complete(*words)]


def test_commands():
    assert values("") == list(COMMANDS)
    assert values("e") == ["explain", "errata", "evaluate"]


@pytest.mark.parametrize(
    "words",
    [("train",), ("predict",), ("explain",), ("describe",), ("diff", "x.h5"), ("port", "--net")],
)
def test_nets(words):
    assert values(*words, "inception") == registry.list_nets("inception*")
    assert values(*words, "resnet_v2_1") == ["resnet_v2_101", "resnet_v2_152"]


def test_options_and_formats():
    assert "--checkpoint" in values("predict", "vgg16", "--c")
    assert values("port", "x.ckpt", "--to", "sa") == ["safetensors", "saved_model"]


@pytest.mark.parametrize(
    "words",
    [
        ("inspect",),
        ("describe",),
        ("port",),
        ("run",),
        ("predict", "vgg16"),
        ("predict", "vgg16", "--checkpoint"),
        ("port", "--out"),
    ],
)
def test_paths_are_left_to_the_shell(words):
    assert complete(*words, "ru/") == [("file", "ru/")]


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_the_lines_of_the_docs(shell):
    if not shutil.which(shell):
        pytest.skip(f"no {shell}")
    program = (
        f"{sys.executable} -c 'from legacy_nets.cli import main; main(prog_name=\"legacy-nets\")'"
    )
    script = subprocess.run(
        ["sh", "-c", f"_LEGACY_NETS_COMPLETE={shell}_source {program}"],
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    assert "_LEGACY_NETS_COMPLETE" in script
    check = subprocess.run([shell, "-n"], input=script, capture_output=True, text=True)
    assert (check.returncode, check.stderr) == (0, "")
