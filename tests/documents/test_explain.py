"""``legacy-nets explain``: sections, their rows, figures, refusals in one line."""

from __future__ import annotations

import collections
import json
import sys

import numpy as np
import pytest
from click.testing import CliRunner
from PIL import Image

import legacy_nets
from legacy_nets import documents
from legacy_nets import tf1 as tf
from legacy_nets.cli import main
from legacy_nets.documents import blocks, catalogue, figures
from legacy_nets.documents.checks import common
from legacy_nets.documents.explain import walk
from legacy_nets.errors import BadInputError

NETS = ["inception_v3", "cnn_lstm_resnet", "demo_cnn"]


@pytest.mark.parametrize("net", NETS)
def test_each_layer_fact_and_erratum_stands_at_one_place(net):
    sections = walk(net)
    layers = [layer for section in sections for layer in section.layers]
    assert layers == list(common.analyze_net(net).layers)  # in order, none twice
    for rows, of_the_net in (
        ([row for section in sections for row in section.facts], documents.facts(net)),
        ([row for section in sections for row in section.errata], documents.errata(net)),
    ):
        ids = collections.Counter(row.id for row in rows)
        assert ids == collections.Counter(row.id for row in of_the_net)
    assert [section.title for section in sections].index("") == len(sections) - 1


def test_places_of_inception_v3_are_its_end_points():
    sections = {section.title: section for section in walk("inception_v3")}
    assert list(sections)[:8] == [
        *("Conv2d_1a_3x3", "Conv2d_2a_3x3", "Conv2d_2b_3x3", "MaxPool_3a_3x3"),
        *("Conv2d_3b_1x1", "Conv2d_4a_3x3", "MaxPool_5a_3x3", "Mixed_5b"),
    ]
    assert list(sections)[-4:-1] == ["AuxLogits", "AvgPool_1a, PreLogits", "Logits, Predictions"]
    mixed = sections["Mixed_6c"]
    assert len(mixed.layers) == 12
    assert mixed.layers[-1].output == (None, 17, 17, 768)
    assert [fact.id for fact in mixed.facts] == ["002-F30"]
    assert [row.id for row in mixed.errata] == ["002-E05"]
    assert "002-E13" in [row.id for row in sections[""].errata]


def test_one_place_by_an_end_point_or_a_scope():
    (section,) = walk("inception_v3", "PreLogits")
    assert section.title == "AvgPool_1a, PreLogits"
    assert [section.title for section in walk("inception_v3", "AuxLogits")] == ["AuxLogits"]
    with pytest.raises(BadInputError) as error:
        walk("inception_v3", "Mixed_6f")
    assert str(error.value).startswith("inception_v3 has no section 'Mixed_6f'; nearest: Mixed_6e")
    assert "\n" not in str(error.value)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("net", "titles"),
    [
        ("resnet101", ["conv1", "pool1", "block1", "block2", "block3", "block4"]),
        ("resnext101_32x4d", ["conv1", "pool1", "block1", "block2", "block3", "block4"]),
        ("resnet_v2_101", ["conv1", "block1", "block2", "block3", "block4"]),
    ],
)
def test_a_deep_net_has_a_section_for_each_stage(net, titles):
    assert [section.title for section in walk(net)][: len(titles)] == titles


@pytest.mark.parametrize(
    ("net", "title", "layers"),
    [
        ("mobilenet_v2", "block_1", ["block_1_expand", "block_1_depthwise", "block_1_project"]),
        ("mobilenet_v2", "block_16", ["block_16_expand", "block_16_depthwise", "block_16_project"]),
        ("mobilenet_v2", "Conv_1", ["Conv_1"]),
    ],
)
def test_a_block_that_ends_in_a_batch_norm_ends_there(net, title, layers):
    section = next(section for section in walk(net) if section.title == title)
    assert [layer.name for layer in section.layers] == layers


@pytest.mark.slow
def test_inner_end_points_of_a_deep_net_are_left_out():
    titles = [section.title for section in walk("resnet_v2_50")]
    assert titles[0] == "conv1"
    units = [title for title in titles if "/unit_" in title]
    assert len(units) == 16  # one a unit, none for the convolutions inside
    assert units[0] == "block1/unit_1/bottleneck_v2"
    assert units[2] == "block1/unit_3/bottleneck_v2, block1"


def explain(*arguments):
    return CliRunner().invoke(main, ["explain", *map(str, arguments)])


def test_page_of_one_place():
    done = explain("inception_v3", "--at", "Mixed_6c", "--facts")
    assert done.exit_code == 0, done.stderr
    lines = done.stdout.splitlines()
    (block,) = blocks.find_blocks("inception_v3", ["Mixed_6c"])
    assert lines[1].startswith("Mixed_6c ---")
    assert lines[2] == f"{block.title}  {blocks.locate(block, 'inception_v3')}"
    layers = next(i for i, line in enumerate(lines) if line.startswith("Mixed_6c/"))
    assert " ".join(" ".join(lines[3:layers]).split()) == block.text
    assert lines[layers].split() == [
        *("Mixed_6c/Branch_0/Conv2d_0a_1x1", "convolution", "1x1", "/", "1x1", "SAME"),
        *("(?,", "17,", "17,", "192)", "148,032", "receptive", "field"),
        lines[layers].split()[-1],
    ]
    assert "confirmed 002-F30 l.123 comment: map of Mixed_6c: 17x17x768" in done.stdout
    assert "fixed     002-E05 l.127 Mixed_6c ranch_0: No error" in done.stdout
    assert "[measured: 147648]" in " ".join(done.stdout.split())


