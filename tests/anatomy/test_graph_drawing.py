"""Pictures of graphs: their nodes and edges are those of the graph, and nothing overlaps."""

from __future__ import annotations

import dataclasses
import html
import itertools
import json
import re
import shutil
import subprocess
import sys
from collections import Counter
from xml.etree import ElementTree

import pytest
from PIL import Image
from port_cases import SMALL

from legacy_nets import anatomy, registry
from legacy_nets import tf1 as tf
from legacy_nets.anatomy import graph_drawing
from legacy_nets.anatomy.graph_drawing.layout import lay_out, measure_text
from legacy_nets.errors import SetupError

SHAPE_READERS = ("Shape", "ShapeN", "Size", "Rank")
LARGE = re.compile(r"resnet.*(101|152|200)|vit_(large|huge)|resnext101|vit_base_patch16|hybrid")
SVG = "{http://www.w3.org/2000/svg}"


def build(net):
    """Images, logits and end points of a net at the size of the other tests."""
    size, options = SMALL[net]
    return anatomy.build_net(net, size, **options)


def walk_nodes(images, outputs):
    """(name, names of its inputs) of what lies between images and outputs, from the NodeDefs."""
    inputs = {}
    for node in images.graph.as_graph_def().node:
        names = [name.split(":")[0] for name in node.input if not name.startswith("^")]
        inputs[node.name] = [] if node.op in SHAPE_READERS else names
    reads_images = {images.op.name}
    for name, sources in inputs.items():  # in the order of construction
        if reads_images & set(sources):
            reads_images.add(name)
    waiting, wanted = [tensor.op.name for tensor in outputs], set()
    while waiting:
        name = waiting.pop()
        if name in reads_images and name not in wanted:
            wanted.add(name)
            waiting += inputs[name]
    return {name: [source for source in inputs[name] if source in wanted] for name in wanted}


@pytest.mark.slow
@pytest.mark.parametrize(
    "net",
    [
        pytest.param(net, marks=[pytest.mark.rare] * bool(LARGE.search(net)))
        for net in registry.list_nets()
    ],
)
def test_the_edges_of_a_net_are_those_of_its_graph(net):
    images, logits, end_points = build(net)
    outputs = [point for point in end_points.values() if isinstance(point, tf.Tensor)] + [logits]
    graph = graph_drawing.make_layer_graph_of_tensors(images, logits, end_points, net)
    inputs = walk_nodes(images, outputs)
    owners = {}
    for index, node in enumerate(graph.nodes):
        for name in node.operations:
            assert name not in owners, f"{name} is in two boxes"
            owners[name] = index
    assert owners.keys() == inputs.keys()
    reads = [(source, name) for name, sources in inputs.items() for source in sources]
    expected = {(owners[source], owners[name]) for source, name in reads}
    assert set(graph.edges) == {(start, end) for start, end in expected if start != end}
    assert len(graph.edges) == len(set(graph.edges))
    leaving = {(owners[source], source) for source, name in reads if owners[source] != owners[name]}
    assert max(Counter(index for index, _ in leaving).values()) == 1  # an edge is the box's output

    stages = graph_drawing.fold_stages(graph)
    assert [name for node in stages.nodes for name in node.operations] == list(
        itertools.chain.from_iterable(node.operations for node in graph.nodes)
    )
    owners = {name: i for i, node in enumerate(stages.nodes) for name in node.operations}
    expected = {(owners[source], owners[name]) for source, name in reads}
    assert set(stages.edges) == {(start, end) for start, end in expected if start != end}
    assert all(start < end for start, end in stages.edges)
    assert stages.count_steps() == graph.count_steps()


def make_graph(build_outputs, channels=4):
    """The layer graph of what a function makes of images [?, 8, 8, channels]."""
    with tf.Graph().as_default() as graph:
        images = tf.placeholder(tf.float32, [None, 8, 8, channels], name="images")
        outputs = build_outputs(images)
    return graph_drawing.make_layer_graph(graph, [images], outputs)


def list_edges(graph):
    return [(graph.nodes[start].name, graph.nodes[end].name) for start, end in graph.edges]


def list_steps(graph):
    return [[step for step, _ in node.steps] for node in graph.nodes]


