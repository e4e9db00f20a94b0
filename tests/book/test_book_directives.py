"""The directives of the site, each built by Sphinx on a small page."""

from __future__ import annotations

import html
import re
import sys
from pathlib import Path

import pytest

pytest.importorskip("sphinx", reason="needs the extra [docs]: make test-docs")
pytest.importorskip("myst_nb", reason="needs the extra [docs]: make test-docs")

from legacy_nets import documents
from legacy_nets.documents import blocks

EXTENSIONS = Path(__file__).parents[2] / "docs" / "_ext"
OWN = ("book_directives", "block_directives")


@pytest.fixture
def build(tmp_path, monkeypatch):
    """Builds pages (name -> Markdown) and returns the text of the warnings."""
    from sphinx.testing.util import SphinxTestApp

    monkeypatch.syspath_prepend(str(EXTENSIONS))

    def build_pages(**pages):
        source = tmp_path / "source"
        source.mkdir()
        (source / "conf.py").write_text(
            f"extensions = {['myst_nb', 'sphinx_design', *OWN]}\nsmartquotes = False\n",
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
            for name in OWN:
                sys.modules.pop(name, None)

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
        ("```{blocks} hand_signs\n:at: res9?\n```", "hand_signs has no section res9?"),
        ("```{rows} 001\n:lines: 9-x\n```", ":lines: 9-x: write a line or a range"),
        ("```{rows} 001\n:lines: 9999\n```", "001 has nothing more in lines 9999"),
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


ROWS = "\n\n```{facts} 001\n:anchors:\n```\n\n```{errata} 001\n:anchors:\n```\n"


def test_a_block_has_its_text_its_source_and_its_layers_linked_to_the_source(build):
    folder, warnings = build(index="# Page\n\n```{blocks} hand_signs\n:at: res?a\n```" + ROWS)
    assert warnings == ""
    index, text = (folder / "index.html").read_text("utf-8"), read(folder, "index")
    for block in blocks.find_blocks("hand_signs", ["res2a", "res2a/Variable_3"]):
        assert block.title.capitalize() + "." in text
        before, _, after = block.text.partition("001-E02")
        assert before in text and after.strip(" ).") in text
    source = blocks.locate(blocks.find_blocks("hand_signs", ["res2a"])[0], "hand_signs")
    assert f"Source: convolutional_block, {source}".replace("/", "/ ") in text
    lines = (Path(blocks.PACKAGE).parent / source.path).read_text("utf-8").splitlines()
    link = re.search(
        r'href="#(nets-parts-hand-signs-blocks-(\d+))">reference/<wbr>res2a/<wbr>Add<', index
    )
    assert f'id="{link[1]}"' in index
    assert "tf.nn.relu(add)" in lines[int(link[2]) - 1] or "tf.add(" in lines[int(link[2]) - 1]
    assert "Parameters of reference/res2a/Variable_3: 1·1·64·256 = 16,384 (kernel 16,384)." in text


def test_a_page_shows_a_row_once_where_it_comes_first(build):
    folder, warnings = build(
        index="# Page\n\n```{blocks} hand_signs\n:at: pool1\n```\n\n"
        "```{rows} 001\n:lines: 222-224\n```\n\n```{rows} 001\n```\n\n```{toctree}\nother\n```\n",
        other="# Other" + ROWS,
    )
    assert warnings == ""
    index = (folder / "index.html").read_text("utf-8")
    folds = [re.findall(r"other.html#row-(001-[ef]\d+)", fold) for fold in index.split("<details")]
    shown = [row_id for fold in folds for row_id in fold]
    rows = [*documents.facts("001"), *documents.errata("001")]
    assert sorted(set(shown)) == sorted(row.id.lower() for row in rows)
    assert "001-f17" in next(fold for fold in folds if fold)  # of the section, not of the lines
    text = read(folder, "index")
    assert "What the document states here (4)" in text
    assert "Where the document errs in lines 222-224 (1)" in text
    assert "What the document states elsewhere" in text


def test_the_graph_of_a_net_is_drawn_in_the_page(build):
    pytest.importorskip("igraph")
    folder, warnings = build(index="# Page\n\n```{graph} demo_cnn\n```\n")
    assert warnings == ""
    page = (folder / "index.html").read_text("utf-8")
    drawing = page[page.index("<svg") : page.index("</svg>")]
    assert 'aria-label="graph of demo_cnn"' in drawing
    assert "conv2d" in drawing and "dense_1" in drawing


def test_layers_and_the_lines_that_build_them_link_to_each_other(build):
    folder, warnings = build(index="# Page\n\n```{layers} demo_cnn\n:source:\n```\n")
    assert warnings == ""
    page = (folder / "index.html").read_text("utf-8")
    lines = (Path(blocks.PACKAGE) / "nets" / "demo_cnn.py").read_text("utf-8").splitlines()
    calls = {
        "conv2d": "layers.conv2d(images",
        "dense": "layers.dense(x",
        "dense_1": "softmax(logits)",
    }
    for name, call in calls.items():
        layer = f"layer-demo_cnn-my_model-{name}"
        row = page[page.index(f'id="{layer}"') :].partition("</tr>")[0]
        line = re.search(r'href="#(source-nets-demo_cnn-(\d+))"', row)
        assert call in lines[int(line[2]) - 1]
        source = page[page.index(f'id="{line[1]}"') :].partition("\n</span>")[0]
        assert f'href="#{layer}">my_model/{name}</a>' in source