def test_page_of_a_net_begins_with_its_record_and_ends_with_what_more_there_is():
    done = explain("demo_cnn")
    assert done.exit_code == 0, done.stderr
    lines = done.stdout.splitlines()
    assert lines[0] == (
        "demo_cnn: document 004 (zoo of image classifiers), images 28x28x1 "
        "(unit preprocessing), 10 classes, 2,770,634 parameters"
    )
    facts, errata = len(documents.facts("demo_cnn")), len(documents.errata("demo_cnn"))
    assert lines[-1] == (
        f"document 004 (zoo of image classifiers) has {facts} facts and {errata} errata here: "
        "--facts"
    )
    assert "confirmed" not in done.stdout
    assert "complete net" not in done.stdout
    assert "parameters of conv2d: 3·3·1·32 + 32 = 320: kernel 288; bias 32" in lines


def test_a_text_is_printed_once_and_then_named():
    page = " ".join(explain("vgg11").stdout.split())
    (block,) = blocks.find_blocks("vgg11", ["conv1"])
    assert page.count(block.text) == 1
    assert page.count(f"{block.title}: see conv1") == 7  # of eight convolutions


def test_what_needs_a_missing_data_set_is_said_once_at_the_end(monkeypatch, tmp_path):
    monkeypatch.setenv("LEGACY_NETS_SIGNS", str(tmp_path))
    done = explain("hand_signs", "--facts")
    assert done.exit_code == 0, done.stderr
    assert "complete net ---" in done.stdout
    checked, _, rest = done.stdout.partition("\nnot checkable here ---")
    assert "not checkable here" not in checked
    assert "not available here" not in checked
    assert rest.count("document 001's photographs are not available here") == 1
    ids = [word for word in rest.split() if word.startswith("001-F")]
    assert ids[:5] == ["001-F01", "001-F02", "001-F11", "001-F03", "001-F04"]
    assert not set(ids) & {word for word in checked.split() if word.startswith("001-F")}


def test_json_has_what_the_page_has():
    done = explain("demo_cnn", "--json")
    found = json.loads(done.stdout)
    titles = [section["title"] for section in found["sections"]]
    assert titles == ["conv1, flatten", "dense1", "logits, predictions", ""]
    first = found["sections"][0]
    assert [block["title"] for block in first["blocks"]] == ["3x3 convolution", "flatten"]
    assert first["blocks"][0]["source"].startswith("legacy_nets/nets/demo_cnn.py:")
    assert first["parameters"][0]["formula"] == "3·3·1·32 + 32 = 320"
    assert [layer["name"] for layer in first["layers"]] == ["images", "my_model/conv2d"]
    assert "facts" not in first
    found = json.loads(explain("demo_cnn", "--json", "--facts").stdout)
    rows = [row for section in found["sections"] for row in section["facts"]]
    assert sorted(row["id"] for row in rows) == sorted(f.id for f in documents.facts("demo_cnn"))
    assert {row["verdict"] for row in rows} <= set(catalogue.VERDICTS)
    assert found["sections"][-1]["errata"][0]["document"] == "004"


@pytest.fixture(scope="module")
def drawn(tmp_path_factory):
    pytest.importorskip("igraph")
    folder = tmp_path_factory.mktemp("figures") / "of" / "demo"
    return folder, figures.draw("demo_cnn", folder)


def test_figures_of_a_net(drawn):
    folder, found = drawn
    names = ["graph.png", "feature_maps.png", "kernels.png", "receptive_field.png"]
    assert [path.name for path in found.paths] == names
    assert sorted(path.name for path in folder.iterdir()) == sorted(names)
    for path in found.paths:
        with Image.open(path) as figure:
            assert min(figure.size) > 100
            assert len(set(np.asarray(figure.convert("L")).flat)) > 10  # something is drawn
    assert found.notes == (
        "initial weights, seed 0: the net is not trained (--checkpoint)",
        "the picture is synthetic (--image)",
    )


def test_another_image_gives_other_maps_and_the_same_kernels(drawn, tmp_path):
    folder, _ = drawn
    photo = tmp_path / "photo.png"
    Image.fromarray(np.arange(40 * 50 * 3, dtype=np.uint8).reshape(40, 50, 3)).save(photo)
    found = figures.draw("demo_cnn", tmp_path / "figures", photo, ("conv1",))
    assert found.notes == ("initial weights, seed 0: the net is not trained (--checkpoint)",)
    same = {
        path.name: path.read_bytes() == (folder / path.name).read_bytes() for path in found.paths
    }
    assert same == {
        "graph.png": True,
        "feature_maps.png": False,
        "kernels.png": True,
        "receptive_field.png": False,
    }


