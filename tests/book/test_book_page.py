"""The page of ``legacy-nets book``: complete, in one file, and safe with a reader's texts."""

from __future__ import annotations

import collections
import re
from html import unescape

import pytest
from commands import call, refused
from PIL import Image

from legacy_nets import documents
from legacy_nets.anatomy import graph_drawing
from legacy_nets.book import html, page, tables
from legacy_nets.documents import blocks, explain
from legacy_nets.language import use_language

MAX_BYTES = 2_000_000
STRANGE = "<b>a&\"'</b>"


def write(selector, **own):
    return page.write_page(selector, page.Own(**own))


@pytest.fixture(scope="module")
def demo():
    return write("demo_cnn")


def check_links(text):
    """Every link within the page has its place, and each place is there once."""
    ids = collections.Counter(re.findall(r'\bid="([^"]+)"', text))
    assert [name for name, count in ids.items() if count > 1] == []
    links = {unescape(link) for link in re.findall(r'href="#([^"]+)"', text)}
    assert links - ids.keys() == set()


@pytest.mark.parametrize(
    "selector",
    [
        "demo_cnn",
        pytest.param("001", marks=pytest.mark.slow),
        pytest.param("resnet_2plus1d", marks=pytest.mark.slow),
        pytest.param("004", marks=pytest.mark.rare),
    ],
)
def test_a_page_is_complete_and_needs_no_other_file(selector):
    text = write(selector)
    check_links(text)
    assert re.findall(r'<(?:link|iframe|object)\b|\bsrc="(?!data:)|@import|url\((?!#)', text) == []
    assert len(text.encode()) < MAX_BYTES
    for row in (*documents.facts(selector), *documents.errata(selector)):
        assert text.count(f'id="row-{row.id.lower()}"') == 1, row.id
    shown = unescape(re.sub(r"<[^>]+>", "", text))
    nets = page._select_nets(selector) if selector.isdigit() else [selector]
    sections = [section for net in nets for section in explain.walk(net)]
    blocks = {block.id: block.text for section in sections for block in section.blocks}
    for identifier, text in blocks.items():  # some blocks share a text; no block is shown twice
        assert shown.count(text) == list(blocks.values()).count(text), identifier


def test_a_layer_links_to_its_line_and_the_line_back(demo):
    link = re.search(r'<tr id="([^"]+)"><td><a href="#([^"]+)">my_model/conv2d</a>', demo)
    row, line = link.groups()
    number = int(line.rpartition("-")[2])
    lines = (blocks.PACKAGE / "nets" / "demo_cnn.py").read_text("utf-8").splitlines()
    assert line == f"source-nets-demo_cnn-{number}" and "layers.conv2d(images" in lines[number - 1]
    row_of_line = demo[demo.index(f'id="{line}"') :].partition("\n</span>")[0]
    assert f'href="#{row}">my_model/conv2d</a>' in row_of_line


def test_a_line_that_builds_many_layers_names_the_first():
    layers = {1: {f"layer-{i}": f"conv_{i}" for i in range(5)}}
    text = html.write_source("legacy_nets/nets/a.py", ["x = f(x)", "y"], layers)
    assert text.count('<a href="#layer-') == html.MAX_BACK_LINKS
    assert "conv_0</a> " in text and "and 2 more" in text


def test_the_nets_of_a_document_have_blocks_that_those_before_lack():
    assert page._select_nets("003") == ["resnet_v2_50"]
    assert page._select_nets("001") == ["hand_signs"]
    selected = page._select_nets("004")
    assert {"mobilenet_v1", "mobilenet_v2", "googlenet", "vit_base_patch16_224_in21k"} <= set(
        selected
    )
    assert "vgg19" not in selected and "resnet152" not in selected


ELEMENTS = {
    "text": html.write_text(STRANGE),
    "fold": html.write_fold(STRANGE, ""),
    "link": html.write_link(STRANGE, STRANGE),
    "cell": html.write_table(tables.Table((STRANGE,), ((STRANGE,),))),
    "address": html.write_table(tables.Table(("a",), (('https://a/"onclick="b',),))),
    "code": html.write_source("legacy_nets/a.py", [STRANGE], {}),
    "layer": html.write_source("legacy_nets/a.py", [""], {1: {"a": STRANGE}}),
    "title": html.write_page(STRANGE, "").partition("<style>")[0],
}