def test_steps_are_in_the_order_of_the_graph():
    def net(x):
        x = tf.pad(x, [[0, 0], [1, 1], [1, 1], [0, 0]])
        x = tf.layers.conv2d(x, 6, 3, use_bias=False, name="first")
        x = tf.nn.relu(tf.layers.batch_normalization(x))
        y = tf.layers.batch_normalization(x)  # before the convolution: a layer of its own
        y = tf.layers.conv2d(tf.nn.relu6(y), 6, 1, name="second")
        x = tf.nn.elu(x + y)
        x = tf.layers.dropout(tf.layers.flatten(x), 0.5)
        return [tf.nn.softmax(tf.layers.dense(x, 3, name="head"))]

    graph = make_graph(net)
    assert list_steps(graph) == [
        ["input"],
        ["padding", "convolution", "batch norm", "ReLU"],
        ["batch norm", "ReLU6"],
        ["convolution", "bias"],
        ["add", "ELU"],
        ["flatten", "dropout (off)", "dense", "bias", "softmax"],
    ]
    names = [node.name for node in graph.nodes]
    assert names == ["images", "first", "batch_normalization_1", "second", "add", "head"]
    assert graph.edges == ((0, 1), (1, 2), (1, 4), (2, 3), (3, 4), (4, 5))
    assert graph.nodes[1].window == "3x3 / 1x1 VALID"
    assert graph.nodes[1].parameters == 9 * 4 * 6 + 4 * 6
    assert graph.nodes[-1].output == (None, 3)


@pytest.mark.parametrize(
    ("function", "step"),
    {
        "hard swish": (lambda x: x * tf.nn.relu6(x + 3) / 6, "hard swish"),
        "hard sigmoid": (lambda x: tf.nn.relu6(x + 3) * (1 / 6), "hard sigmoid"),
        "swish": (lambda x: x * tf.sigmoid(x), "swish"),
        "sigmoid": (tf.sigmoid, "sigmoid"),
        "GELU": (lambda x: 0.5 * x * (1 + tf.math.erf(x / 2**0.5)), "GELU"),
        "leaky": (tf.nn.leaky_relu, "leaky ReLU"),
        "other": (tf.abs, "Abs"),
        "dropout": (lambda x: tf.layers.dropout(x, training=True), "dropout"),
    }.values(),
)
def test_activations_are_named(function, step):
    graph = make_graph(lambda x: [function(tf.layers.conv2d(x, 2, 1, use_bias=False))])
    assert list_steps(graph) == [["input"], ["convolution", step]]


def test_a_value_that_two_layers_read_has_two_edges():
    """Split and pad belonged to the first reader: the second seemed to read the first one."""

    def net(x):
        tokens = tf.reshape(tf.layers.conv2d(x, 12, 1, name="qkv"), [-1, 64, 3, 4])
        query, key, value = tf.unstack(tokens, axis=2)
        scores = tf.nn.softmax(tf.matmul(query, key, transpose_b=True, name="scores"))
        return [tf.matmul(scores, value, name="mix")]

    assert list_edges(make_graph(net)) == [
        ("images", "qkv"),
        ("qkv", "scores"),
        ("qkv", "mix"),
        ("scores", "mix"),
    ]

    def padded(x):
        x = tf.pad(x, [[0, 0], [1, 1], [1, 1], [0, 0]])
        return [tf.layers.conv2d(x, 2, 3, name=name) for name in ("left", "right")]

    assert list_edges(make_graph(padded)) == [("images", "left"), ("images", "right")]


def test_parts_of_a_grouped_convolution_are_one_step():
    def net(x):
        kernel = tf.get_variable("kernel", [3, 3, 2, 6])
        parts = zip(tf.split(x, 2, 3), tf.split(kernel, 2, 3), strict=True)
        return [tf.concat([tf.nn.conv2d(a, b, 1, "SAME") for a, b in parts], 3)]

    graph = make_graph(net)
    assert list_steps(graph) == [["input"], ["split", "grouped convolution", "concat"]]
    assert graph.edges == ((0, 1),)


