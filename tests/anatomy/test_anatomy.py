"""The anatomy of graphs: rows, counts and receptive fields, against TensorFlow's own answers."""

import contextlib
import json
import subprocess

import numpy as np
import pytest
from oracle_client import GOLDEN, ORACLE

import legacy_nets
from legacy_nets import anatomy, registry
from legacy_nets import tf1 as tf
from legacy_nets.anatomy import figures
from legacy_nets.errors import BadInputError
from legacy_nets.graphdef.load import load_graph
from legacy_nets.nets.build import build_by_name
from legacy_nets.tf1.speed import without_initial_values

FIELDS = json.loads((GOLDEN / "receptive_fields.json").read_text())
# Small inputs: counts of parameters need no more, and multiply-adds are compared at the same size.
SIZES = {"alexnet_v1": 224, "alexnet_v2": 224, "googlenet": 224, "inception_v3": 139}
QUICK = ("hand_signs", "cnn_lstm", "demo_cnn", "resnet_2plus1d", "mobilenet_v1")
HUGE = ("vit_large", "vit_huge")


def size_of(name):
    """A small size that a net takes; the document's where it takes no other."""
    net = registry.get_net(name)
    if len(net.image_size) == 3:
        return (8, 56, 56) if name != "resnet_3d_2plus1d" else (8, 72, 72)
    if name.startswith(("vit", "vgg", "cnn", "demo", "hand")):
        return net.image_size
    return (SIZES.get(name, 64),) * 2


NETS = [
    name if name in QUICK else pytest.param(name, marks=pytest.mark.slow)
    for name in legacy_nets.list_nets()
    if not name.startswith(HUGE)
]


@pytest.mark.parametrize("name", NETS)
def test_counts_and_shapes_are_those_of_the_graph(name):
    size = size_of(name)
    found = anatomy.analyze_net(name, size)
    net = registry.get_net(name)
    # The large ones are built without initial values here too: half the time.
    bare = contextlib.nullcontext() if name in QUICK else without_initial_values()
    with tf.Graph().as_default() as graph, bare:
        images = tf.placeholder(tf.float32, [1, *size, net.channels], name="images")
        build_by_name(name, images)
        variables = {v.op.name: v.shape.as_list() for v in tf.global_variables()}
        trainable = {v.op.name for v in tf.trainable_variables()}
        options = tf.profiler.ProfileOptionBuilder.float_operation()
        options["output"] = "none"
        profile = tf.profiler.profile(graph, cmd="op", options=options)
    counts = {name: tf.TensorShape(shape).num_elements() for name, shape in variables.items()}
    used = {variable for layer in found.layers for variable in layer.variables}
    assert used | {variable for variable, _ in found.unused} == set(variables)
    assert found.unused == ()
    assert found.parameters == sum(counts.values())
    assert found.trainable == sum(counts[variable] for variable in trainable)
    for layer in found.layers:
        live = graph.get_tensor_by_name(layer.tensor).shape
        assert live.as_list()[1:] == list(layer.output)[1:]
    flops = {}
    nodes = [profile]
    while nodes:
        node = nodes.pop()
        flops[node.name] = node.float_ops
        nodes.extend(node.children)
    kinds = ("Conv2D", "Conv3D", "DepthwiseConv2dNative", "MatMul", "BatchMatMulV2", "Einsum")
    loops = sum(layer.multiply_adds for layer in found.layers if layer.layer_type == "lstm")
    profiled = sum(flops.get(kind, 0) for kind in kinds) / 2  # it does not look into loops
    assert found.multiply_adds - loops == pytest.approx(profiled, rel=0.01)


