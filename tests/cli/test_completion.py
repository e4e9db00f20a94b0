"""Completion as the scripts of bash, zsh and fish ask for it."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys

import pytest

from legacy_nets import registry
from legacy_nets.cli import COMMANDS, main
from legacy_nets.cli.completion import Bash, Fish, Zsh


def complete(*words, shell_class=Bash):
    """Completes the last word. Returns pairs (kind, value)."""
    shell = shell_class(main, {}, "legacy-nets", "_LEGACY_NETS_COMPLETE")
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


@pytest.mark.parametrize(
    ("words", "args", "incomplete", "expected"),
    [
        ("port x --to = sa", ["port", "x", "--to"], "sa", ["safetensors", "saved_model"]),
        ("port --net = vgg16 --to on", ["port", "--net=vgg16", "--to"], "on", ["onnx"]),
        ("train vgg16 --option a = 1 --da", ["train", "vgg16", "--option", "a=1"], "--da", None),
        ("port x --net =", ["port", "x", "--net"], "=", registry.list_nets()),
    ],
)
def test_bash_divides_words_at_an_equals_sign(monkeypatch, words, args, incomplete, expected):
    """Its values are the third word; before, they were completed as another argument."""
    words = ["legacy-nets", *words.split()]
    monkeypatch.setenv("COMP_WORDS", "\n".join(words))
    monkeypatch.setenv("COMP_CWORD", str(len(words) - 1))
    shell = Bash(main, {}, "legacy-nets", "_LEGACY_NETS_COMPLETE")
    assert shell.get_completion_args() == (args, incomplete)
    found = [item.value for item in shell.get_completions(args, incomplete)]
    assert found == (expected or ["--data"])


@pytest.mark.parametrize("shell_class", [Zsh, Fish])
def test_other_shells_replace_the_word_with_its_option(shell_class):
    """The option was erased: --to=o became o."""
    words = ("port", "x", "--to=sa")
    assert complete(*words, shell_class=shell_class) == [
        ("plain", "--to=safetensors"),
        ("plain", "--to=saved_model"),
    ]
    assert complete("predict", "vgg16", "--checkpoint=ru", shell_class=shell_class) == []
    assert complete("train", "resnet_v2_2", shell_class=shell_class) == [("plain", "resnet_v2_200")]


def test_fish_shows_help_with_commas():
    shell = Fish(main, {}, "legacy-nets", "_LEGACY_NETS_COMPLETE")
    [item] = shell.get_completions([], "expl")
    assert shell.format_completion(item) == "plain,explain\tWalk through a net; block by block."


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


def test_the_program_completes_with_these_classes():
    """As zsh's script asks: click's own class would give the values without the option."""
    program = "from legacy_nets.cli import main; main(prog_name='legacy-nets')"
    done = subprocess.run(
        [sys.executable, "-c", program],
        env={
            **os.environ,
            "_LEGACY_NETS_COMPLETE": "zsh_complete",
            "COMP_WORDS": "legacy-nets port x --to=sav",
            "COMP_CWORD": "3",
        },
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.splitlines()[:2] == ["plain", "--to=saved_model"]