@pytest.fixture(scope="module")
def inception():
    return graph_drawing.make_layer_graph_of_net("inception_v3", (107, 107), depth_multiplier=0.1)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("net", "options", "title", "parameters"),
    [
        ("googlenet", {}, "googlenet (aux_logits=True)", 13_378_280),
        ("googlenet", {"aux_logits": False}, "googlenet", 6_998_552),
        ("inception_v3", {}, "inception_v3", 27_143_152 + 36_224),
        ("inception_v3", {"create_aux_logits": False}, "inception_v3", 23_817_352 + 34_432),
        ("cnn_lstm", {}, "cnn_lstm (num_classes=10)", 5_892_266),
        ("cnn_lstm", {"num_classes": None}, "cnn_lstm", 5_892_266 - 5_130),
    ],
)
def test_heads_are_drawn_unless_an_option_leaves_them_out(net, options, title, parameters):
    graph = graph_drawing.make_layer_graph_of_net(net, **options)
    stages = {node.stage for node in graph.nodes}
    heads = set(registry.get_net(net).heads) - {"logits"}
    assert stages & heads == (set() if options else heads)
    assert graph.name == title
    assert sum(node.parameters for node in graph.nodes) == parameters


def test_the_auxiliary_head_leaves_before_the_last_stages(inception):
    graph = graph_drawing.fold_stages(inception)
    after = {}
    for start, end in list_edges(graph):
        after.setdefault(start, []).append(end)
    assert after["Mixed_6e"] == ["Mixed_7a", "AuxLogits"]
    assert after["Mixed_7c"] == ["Logits"]
    assert "AuxLogits" not in after
    counts = graph.count_steps()
    assert (counts["convolution"], counts["batch norm"], counts["ReLU"]) == (98, 96, 96)
    assert (counts["concat"], counts["dropout (off)"], counts["max pool"]) == (15, 1, 4)


def test_stages_of_a_net_without_scopes_are_map_sizes():
    graph = graph_drawing.fold_stages(
        graph_drawing.make_layer_graph_of_net("mobilenet_v2", (64, 64))
    )
    names = [node.name for node in graph.nodes]
    assert names == ["images", "32x32", "16x16", "8x8", "4x4", "2x2", "vector"]


@pytest.mark.parametrize("fold", [graph_drawing.fold_stages, lambda graph: graph])
def test_nothing_overlaps_and_nothing_is_cut(inception, fold):
    pytest.importorskip("igraph")
    layout = lay_out(fold(inception))
    areas = [box.area for box in layout.boxes]
    for one, other in itertools.combinations(areas, 2):
        apart = one.x + one.width < other.x or other.x + other.width < one.x
        assert apart or one.y + one.height < other.y or other.y + other.height < one.y
    for area in areas:
        assert area.x > 0 and area.x + area.width < layout.width
        assert area.y + area.height < layout.height
    for box in layout.boxes:
        for chip in box.chips:
            assert measure_text(chip.text, 9) < chip.width
            assert chip.x + chip.width < box.area.width
        assert max(measure_text(box.title, 11, True), measure_text(box.info, 9)) < box.area.width
        assert 0 < box.bar <= box.area.width
    for line in layout.lines:
        (first, last), (start, end) = (line.points[0], line.points[-1]), line.edge
        assert first == (
            areas[start].x + areas[start].width / 2,
            areas[start].y + areas[start].height,
        )
        assert last == (areas[end].x + areas[end].width / 2, areas[end].y)
        for x, y in line.points[1:-1]:  # no box is on the way
            assert not any(a.y <= y <= a.y + a.height and a.x <= x <= a.x + a.width for a in areas)


def test_no_frame_covers_a_box_of_another_stage(inception):
    pytest.importorskip("igraph")
    layout = lay_out(inception)
    frames = {frame.stage: frame.areas for frame in layout.frames}
    assert {"Mixed_5b", "Mixed_7a", "AuxLogits", "Logits"} <= frames.keys()
    for stage, pieces in frames.items():
        for piece in pieces:
            for box in layout.boxes:
                x, y = box.area.x + box.area.width / 2, box.area.y + box.area.height / 2
                inside = (
                    piece.x < x < piece.x + piece.width and piece.y < y < piece.y + piece.height
                )
                assert not inside or box.node.stage == stage


def test_an_svg_has_both_levels(inception):
    pytest.importorskip("igraph")
    text = graph_drawing.write_svg(inception)
    root = ElementTree.fromstring(text)
    levels = {g.get("data-level"): g for g in root.iter(f"{SVG}g") if g.get("class") == "level"}
    stages = graph_drawing.fold_stages(inception)
    for level, graph in {"stages": stages, "layers": inception}.items():
        paths = [path.get("data-edge") for path in levels[level].iter(f"{SVG}path")]
        assert [edge for edge in paths if edge] == [f"{a} {b}" for a, b in graph.edges]
        titles = [title.text for title in levels[level].iter(f"{SVG}title")]
        assert titles == [node.name for node in graph.nodes]
    opened = {g.get("data-stage") for g in levels["stages"].iter(f"{SVG}g")} - {None}
    closed = {g.get("data-stage") for g in levels["layers"].iter(f"{SVG}g")} - {None}
    assert opened == closed == {n.name for n in stages.nodes if n.layer_type == "stage"}
    ids = [element.get("id") for element in root.iter() if element.get("id")]
    assert len(ids) == len(set(ids)) > 10
    used = {use.get("href") for use in root.iter(f"{SVG}use")}
    assert used <= {f"#{name}" for name in ids}
    assert "http" not in text.replace("http://www.w3.org/2000/svg", "")
    assert len(text.encode()) < 150_000