def test_a_few_rows_of_hand_signs():
    found = anatomy.analyze_net("hand_signs")
    assert len(found.layers) == 74
    first = found.get_layer("reference/Variable")
    assert (first.layer_type, first.output, first.kernel) == (
        "convolution",
        (None, 32, 32, 64),
        (7, 7),
    )
    assert (first.stride, first.padding, first.zeros) == ((2, 2), "VALID", ((3, 3), (3, 3)))
    assert (first.parameters, first.trainable, first.multiply_adds) == (9664, 9536, 9633792)
    assert first.operations[-1] == "Relu"
    assert first.receptive_field == anatomy.ReceptiveField((7, 7), (2, 2), (3, 3))
    assert found.layers[-1].parameters == 306
    assert found.notes == ()


def test_lstm_is_one_row_with_its_rounds():
    found = anatomy.analyze_net("cnn_lstm")
    lstm = found.get_layer("rnn/while")
    assert (lstm.layer_type, lstm.output, lstm.parameters) == ("lstm", (None, 4, 512), 3147776)
    assert lstm.multiply_adds == 4 * 1536 * 2048
    assert lstm.notes == ("loop: 4 rounds",)
    assert found.notes == ("the graph has control flow: see the notes of its layers",)


def field_of(field):
    return [list(field.size), list(field.stride), list(field.padding)]


def assert_fields(case, want):
    net, side = case.split()
    known = side != "unknown"
    images, _, points = anatomy.build_net(net, (int(side) if known else 224,) * 2)
    names = [name for name in want if name in points]
    assert names == list(want)
    got = anatomy.compute_receptive_fields(
        [points[name] for name in names], images, known_size=known
    )
    assert {name: field_of(f) for name, f in zip(names, got, strict=True)} == want
    assert all(field.aligned for field in got)


@pytest.mark.parametrize(
    "case",
    [
        case if case == "resnet_v2_50 unknown" else pytest.param(case, marks=pytest.mark.slow)
        for case in FIELDS
    ],
)
def test_receptive_fields_are_those_of_contrib(case):
    assert_fields(case, FIELDS[case])


@pytest.mark.slow
def test_receptive_fields_live(oracle, tmp_path):
    out = tmp_path / "out.json"
    command = [oracle, str(ORACLE / "receptive.py"), "--live", "resnet_v2_50", "97", str(out)]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-2000:]
    assert_fields("resnet_v2_50 97", json.loads(out.read_text()))


def test_receptive_field_of_one_tensor_and_its_span():
    with tf.Graph().as_default():
        x = tf.placeholder(tf.float32, [None, 32, 32, 3])
        y = tf.layers.conv2d(x, 4, 3, 2, padding="same")
        z = tf.layers.conv2d(y, 4, 3, dilation_rate=2)
        up = tf.layers.conv2d_transpose(z, 4, 4, 2, padding="same")
        whole = tf.reduce_mean(z, [1, 2])
    field = anatomy.compute_receptive_field(z)
    assert field == anatomy.ReceptiveField((11, 11), (2, 2), (0, 0))
    assert field.compute_span(0, 3) == (6, 16)
    assert anatomy.compute_receptive_field(z, known_size=False).padding == (None, None)
    assert anatomy.compute_receptive_field(up).stride == (1, 1)
    assert anatomy.compute_receptive_field(whole) is None
    table = anatomy.analyze_graph(x.graph)
    assert [layer.dilation for layer in table.layers[1:3]] == [(1, 1), (2, 2)]


def test_paths_that_are_not_aligned_are_marked():
    with tf.Graph().as_default():
        x = tf.placeholder(tf.float32, [None, 8, 8, 3])
        a = tf.layers.conv2d(x, 4, 3, 2, padding="same")
        b = tf.layers.conv2d(x, 4, 1, 2, padding="same")
        y = a + b
    assert not anatomy.compute_receptive_field(y).aligned
    table = anatomy.analyze_graph(x.graph)
    assert [layer.layer_type for layer in table.layers] == [
        "input",
        "convolution",
        "convolution",
        "add",
    ]
    assert table.notes == ("receptive fields marked ! come from paths that are not aligned",)


