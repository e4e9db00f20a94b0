"""README.md stays true: its table of nets, its commands, its error texts."""

import pathlib
import re

import click

from legacy_nets import registry
from legacy_nets.cli import main
from legacy_nets.cli.nets import markdown_table

ROOT = pathlib.Path(__file__).parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")


def test_the_table_of_nets_is_the_registrys():
    """Renew it with: legacy-nets nets --markdown"""
    assert markdown_table([registry.get_net(name) for name in registry.list_nets()]) in README


def test_no_placeholder_is_left():
    found = set(re.findall(r"\b[A-Z0-9]+_[A-Z0-9_]+\b", README))
    environment = {f"LEGACY_NETS_{name}" for name in ("ORACLE", "SIGNS", "TORCH")}
    assert found <= {"TF_USE_LEGACY_KERAS", "TF_ENABLE_ONEDNN_OPTS", *environment}


def test_every_command_and_option_shown_exists():
    shown = re.findall(r"^ *(?:\$ )?legacy-nets (\w+)((?:.*\\\n)*.*)$", README, re.MULTILINE)
    assert {name for name, _ in shown} >= {"nets", "train", "evaluate", "predict"}
    for name, rest in shown:
        if name == "run":  # what follows the script is the script's own
            rest = rest.partition(".py")[0]
        command = main.get_command(click.Context(main), name)
        known = {flag for p in command.params if isinstance(p, click.Option)
                 for flag in (*p.opts, *p.secondary_opts)}  # fmt: skip
        assert set(re.findall(r"(?<!\S)--[a-z-]+", rest)) <= known, (name, rest)


def test_troubleshooting_quotes_messages_that_the_code_says():
    """Each text there stands in our source or is TensorFlow's own; in alphabetical order."""
    section = README.partition("## Troubleshooting")[2].partition("\n## ")[0]
    rows = re.findall(r"^\| `(.+?)` \| (.+) \|$", section, re.MULTILINE)
    texts = [text for text, _ in rows]
    assert len(texts) >= 8
    assert texts == sorted(texts, key=str.lower)
    sources = " ".join(path.read_text() for path in (ROOT / "legacy_nets").rglob("*.py"))
    sources = re.sub(r'"\s*f?"', "", sources)
    for text, cure in rows:
        assert text in sources or cure.startswith("TensorFlow's own: "), text