@pytest.mark.parametrize("element", list(ELEMENTS))
def test_texts_are_escaped(element):
    text = ELEMENTS[element]
    assert "<b>a" not in text and 'a&"' not in text and '"onclick' not in text
    assert "&quot;" in text


def test_a_readers_picture_is_drawn_and_its_name_escaped(tmp_path):
    path = tmp_path / "<i>my & photo.png"
    Image.new("L", (40, 40), 200).save(path)
    done = call("book", "demo_cnn", "--out", tmp_path / "pages", "--image", path)
    assert done.exit_code == 0, done.output
    assert done.stdout == f"wrote {tmp_path / 'pages' / 'demo_cnn.html'}\n"
    text = (tmp_path / "pages" / "demo_cnn.html").read_text("utf-8")
    assert "&lt;i&gt;my &amp; photo" in text and "<i>my" not in text
    assert str(tmp_path) not in text  # folders are no business of those who get the page
    assert text.count('src="data:image/png;base64,') == 3  # maps, kernels, a receptive field
    assert "initial weights, seed 0" in text
    assert len(text.encode()) < MAX_BYTES


def test_the_graph_is_drawn_once(monkeypatch, tmp_path):
    drawn = []
    make_graph = graph_drawing.make_layer_graph_of_net
    monkeypatch.setattr(
        graph_drawing,
        "make_layer_graph_of_net",
        lambda net, *arguments, **options: (
            drawn.append(net) or make_graph(net, *arguments, **options)
        ),
    )
    path = tmp_path / "photo.png"
    Image.new("L", (40, 40), 200).save(path)
    assert write("demo_cnn", image=str(path)).count("<svg ") == 1
    assert drawn == ["demo_cnn"]


def test_explain_writes_the_same_page(tmp_path, demo):
    done = call("explain", "demo_cnn", "--html", tmp_path / "net.html")
    assert done.exit_code == 0, done.output
    assert (tmp_path / "net.html").read_text("utf-8") == demo


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["book", "demo_cn", "--out", "pages"], "nearest: demo_cnn"),
        (["book", "009", "--out", "pages"], "no net is called '009'"),
        (["book", "004", "--out", "pages", "--image", "a.png"], "document 004 has several nets"),
        (["book", "demo_cnn", "--out", "pages", "--image", "a.png"], "no such image: a.png"),
        (["book", "demo_cnn", "--out", "file"], "--out file: that is a file: name a folder"),
        (["book", "demo_cnn", "--out", "pages", "--checkpoint", "none"], "none"),
        (["explain", "demo_cnn", "--html", "a.html", "--facts"], "--html takes only --image"),
        (["explain", "demo_cnn", "--html", "."], ". is a folder: name a file"),
        (["explain", "demo_cnn", "--html", "a.html", "--json"], "--html takes only --image"),
    ],
)
def test_misuse_is_one_line_and_writes_nothing(tmp_path, monkeypatch, arguments, message):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "file").touch()
    assert message in refused(*arguments)
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


@pytest.mark.parametrize("selector", ["demo_cnn", pytest.param("001", marks=pytest.mark.rare)])
def test_a_page_in_chinese_has_no_english_sentence(selector):
    with use_language("zh"):
        text = write(selector)
    check_links(text)
    assert text.startswith('<!DOCTYPE html>\n<html lang="zh">')
    shown = re.sub(r"<(style|script|pre).*?</\1>|<title>layer.*?</title>", "", text, flags=re.S)
    texts = {unescape(part).strip() for part in re.split(r"<[^>]+>", shown)}
    texts |= {unescape(name) for name in re.findall(r'(?:aria-label|alt)="([^"]*)"', shown)}
    assert {"显示各阶段", "源代码", "网络"} <= texts
    sentences = {t for t in texts if re.search(r"[a-z]{3,} [a-z]{2,} [a-z]{2,}", t)}
    english = [t for t in sentences if not re.search("[\u4e00-\u9fff]", t)]
    assert [t for t in english if "Error: " not in t] == []  # what Python says of literal code
    assert "The " not in " ".join(texts)