def test_separable_grouped_and_training_graphs():
    with tf.Graph().as_default():
        training = tf.placeholder(tf.bool, [])
        x = tf.placeholder(tf.float32, [None, 8, 8, 8])
        y = tf.layers.separable_conv2d(x, 6, 3, name="sep")
        y = tf.layers.batch_normalization(y, training=training, name="bn")
        y = tf.nn.relu(y)
        w = tf.get_variable("group/kernel", [1, 1, 3, 4])
        parts = zip(tf.split(y, 2, 3), tf.split(w, 2, 3), strict=True)
        y = tf.concat([tf.nn.conv2d(a, b, 1, "SAME") for a, b in parts], 3)
        y = tf.layers.dropout(y, training=training)
        y = tf.layers.dense(tf.layers.flatten(y), 5, name="dense")
        loss = tf.reduce_mean(y)
        tf.train.AdamOptimizer().minimize(loss)
    found = anatomy.analyze_graph(x.graph)
    kinds = [layer.layer_type for layer in found.layers]
    assert kinds == ["input", "separable convolution", "grouped convolution", "dense"]
    sep, group, dense = found.layers[1:]
    assert (sep.parameters, sep.trainable) == (72 + 48 + 6 + 24, 72 + 48 + 6 + 12)
    assert sep.multiply_adds == 36 * (9 * 8 + 8 * 6)
    assert (group.groups, group.parameters, group.output) == (2, 12, (None, 6, 6, 4))
    assert group.multiply_adds == 36 * 12
    assert (dense.parameters, dense.multiply_adds) == (725, 720)
    assert all("Adam" in name or "_power" in name for name, _ in found.unused)
    assert len(found.unused) == 2 * 8 + 2


def test_graph_without_convolutions_says_so():
    with tf.Graph().as_default() as graph:
        x = tf.placeholder(tf.float32, [None, 7])
        tf.layers.dense(x, 3, name="dense")
    found = anatomy.analyze_graph(graph)
    assert found.notes == ("the graph has no convolutions",)
    assert (found.parameters, found.multiply_adds) == (24, 21)
    with pytest.raises(BadInputError, match="no input to start from"):
        anatomy.analyze_graph(tf.Graph())


def test_loop_of_unknown_length_is_counted_once_and_said():
    with tf.Graph().as_default() as graph:
        x = tf.placeholder(tf.float32, [None, 4], name="x")
        w = tf.get_variable("w", [4, 4])
        tf.while_loop(lambda v: tf.reduce_sum(v) < 9.0, lambda v: tf.matmul(v, w), [x])
    loop = anatomy.analyze_graph(graph).layers[-1]
    assert loop.layer_type == "loop"
    assert loop.multiply_adds == 16
    assert loop.notes == ("loop: the number of rounds is known only when it runs; counted once",)


def test_quick_answer_is_tensorflows_answer():
    inside, eager = tf.Graph(), tf.executing_eagerly_outside_functions
    with inside.as_default():
        assert eager() is False
        a = tf.get_variable("a", [1])
        assert len({a, a}) == 1
        with tf.init_scope():
            assert eager() is False
    assert eager() is tf.executing_eagerly()


def test_regularizers_of_shared_layers_are_still_counted_once():
    slim = tf.contrib.slim
    with tf.Graph().as_default():
        x = tf.placeholder(tf.float32, [None, 4, 4, 2])
        for reuse in (None, True):
            with tf.variable_scope("a", reuse=reuse):
                tf.layers.conv2d(x, 3, 1, kernel_regularizer=tf.nn.l2_loss, name="b")
                slim.conv2d(x, 3, 1, weights_regularizer=slim.l2_regularizer(0.1), scope="c")
        assert len(tf.global_variables()) == 4
        assert len(tf.get_collection(tf.GraphKeys.REGULARIZATION_LOSSES)) == 2