def test_the_graph_is_left_out_where_igraph_is_missing(monkeypatch, tmp_path):
    monkeypatch.setitem(sys.modules, "igraph", None)
    found = figures.draw("demo_cnn", tmp_path)
    assert found.paths[0].name == "feature_maps.png"
    assert (
        "the graph is not drawn: it needs igraph: pip install 'legacy-nets[figures]'" in found.notes
    )


def test_attention_between_patches_is_found():
    with tf.Graph().as_default():
        for tokens, scope in ((10, "a"), (7, "no_square"), (17, "b"), (2, "one_patch")):
            with tf.name_scope(scope):
                tf.nn.softmax(tf.placeholder(tf.float32, [None, 2, tokens, tokens]))
        with tf.name_scope("classes"):
            logits = tf.nn.softmax(tf.placeholder(tf.float32, [None, 10]))
        assert list(figures.find_attention(logits)) == ["a", "b"]
    weights = np.arange(2 * 5 * 5).reshape(2, 5, 5)
    np.testing.assert_array_equal(
        figures.cut_class_token(weights), [[[1, 2], [3, 4]], [[26, 27], [28, 29]]]
    )


def test_the_graph_is_an_svg_where_asked(monkeypatch, tmp_path):
    pytest.importorskip("igraph")
    monkeypatch.setattr(
        figures, "_compute_values", lambda *_: figures._Values({}, None, "", {}, {})
    )
    found = figures.draw("demo_cnn", tmp_path, as_svg=True)
    assert [path.name for path in found.paths] == ["graph.svg"]
    text = (tmp_path / "graph.svg").read_text("utf-8")
    assert text.startswith("<svg ") and 'data-level="layers"' in text
    figures.draw("demo_cnn", tmp_path, level="layers")
    layers = (tmp_path / "graph.png").read_bytes()
    figures.draw("demo_cnn", tmp_path)
    assert (tmp_path / "graph.png").read_bytes() == layers  # few layers: all are shown
    figures.draw("demo_cnn", tmp_path, level="stages")
    assert (tmp_path / "graph.png").read_bytes() != layers


@pytest.mark.slow
def test_weights_of_a_checkpoint_are_drawn(drawn, tmp_path):
    folder, _ = drawn
    with tf.Graph().as_default(), tf.Session() as session:
        legacy_nets.build("demo_cnn", tf.placeholder(tf.float32, [None, 28, 28, 1]))
        session.run([v.assign(tf.zeros_like(v)) for v in tf.global_variables()])
        path = tf.train.Saver().save(session, str(tmp_path / "zeros.ckpt"))
    done = explain("demo_cnn", "--at", "conv1", "--figure", tmp_path, "--checkpoint", path)
    assert done.exit_code == 0, done.stderr
    assert "initial weights" not in done.stdout
    assert f"wrote {tmp_path / 'kernels.png'}" in done.stdout.splitlines()
    assert (tmp_path / "kernels.png").read_bytes() != (folder / "kernels.png").read_bytes()


@pytest.mark.slow
def test_a_net_of_clips_has_maps_and_no_plane_field(tmp_path):
    pytest.importorskip("igraph")
    found = figures.draw("resnet_2plus1d", tmp_path)
    assert [path.name for path in found.paths] == ["graph.png", "feature_maps.png", "kernels.png"]
    assert found.notes[-1].startswith("no receptive field")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("inception_v4",), "no net is called 'inception_v4'; nearest: inception_v3"),
        (("demo_cnn", "--at", "conv9"), "demo_cnn has no section 'conv9'; nearest: conv1"),
        (
            ("demo_cnn", "--image", "x.png"),
            "--image, --end-point, --checkpoint, --level and --svg are for figures: add --figure",
        ),
        (
            ("demo_cnn", "--figure", "new", "--svg", "--level", "layers"),
            "--level and --svg exclude each other: the SVG has both levels",
        ),
        (("demo_cnn", "--figure", __file__), "that is a file: name a folder"),
        (("demo_cnn", "--figure", "x", "--json"), "--figure and --json exclude each other"),
    ],
)
def test_refusals(arguments, message):
    done = explain(*arguments)
    assert done.exit_code == 2
    assert done.stdout == ""
    assert done.stderr.count("\n") == 1
    assert message in done.stderr


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"image": "none.png"}, "no such image: none.png"),
        (
            {"end_points": ("conv2",)},
            "has no map called 'conv2' among its end points; nearest: conv1",
        ),
        ({"checkpoint": "none.ckpt"}, "none.ckpt"),
    ],
)
def test_figures_are_refused_before_any_is_written(options, message, tmp_path):
    with pytest.raises(ValueError, match=message.replace("(", r"\(")):
        figures.draw("demo_cnn", tmp_path / "figures", **options)
    assert not (tmp_path / "figures").exists()