@pytest.mark.rare
@pytest.mark.parametrize("net", ["vit_huge_patch14_224_in21k", "resnet_v2_200"])
def test_an_svg_of_a_large_net_is_below_300_kb(net):
    pytest.importorskip("igraph")
    assert len(graph_drawing.draw_svg(net).encode()) < 300_000


def test_names_are_escaped():
    pytest.importorskip("igraph")
    graph = make_graph(lambda x: [tf.layers.conv2d(x, 2, 1, name="a")])
    node = dataclasses.replace(graph.nodes[1], name='<b>&"$x$')
    text = graph_drawing.write_svg(
        graph_drawing.LayerGraph('a<b "c"', (graph.nodes[0], node), graph.edges)
    )
    root = ElementTree.fromstring(text)
    assert [title.text for title in root.iter(f"{SVG}title")][-1] == '<b>&"$x$'
    assert root.get("aria-label") == 'graph of a<b "c"'


def test_a_png_is_as_large_as_its_layout(tmp_path):
    pytest.importorskip("igraph")
    graph = make_graph(lambda x: [tf.layers.conv2d(x, 2, 1)])
    graph_drawing.write_png(graph, tmp_path / "graph.png")
    layout = lay_out(graph)
    with Image.open(tmp_path / "graph.png") as picture:
        assert picture.size == (int(layout.width * 1.5), int(layout.height * 1.5))
        colours = {colour for _, colour in picture.convert("RGB").getcolors(1 << 16)}
    assert {(255, 255, 255), (0xF7, 0xDC, 0x91)} <= colours  # paper, convolution


def test_igraph_is_named_where_it_is_missing(monkeypatch):
    monkeypatch.setitem(sys.modules, "igraph", None)
    with pytest.raises(SetupError, match=r"pip install 'legacy-nets\[figures\]'$"):
        graph_drawing.draw_svg("demo_cnn")


CHROMIUM = shutil.which("chromium") or shutil.which("google-chrome")


@pytest.mark.rare
@pytest.mark.skipif(CHROMIUM is None, reason="no Chromium")
def test_a_stage_opens_its_layers_in_a_browser(inception, tmp_path):
    pytest.importorskip("igraph")
    clicks = """
        const click = (selector) => document.querySelector(selector)
            .dispatchEvent(new MouseEvent("click", {bubbles: true}));
        const read = () => [...document.querySelectorAll(".level")]
            .map((level) => getComputedStyle(level).display).join(" ");
        const seen = [read()];
        click('[data-level="layers"][data-stage="Mixed_7a"]');
        seen.push(read() + " " + document.querySelector("svg").getAttribute("viewBox"));
        seen.push(document.activeElement.dataset.stage);
        click('[data-zoom="1.25"]');
        seen.push(document.querySelector("svg").getAttribute("width"));
        click('[data-level="stages"][data-stage="Mixed_7b"]');
        seen.push(read());
        document.title = JSON.stringify(seen);
    """
    page = tmp_path / "page.html"
    svg = graph_drawing.write_svg(inception)
    page.write_text(f"<!DOCTYPE html><body>{svg}<script>{clicks}</script></body>", "utf-8")
    arguments = ("--headless", "--no-sandbox", "--disable-gpu", "--dump-dom", page.as_uri())
    done = subprocess.run([CHROMIUM, *arguments], capture_output=True, text=True, timeout=120)
    seen = json.loads(html.unescape(re.search("<title>(.*?)</title>", done.stdout)[1]))
    layout = lay_out(inception)
    width, height = round(layout.width), round(layout.height)
    assert seen == [
        "inline none",
        f"none inline 0 0 {width} {height}",
        "Mixed_7a",
        str(width * 1.25).removesuffix(".0"),
        "inline none",
    ]