def test_figures_are_written(tmp_path):
    found = anatomy.analyze_net("hand_signs")
    field = found.get_layer("reference/MaxPool").receptive_field
    picture = np.full((64, 64, 3), (0, 100, 200), np.uint8)
    figures.draw_receptive_field(picture, field, tmp_path / "field.png")
    maps = {"a": [[[0.0, 1.0]] * 3] * 3}
    figures.draw_feature_maps(maps, picture, tmp_path / "maps.png")
    figures.draw_kernels([[[[1.0] * 4] * 3] * 2] * 2, tmp_path / "kernels.png")
    written = sorted(path.name for path in tmp_path.iterdir())
    assert written == ["field.png", "kernels.png", "maps.png"]
    for path in tmp_path.iterdir():
        assert path.read_bytes()[:8] == b"\x89PNG\r\n\x1a\n"
    with pytest.raises(BadInputError, match="height, width, inputs, outputs"):
        figures.draw_kernels([1.0], tmp_path / "no.png")


def test_receptive_fields_are_drawn_where_they_are(saved):
    fields = {
        "small": anatomy.ReceptiveField((3, 5), (2, 2), (1, 1)),
        "large": anatomy.ReceptiveField((41, 41), (8, 8), (20, 20)),
    }
    figures.draw_receptive_fields(np.zeros((21, 31), np.uint8), fields, "fields.png")
    (axes,) = saved[0].axes
    small, large = axes.patches
    assert (small.get_y(), small.get_height(), small.get_width()) == (8.5, 3, 5)  # rows 9 to 11
    assert (large.get_xy(), large.get_width()) == ((-4.5, -12.5), 41)  # about (8, 16)
    assert axes.get_xlim()[0] < -4.5 and axes.get_xlim()[1] > 36.5  # all of it is in view
    texts = [text.get_text() for text in axes.get_legend().get_texts()]
    assert texts == ["small: 3x5 pixels", "large: 41x41 pixels"]
    unknown = {"a": anatomy.ReceptiveField((3, 3), (2, 2), (None, 1))}
    with pytest.raises(BadInputError, match="known padding"):
        figures.draw_receptive_fields(np.zeros((21, 31), np.uint8), unknown, "fields.png")


def test_attention_is_drawn_by_layer_and_head(saved):
    value = np.arange(3 * 4 * 4, dtype=np.float32).reshape(3, 4, 4)
    picture = np.zeros((8, 8, 3), np.uint8)
    figures.draw_attention_maps({"first": value, "second": value[:1]}, picture, "attention.png")
    shown = [np.asarray(axes.images[-1].get_array()) for axes in saved[0].axes if axes.images]
    sides = [array.shape[:2] for array in shown]
    assert sides == [(8, 8), *[(4, 4)] * 4, (8, 8), *[(4, 4)] * 2]  # picture, mean, heads
    np.testing.assert_array_equal(shown[1], value.mean(axis=0))
    np.testing.assert_array_equal(shown[4], value[2])
    with pytest.raises(BadInputError, match="no attention maps"):
        figures.draw_attention_maps({}, picture, "attention.png")


@pytest.fixture
def saved(monkeypatch):
    """Collects the figures that are saved."""
    found = []
    monkeypatch.setattr(figures, "save_figure", lambda figure, *_, **__: found.append(figure))
    return found


