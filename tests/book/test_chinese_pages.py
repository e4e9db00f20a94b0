"""The Chinese pages: complete, faithful to the English ones, in the words of the table of terms."""

from __future__ import annotations

import collections
import re
import subprocess
import sys
from pathlib import Path

import pytest
from markdown_it import MarkdownIt

pofile = pytest.importorskip("babel.messages.pofile")

DOCS = Path(__file__).parents[2] / "docs"
CATALOGS = {path.stem: path for path in sorted((DOCS / "locale").rglob("*.po"))}
NUMBER = re.compile(r"\d[\d,.x^]*\d|\d")


def read_texts(path):
    """The English texts of a .po or .pot file with their translations."""
    with path.open("rb") as file:
        catalog = pofile.read_po(file)
    return {message.id: message for message in catalog if message.id}, catalog.obsolete


def list_marks(text):
    """What a translation keeps: code, targets of links, numbers, and how much is emphasised."""
    tokens = MarkdownIt().parseInline(text)[0].children
    plain = " ".join(token.content for token in tokens if token.type == "text")
    return {
        "code": collections.Counter(t.content for t in tokens if t.type == "code_inline"),
        "links": collections.Counter(t.attrs["href"] for t in tokens if t.type == "link_open"),
        "numbers": set(NUMBER.findall(plain)),
        "bold": sum(token.type == "strong_open" for token in tokens),
        "italic": sum(token.type == "em_open" for token in tokens),
    }


def read_banned_words():
    """The words of the third column of the table of terms."""
    rows = re.findall(r"^\| .*", (DOCS / "terms.md").read_text("utf-8"), re.MULTILINE)
    cells = [row.split("|")[3].strip() for row in rows if re.search("[\u4e00-\u9fff]", row)]
    return {word for cell in cells for word in cell.split("、") if word}


def test_the_pages_are_there():
    pages = {"documents", "tensorflow1", "start", "run", "port", "train", "learn", "formats"}
    assert pages | {"index", "nets", "shell", "troubleshooting", "playgrounds"} <= set(CATALOGS)


@pytest.mark.parametrize("name", CATALOGS)
def test_every_text_is_translated(name):
    texts, obsolete = read_texts(CATALOGS[name])
    assert texts
    assert [text for text, message in texts.items() if not message.string] == []
    assert [text for text, message in texts.items() if message.fuzzy] == []
    assert list(obsolete) == []


@pytest.mark.parametrize("name", CATALOGS)
def test_no_text_has_two_translations(name):
    entries = re.findall(r"^msgid ", CATALOGS[name].read_text(encoding="utf-8"), re.MULTILINE)
    assert len(entries) == len(read_texts(CATALOGS[name])[0]) + 1  # the header


@pytest.mark.parametrize("name", CATALOGS)
def test_code_links_numbers_and_emphasis_are_those_of_the_english_text(name):
    texts, _ = read_texts(CATALOGS[name])
    different = [
        (kind, english, message.string)
        for english, message in texts.items()
        for kind, marks in list_marks(english).items()
        if list_marks(message.string)[kind] != marks
    ]
    assert different == []


@pytest.mark.parametrize("name", CATALOGS)
def test_the_texts_use_the_words_of_the_table_of_terms(name):
    banned = read_banned_words()
    assert {"快捷连接", "批标准化", "占位节点"} <= banned
    texts, _ = read_texts(CATALOGS[name])
    used = [(w, m.string) for m in texts.values() for w in banned if w in m.string]
    assert used == []


@pytest.mark.slow
def test_the_catalogs_have_the_texts_of_the_pages(tmp_path):
    pytest.importorskip("sphinx")
    command = [sys.executable, "-m", "sphinx", "-q", "-b", "gettext", "-t", "po"]
    command += ["-d", str(tmp_path / "doctrees"), str(DOCS), str(tmp_path / "gettext")]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    fresh = {path.stem: set(read_texts(path)[0]) for path in (tmp_path / "gettext").glob("*.pot")}
    kept = {name: set(read_texts(path)[0]) for name, path in CATALOGS.items()}
    assert kept == fresh, "make docs-po renews them"
