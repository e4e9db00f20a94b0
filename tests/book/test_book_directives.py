"""The directives of the site, each built by Sphinx on a small page."""

from __future__ import annotations

import html
import re
import sys
from pathlib import Path

import pytest

pytest.importorskip("sphinx", reason="needs the extra [docs]: make test-docs")
pytest.importorskip("myst_nb", reason="needs the extra [docs]: make test-docs")

EXTENSIONS = Path(__file__).parents[2] / "docs" / "_ext"


@pytest.fixture
def build(tmp_path, monkeypatch):
    """Builds pages (name -> Markdown) and returns the text of the warnings."""
    from sphinx.testing.util import SphinxTestApp

    monkeypatch.syspath_prepend(str(EXTENSIONS))

    def build_pages(**pages):
        source = tmp_path / "source"
        source.mkdir()
        (source / "conf.py").write_text(
            "extensions = ['myst_nb', 'sphinx_design', 'book_directives']\nsmartquotes = False\n",
            "utf-8",
        )
        for name, text in pages.items():
            (source / f"{name}.md").write_text(text, "utf-8")
        app = SphinxTestApp("html", srcdir=source, builddir=tmp_path / "built")
        try:
            app.build()
            return Path(app.outdir), app.warning.getvalue()
        finally:
            app.cleanup()
            sys.modules.pop("book_directives", None)

    return build_pages


def read(folder, name):
    """The text of a page without its tags, blanks joined."""
    page = (folder / f"{name}.html").read_text("utf-8")
    body = page[page.index('<div class="body"') :]
    return " ".join(html.unescape(re.sub(r"<[^>]+>", " ", body)).split())


def test_rows_have_a_place_that_other_pages_link_to(build):
    folder, warnings = build(
        index="# Page\n\n```{facts} 002-F04\n:anchors:\n```\n\n"
        "```{errata} 002-E01\n:anchors:\n```\n\n```{toctree}\nother\n```\n",
        other="# Other\n\nSee {row}`002-F04` and {row}`002-E01`.\n",
    )
    assert warnings == ""
    index = (folder / "index.html").read_text("utf-8")
    assert re.search(r'<tr[^>]* id="row-002-f04"', index)
    assert '<dt id="row-002-e01">' in index
    other = (folder / "other.html").read_text("utf-8")
    assert 'href="index.html#row-002-f04"' in other
    assert 'href="index.html#row-002-e01"' in other
    text = read(folder, "index")
    assert "002-F04 l.10 comment map of Conv2d_1a_3x3 149x149x32 = confirmed" in text
    assert "Original code : SyntaxError: unmatched ')'" in text


def test_rows_without_anchors_link_to_their_place(build):
    folder, warnings = build(
        index="# Page\n\n```{facts} 002\n:anchors:\n```\n\n```{facts} 002\n:ids: 002-F05 002-F04\n"
        ":fold: Two facts\n```\n",
    )
    assert warnings == ""
    index = (folder / "index.html").read_text("utf-8")
    assert index.count('id="row-002-f04"') == 1
    fold = index[index.index("<details") : index.index("</details>")]
    assert "Two facts" in fold
    assert re.findall(r'href="#(row-[^"]+)"', fold) == ["row-002-f05", "row-002-f04"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("```{net} inception_v4\n```", "no net is called 'inception_v4'; nearest: inception_v3"),
        ("```{facts} 009\n```", "no document, net or id is called '009'"),
        ("```{facts} 002\n:ids: 002-F999\n```", "002 has no row 002-F999"),
        ("See {row}`002-F04`.", "undefined label: 'row-002-f04'"),
        ("```{transcript} nets nothing\n```", "no net matches 'nothing'"),
    ],
)
def test_what_is_not_there_is_a_warning(build, text, message):
    _, warnings = build(index=f"# Page\n\n{text}\n")
    assert message in warnings


def test_pitfalls_have_code_and_both_measurements(build):
    folder, warnings = build(index="# Page\n\n```{pitfalls} T01\n:anchors:\n```\n")
    assert warnings == ""
    text = read(folder, "index")
    assert "T01 Batch norm: UPDATE_OPS are not run" in text
    assert "Measured : 0.000; with the fix: 3.257" in text
    assert "def train_with_update_ops ( with_fix : bool )" in text


def test_a_transcript_shows_the_command_and_its_first_lines(build):
    folder, warnings = build(index="# Page\n\n```{transcript} nets vgg1*\n:lines: 4\n```\n")
    assert warnings == ""
    text = read(folder, "index")
    assert "$ legacy-nets nets vgg1* net document input preprocessing" in text
    assert text.count("132,863,336") == 1 and "vgg13" not in text and "..." in text
