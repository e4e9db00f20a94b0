"""README.md and docs/ stay true: generated pages, commands, error texts, links, lengths."""

import re
from pathlib import Path

import click
import pytest

from legacy_nets import registry
from legacy_nets.cli import main
from legacy_nets.cli.nets import markdown_table

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")
PAGES = {
    path.relative_to(ROOT).as_posix(): path.read_text(encoding="utf-8")
    for path in (*sorted(ROOT.glob("*.md")), *sorted((ROOT / "docs").glob("*.md")))
}


def test_readme_is_short():
    assert README.count("\n") <= 150


def test_the_chinese_readme_shows_the_same():
    """The same commands and code, rows of commands, and links to docs/."""
    chinese = PAGES["README.zh.md"]
    for pattern in (
        r"^```.*?^```",
        r"^\| (`.*?) \|",
        r"\]\((docs/[^)]+)\)",
        r"\d+ (?=GB)|`\[\w+\]`",
    ):
        found = [re.findall(pattern, text, re.MULTILINE | re.DOTALL) for text in (README, chinese)]
        assert found[0] == found[1] != []


def test_the_table_of_nets_is_the_registrys():
    """To renew it: python scripts/docs/generate.py"""
    table = markdown_table([registry.get_net(name) for name in registry.list_nets()])
    assert table in PAGES["docs/nets.md"]
    assert table.splitlines()[0].endswith("| trainable parameters |")


def test_every_document_is_named_on_the_front_page():
    """To renew it: python scripts/docs/generate.py"""
    for document in registry.list_documents():
        assert f"\n- {document.number}, {document.short_title}: " in README
        assert document.address in README and document.title in README


def test_the_numbers_of_seeds_are_those_of_the_golden_files():
    """To renew them: python scripts/docs/generate.py"""
    golden = ROOT / "tests" / "golden"
    calls = (golden / "op_counts.tsv").read_text().count("\n")
    off = (golden / "op_counts_off.tsv").read_text()
    refused, wrong = off.count("\tnot offered\n"), off.count("\toff\n")
    page = " ".join(PAGES["docs/run.md"].split())
    assert f"After {calls:,} calls of " in page
    assert f"{refused} are not offered and raise, {wrong} are off" in page


def test_every_command_and_option_is_on_the_page_of_commands():
    """To renew it: python scripts/docs/generate.py"""
    page = PAGES["docs/commands.md"]
    for name in main.list_commands(click.Context(main)):
        section = page.partition(f"\n## {name}\n")[2].partition("\n## ")[0]
        assert options_of(name) <= set(re.findall(r"(?<!\S)--[a-z0-9-]+", section)), name


def options_of(name):
    """The long options of a command, as its help names them."""
    command = main.get_command(click.Context(main), name)
    options = [p for p in command.params if isinstance(p, click.Option) and not p.hidden]
    flags = {flag for option in options for flag in (*option.opts, *option.secondary_opts)}
    return {flag for flag in flags if flag.startswith("--")}


ENVIRONMENT = {  # variables that pages name; other names of this form are placeholders
    *("TF_USE_LEGACY_KERAS", "TF_ENABLE_ONEDNN_OPTS", "TF_CPP_MIN_LOG_LEVEL"),
    *("TF_CPP_MAX_VLOG_LEVEL", "TF_FORCE_GPU_ALLOW_GROWTH", "TF_CONFIG", "XDG_CACHE_HOME"),
    *("LEGACY_NETS_LANG", "LEGACY_NETS_CACHE", "RAY_AUTH_MODE", "RAY_AUTH_TOKEN"),
}


def test_no_placeholder_is_left():
    for name, page in PAGES.items():
        if name in (
            "ARCHITECTURE.md",
            "CONTRIBUTING.md",
            "docs/legacy_scripts.md",
            "docs/commands.md",
        ):
            continue
        names = set(re.findall(r"\b[A-Z0-9]+_[A-Z0-9_]+\b", page))
        assert names <= ENVIRONMENT, name


@pytest.mark.parametrize("page", PAGES)
def test_every_command_and_option_shown_exists(page):
    shown = re.findall(r"^ *(?:\$ )?legacy-nets (\w+)((?:.*\\\n)*.*)$", PAGES[page], re.MULTILINE)
    for name, rest in shown:
        if name == "run":  # what follows the script or module is its own
            rest = re.split(r"\S+\.py\b| -m ", rest)[0]
        if name == "launch":  # what follows is another command
            rest = rest.split(" -- ")[0]
        command = main.get_command(click.Context(main), name)
        known = {flag for p in command.params for flag in (*p.opts, *p.secondary_opts)}
        assert set(re.findall(r"(?<!\S)--[a-z0-9-]+", rest)) <= known, (name, rest)


def test_readme_shows_the_three_jobs():
    shown = set(re.findall(r"^legacy-nets (\w+)", README, re.MULTILINE))
    assert shown >= {"run", "upgrade", "describe", "facts", "errata", "inspect", "port"}


@pytest.mark.parametrize("page", PAGES)
def test_every_link_leads_to_a_file(page):
    for target in re.findall(r"\]\(([^)#:]+?)(?:#[^)]*)?\)", PAGES[page]):
        assert (ROOT / page).parent.joinpath(target).exists(), target


def test_troubleshooting_quotes_messages_of_the_code():
    """Each text is in our source or is TensorFlow's own; in alphabetical order."""
    rows = re.findall(r"^\| `(.+?)` \| (.+) \|$", PAGES["docs/troubleshooting.md"], re.MULTILINE)
    texts = [text for text, _ in rows]
    assert len(texts) >= 8
    assert texts == sorted(texts, key=str.lower)
    sources = " ".join(path.read_text() for path in (ROOT / "legacy_nets").rglob("*.py"))
    sources = re.sub(r'"\s*f?"', "", sources)
    for text, cure in rows:
        assert text in sources or cure.startswith("TensorFlow's own: "), text


def test_every_target_is_on_the_page_of_formats():
    from legacy_nets.port.targets import TARGETS

    named = set(re.findall(r"`--to (\w+)`", PAGES["docs/formats.md"]))
    assert named == set(TARGETS)
