"""The chapters of the documents: their cells run, and what they print is what the text says."""

from __future__ import annotations

import contextlib
import functools
import io
import re
from pathlib import Path

import pytest

from legacy_nets import anatomy, registry

CHAPTERS = Path(__file__).parents[2] / "docs" / "documents"
NUMBERS = [document.number for document in registry.list_documents()]
CELL = re.compile(
    r"^```\{code-cell\} python3\n(?P<options>(?::[^\n]*\n)*)\n?(?P<code>.*?)^```", re.M | re.S
)
QUESTION = re.compile(r"^\*\*(?P<number>\d+)\. ", re.M)

ANSWERS = {  # what the cell of each exercise prints
    "000": [
        "1536·2048 + 2048 = 3,147,776",
        "[16, 32, 48, 64]",
        "(768, 2048)",
        "144 channels: 110592 = 110592",
        "resnet_3d 2\nresnet_2plus1d 16\nresnet_3d_2plus1d 2",
        "16",
        "residual_block adds its input (1 channels) to 32 filters: give it as many filters as "
        "channels",
    ],
    "001": [
        "9,536 of 9,664",
        "71,168 and 1,181,696: 16.6 times as many",
        "16",
        "[61, 62, 63, 64]",
        "483",
        "map 3x3, after the window 2x2",
        "0.362",
    ],
    "002": [
        "[299, 149, 147, 147, 73, 73, 71, 35]",
        "InceptionV3/Mixed_6a/Branch_0/Conv2d_1a_1x1 (3, 3)\n"
        "InceptionV3/Mixed_6a/Branch_1/Conv2d_1a_1x1 (3, 3)",
        "3,325,800 of 27,143,152: 12.3%",
        "2818 = 2818",
        "['InceptionV3/AuxLogits/Conv2d_2a_3x3']",
        "131,072,000 weights in place of 2,048,000",
        "Mixed_6a 384 + 96 + 288 = 768\nMixed_6b 192 + 192 + 192 + 192 = 768\n"
        "Mixed_7a 320 + 192 + 768 = 1280\nMixed_7b 320 + 768 + 768 + 192 = 2048",
    ],
    "003": [
        "in the graph: 50\n"
        + "\n".join(f"3 a unit, and root and logits: {n}" for n in (50, 101, 152, 200)),
        "block1/unit_1/bottleneck_v2/shortcut convolution (1, 1)\n"
        "block1/unit_3/bottleneck_v2/shortcut max pool (2, 2)\n"
        "block2/unit_1/bottleneck_v2/shortcut convolution (1, 1)\n"
        "block2/unit_4/bottleneck_v2/shortcut max pool (2, 2)\n"
        "block3/unit_1/bottleneck_v2/shortcut convolution (1, 1)\n"
        "block3/unit_6/bottleneck_v2/shortcut max pool (2, 2)\n"
        "block4/unit_1/bottleneck_v2/shortcut convolution (1, 1)",
        "1·1·64·256 + 256 = 16,640",
        "45,440: the moving averages of batch norm",
        "[38, 19, 10, 10]",
        "spatial_squeeze = None (None, 1000)\nspatial_squeeze = False (None, 1, 1, 1000)",
        "the same variables: True",
    ],
    "004": [
        "74%",
        "8.92 times cheaper",
        "[197, 577, 50]",
        "153,600 weights in place of 15,872",
        "0.666",
        "1.609",
        "13",
        "convolution 4%, depthwise convolution 7%, 1x1 89%, dense 0%",
    ],
}
CELLS = {  # what the text around other cells relies on: a line that one of them prints
    "000": [
        "rows for 16 images: 9",
        "rows that image 3 changes: [1 2]",
        "maps for 16 images: 4",
        "maps that image 3 changes: [0]",
        "Variable rnn/multi_rnn_cell/cell_0/lstm_cell/kernel already exists, disallowed",
        "(2+1)D block: 213376",
        "(None, 16, 56, 56, 64)",
        "['1.4076', '1.4076']",
    ],
    "001": [
        "batch norm: 4·64 = 256, of which 128 are trained",
        "centres with SAME: [1. 3. 5.]",
        "centres, padded by hand: [0. 2. 4.]",
        "zeros with keep_prob=0.8: 0.2, with rate=0.8: 0.8",
        "confidence twice: 0.3521",
        "least loss that is possible: 1.0436",
        "0.182 of the way",
    ],
    "002": [
        "Variable net/Conv2d_4a_3x3/weights does not exist",
        "variables created: 2",
        "3·3·3·32 + 3·32 = 960",
        "['conv/weights', 'conv/biases']",
        "Mixed_5b 64 + 64 + 96 + 32 = 256",
        "Branch_0/weights   has NO gradient",
        "Branch_1/weights   has a gradient",
        "zeros by default: 0.2, with is_training=False: 0.0",
    ],
    "003": [
        "version 2: [-2. -1.  0.  3.]",
        "SAME:        [1. 3. 5. 7.]",
        "conv2d_same: [0. 2. 4. 6.]",
        "without resnet_arg_scope: 11 variables",
        "with resnet_arg_scope: 18 variables",
        "[1.0, 3.0] -> by default -1.0, with is_training=False 1.0",
        "output_stride 8 -> sides after the blocks: [28, 28, 28, 28]",
    ],
    "004": [
        "0.905",
        "55 and without the zeros 54.25 -> 54",
        "['aux_1', 'aux_2']",
        "training=True ['-1.0', '1.0']",
        "training=False ['2.0', '4.0']",
        "resnext50_32x4d: widths [128, 128, 256], 72,192 parameters",
        "(None, 196, 768)",
        "width 0.5, 224 pixels: 149 million multiply-adds",
        "DropPath: [[2, 2, 2], [0, 0, 0], [0, 0, 0], [2, 2, 2]]",
        "pool1: 6 pixels by hand, 6 in the graph",
        "pool5: 212 pixels by hand, 212 in the graph",
        "[[2, 2], [2, 2]] -> [2, 4]",
        "layer norm: 6 means, one a token",
        "batch norm: 4 means, one a channel",
        "group norm: 4 means, one a picture and group",
    ],
}


