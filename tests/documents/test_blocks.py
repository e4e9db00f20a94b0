"""Texts on the blocks: every block of every net has one, and its source is the right function."""

from __future__ import annotations

import functools
import pathlib
import re

import pytest

from legacy_nets import documents, registry
from legacy_nets.documents import blocks, explain
from legacy_nets.errors import BadInputError
from legacy_nets.nets import vgg

ROOT = pathlib.Path(__file__).parents[2]
DEEP = {  # their blocks have the names of smaller nets
    *("vit_large_patch16_224_in21k", "vit_large_patch32_224_in21k", "vit_huge_patch14_224_in21k"),
    *("resnet_v2_152", "resnet_v2_200", "resnet152", "resnext101_32x4d"),
}
NETS = [
    pytest.param(net, marks=pytest.mark.rare) if net in DEEP else net
    for net in registry.list_nets()
]
OPTIONAL = {"auxiliary head"}  # of GoogLeNet: the default builds none

walk = functools.cache(explain.walk)


@pytest.mark.slow
@pytest.mark.parametrize("net", NETS)
def test_every_section_of_a_net_has_a_text(net):
    sections = walk(net)[:-1]
    assert [section.title for section in sections if not section.blocks] == []
    for block in {block for section in sections for block in section.blocks}:
        source = blocks.locate(block, net)
        line = (ROOT / source.path).read_text("utf-8").splitlines()[source.line - 1]
        assert re.match(rf"(def|class) {source.name}\b|@", line.strip())


@pytest.mark.slow
def test_no_text_is_there_for_nothing():
    """Each row is the text of a section of some net, or of an option's."""
    sections = [section for net in registry.list_nets() if net not in DEEP for section in walk(net)]
    used = {block.id for section in sections for block in section.blocks}
    unused = [block for block in blocks.list_blocks() if block.id not in used]
    assert {block.title for block in unused} == OPTIONAL


def test_a_text_is_short_and_names_rows_that_exist():
    ids = {row.id for row in (*documents.facts(), *documents.errata())}
    for block in blocks.list_blocks():
        sentences = re.split(r"(?<=[.!?]) ", block.text)
        assert 1 <= len(sentences) <= 6, block.id
        assert max(len(sentence.split()) for sentence in sentences) <= 28, block.id
        assert set(re.findall(r"\d{3}-[EF]\d+", block.text)) <= ids
        assert block.nets


@pytest.mark.parametrize(
    ("net", "names", "titles"),
    [
        ("hand_signs", ["res3a"], ["convolution block: bottleneck with a projection"]),
        ("hand_signs", ["res5c"], ["identity block: bottleneck with a plain shortcut"]),
        ("hand_signs", ["res3a/Variable_3"], ["projection"]),
        ("resnet101", ["block3/unit_23/conv1"], ["bottleneck unit"]),
        ("resnet101", ["block3/unit_1/shortcut/conv1"], ["projection"]),
        ("resnet_v2_50", ["block2/unit_4/bottleneck_v2/shortcut"], ["shortcut with a stride"]),
        ("googlenet", ["aux_2"], ["auxiliary head"]),
        ("inception_v3", ["Mixed_6a/Branch_0/Conv2d_1a_1x1"], ["a 3x3 kernel called 1x1"]),
        ("inception_v3", ["Mixed_7a/Branch_0/Conv2d_1a_3x3", "no such layer"], []),
        ("vgg16", ["conv1", "conv13"], ["3x3 convolution"]),  # each once
    ],
)
def test_a_text_is_found_by_its_pattern(net, names, titles):
    assert [block.title for block in blocks.find_blocks(net, names)] == titles


def test_the_lines_of_a_function_are_read_from_the_function():
    source = blocks.locate_function(vgg.make_feature)
    lines = (ROOT / "legacy_nets/nets/vgg.py").read_text("utf-8").splitlines()
    assert str(source) == f"legacy_nets/nets/vgg.py:{source.line}"
    assert lines[source.line - 1].startswith("def make_feature(")
    assert lines[source.last_line - 1] == "    return feature"


def test_a_source_that_is_no_function_is_refused_in_one_line():
    block = blocks.Block("009-B01", ("vgg11",), ("conv1",), "nets.vgg.HIDDEN", "title", "text")
    with pytest.raises(BadInputError) as error:
        blocks.locate(block, "vgg11")
    assert str(error.value) == "block 009-B01: nets.vgg.HIDDEN is no function: correct its source"