def test_maps_have_the_picture_next_to_them_and_a_scale_for_each_row(saved):
    ramp = np.arange(200, dtype=np.float32).reshape(1, 10, 10, 2)
    flat = np.full((6, 30, 3), 4.0, np.float32)
    bad = np.full((30, 6, 1), np.nan, np.float32)
    picture = np.linspace(0, 1, 200).reshape(10, 20)
    maps = {"ramp": ramp, "flat": flat, "bad": bad}
    figures.draw_feature_maps(maps, picture, "maps.png", max_channels=2, title="net")
    [figure] = saved
    picture_axes, *others = figure.axes
    assert picture_axes.get_title(loc="left") == "input"
    assert (np.asarray(picture_axes.images[0].get_array()) == picture).all()
    assert picture_axes.images[0].get_clim() == (0, 1)
    rows = [others[:3], others[3:6], others[6:]]  # maps and scale
    assert [len(row) for row in rows] == [3, 3, 2]
    low, high = np.percentile(ramp, (1, 99))
    for row, limits in zip(rows, ((low, high), (3.5, 4.5), (0, 1)), strict=True):
        assert {axes.images[0].get_clim() for axes in row[:-1]} == {limits}
        assert row[-1].get_ylim() == limits
    assert [text.get_text() for text in figure.texts] == [
        "ramp   10x10x2",
        "flat   6x30x3",
        "bad   30x6x1",
        "net",
    ]
    drawn = [axes.get_window_extent() for axes in figure.axes]
    for text in figure.texts:
        assert not text.get_window_extent().count_overlaps(drawn), text.get_text()


@pytest.mark.parametrize(
    ("inputs", "label"),
    [(3, "weights of red, green and blue"), (1, "weights of input channel 0")],
)
def test_kernels_have_a_scale_around_zero(saved, inputs, label):
    kernel = np.zeros((3, 3, inputs, 10), np.float32)
    kernel[0, 0, 0, 0], kernel[1, 1, 0, 0] = -0.25, 0.125
    figures.draw_kernels(kernel, "kernels.png", max_kernels=9)
    *kernels, scale = saved[0].axes
    assert len(kernels) == 9 and scale.get_ylim() == (-0.25, 0.25)
    assert scale.get_ylabel() == label
    shown = np.asarray(kernels[0].images[0].get_array())
    if inputs == 3:  # 0.5 is zero, for each colour
        assert shown[0, 0, 0] == 0 and shown[1, 1, 0] == 0.75 and (shown[..., 1:] == 0.5).all()
    else:
        assert shown[0, 0] == -0.25 and kernels[0].images[0].get_clim() == (-0.25, 0.25)


def test_no_outputs_have_no_fields():
    images, _, _ = anatomy.build_net("demo_cnn")
    assert anatomy.compute_receptive_fields([], images) == []


def test_variables_of_unknown_shape_are_said_and_count_as_nothing():
    """validate_shape=False: [?, 3] and unknown axes counted as -3 and -1 parameters."""
    with tf.Graph().as_default() as graph:
        x = tf.placeholder(tf.float32, [None, 4], name="x")
        known = tf.get_variable("known", [4, 4])
        some = tf.Variable(
            tf.placeholder_with_default(tf.ones([4, 3]), [None, 3]), validate_shape=False
        )
        unknown = tf.Variable(
            tf.placeholder_with_default(tf.ones([3, 2]), None), validate_shape=False
        )
        tf.matmul(tf.matmul(tf.matmul(x, known), some), unknown, name="y")
    described = anatomy.analyze_graph(graph)
    assert described.parameters == described.trainable == 16
    note = "2 variables of unknown shape are counted as 0 parameters (first Variable): "
    assert [text for text in described.notes if text.startswith(note)]


def test_trainable_variables_of_a_meta_by_their_names(tmp_path):
    """A name of over 127 characters has a length of two bytes; a damaged list is none."""
    long = "scope/" + "x" * 150
    with tf.Graph().as_default() as graph:
        for name, trainable in ((long, True), ("short", True), ("fixed", False)):
            tf.get_variable(name, [2], trainable=trainable)
        meta = tf.train.export_meta_graph(graph=graph)
    path = tmp_path / "model.meta"
    path.write_bytes(meta.SerializeToString())
    assert load_graph(path).trainable == {long, "short"}
    meta.collection_def["trainable_variables"].bytes_list.value[0] = b"\n"
    path.write_bytes(meta.SerializeToString())
    assert load_graph(path).trainable is None