def read(number):
    return (CHAPTERS / f"{number}.md").read_text("utf-8")


def run_cells(number):
    """[(whether the cell is an answer, what it prints)]."""
    names, done = {}, []
    for cell in CELL.finditer(read(number)):
        printed = io.StringIO()
        with contextlib.redirect_stdout(printed):
            exec(compile(cell["code"], f"{number}.md", "exec"), names)
        done.append(("hide-cell" in cell["options"], printed.getvalue().strip()))
    return done


@pytest.fixture
def builds_once(monkeypatch):
    """Cells that ask for the same net with the same options get the same one."""
    for name in ("analyze_net", "build_net"):
        monkeypatch.setattr(anatomy, name, functools.cache(getattr(anatomy, name)))


@pytest.mark.slow
@pytest.mark.usefixtures("builds_once")
@pytest.mark.parametrize("number", NUMBERS)
def test_cells_print_what_the_text_says(number):
    done = run_cells(number)
    assert [printed for is_answer, printed in done if is_answer] == ANSWERS[number]
    lines = [line for is_answer, text in done if not is_answer for line in text.splitlines()]
    assert [line for line in CELLS[number] if line not in lines] == []


@pytest.mark.parametrize("number", NUMBERS)
def test_every_exercise_has_an_answer(number):
    exercises = read(number).split("\n## Exercises\n")[1]
    questions = [int(question["number"]) for question in QUESTION.finditer(exercises)]
    assert questions == list(range(1, len(ANSWERS[number]) + 1))
    assert 5 <= len(questions) <= 8
    for part in QUESTION.split(exercises)[2::2]:
        assert part.count("```{code-cell}") == 1
        assert ":tags: [hide-cell]" in part


@pytest.mark.parametrize("number", NUMBERS)
def test_every_fact_and_erratum_of_a_document_is_in_its_chapter(number):
    """The last directive ``rows`` shows those that no other has shown."""
    assert read(number).count(f"```{{rows}} {number}\n```") == 1


def test_every_net_is_in_the_chapter_of_its_document_or_is_a_size_of_one():
    families = {}
    for number in NUMBERS:
        shown = re.findall(r"```\{blocks\} (\S+)", read(number))
        for name in shown:
            assert registry.get_net(name).document == number
        families[number] = {registry.get_net(name).module for name in shown}
    for name in registry.list_nets():
        net = registry.get_net(name)
        assert net.module in families[net.document]
