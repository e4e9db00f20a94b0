"""Document 004's ResNets: its numbers and blocks, names, padding, slim's and torchvision's weights.

Keras' own models and files: test_resnet_keras.py.
"""

from __future__ import annotations

import subprocess

import numpy as np
import pytest
from graphs import get_vars, placeholder
from oracle_client import INFERENCE, REPOSITORY, assert_close, assert_summary, fill
from peer_client import assert_agrees, foreign_shapes, load_peer

import legacy_nets
from legacy_nets import tf1 as tf
from legacy_nets.errors import BadInputError
from legacy_nets.nets import resnet
from legacy_nets.nets.parts.torch_style import pad_both_sides, pad_window
from legacy_nets.nets.weights import resnet as resnet_weights

NETS = ("resnet18", "resnet34", "resnet50", "resnet101", "resnet152")


pytestmark = pytest.mark.usefixtures("graph")


def size(shapes):
    return sum(int(np.prod(shape)) for shape in shapes)


def trainable(prefix=""):
    return size(v.shape for v in tf.trainable_variables() if v.op.name.startswith(prefix))


@pytest.mark.slow
def test_what_the_document_says_of_resnet34():
    """F095, F100 and the parameters of each block."""
    _, points = resnet.resnet34()(placeholder(224, 224, 3))
    assert [
        points[f"block{b}/unit_{n}"].shape.as_list() for b, n in enumerate((3, 4, 6, 3), 1)
    ] == [
        [None, 56, 56, 64],
        [None, 28, 28, 128],
        [None, 14, 14, 256],
        [None, 7, 7, 512],
    ]
    kernels = [name for name in get_vars() if name.endswith("kernel") and "shortcut" not in name]
    assert len(kernels) == 34
    assert size(v.shape for v in get_vars().values()) == 21_814_696
    blocks = [
        size(v.shape for n, v in get_vars().items() if n.startswith(f"block{b}/"))
        for b in (1, 2, 3, 4)
    ]
    assert blocks == [222_720, 1_118_720, 6_829_056, 13_121_536]
    assert (resnet.BasicBlock.expansion, resnet.Bottleneck.expansion) == (1, 4)
    assert not [name for name in get_vars() if name.startswith("block1/unit_1/shortcut")]


@pytest.mark.slow
def test_what_the_document_says_of_resnet50_and_101():
    """F088 to F102: shapes, units, layers, parameters of each block."""
    _, points = resnet.resnet50()(placeholder(224, 224, 3))
    assert points["conv1"].shape.as_list() == [None, 112, 112, 64]
    assert points["pool1"].shape.as_list() == [None, 56, 56, 64]
    sides = {1: (56, 256), 2: (28, 512), 3: (14, 1024), 4: (7, 2048)}
    for block, count in enumerate((3, 4, 6, 3), 1):
        side, channels = sides[block]
        for number in range(
            1, count + 1
        ):  # solid-line units keep the shape, dashed-line ones do not
            point = points[f"block{block}/unit_{number}"]
            assert point.shape.as_list() == [None, side, side, channels]
            projected = f"block{block}/unit_{number}/shortcut/conv1/kernel" in get_vars()
            assert projected == (number == 1)
    blocks = [
        size(v.shape for n, v in get_vars().items() if n.startswith(f"block{b}/"))
        for b in (1, 2, 3, 4)
    ]
    assert blocks == [218_624, 1_226_752, 7_118_848, 14_987_264]
    assert trainable("conv1/kernel") == 9_408
    assert trainable("logits") == 2_049_000
    names = [name for name in get_vars() if name.endswith("kernel") and "shortcut" not in name]
    assert len(names) == 50
    assert len(get_vars()) == 267
    assert size(v.shape for v in get_vars().values()) == 25_610_152
    with tf.Graph().as_default():
        resnet.resnet101(num_classes=5)(placeholder(224, 224, 3))
        names = [name for name in get_vars() if name.endswith("kernel") and "shortcut" not in name]
        assert (len(names), len(get_vars())) == (101, 522)
        assert size(v.shape for v in get_vars().values()) == 42_615_749


def test_parameters_of_two_small_kernels_and_of_a_bottleneck():
    """F086, F087: 73,728 and 69,632, weights of convolutions alone, of 64 and of 256 channels."""
    resnet.BasicBlock(64, name="left")(placeholder(56, 56, 64))
    resnet.Bottleneck(64, name="right")(placeholder(56, 56, 256))
    resnet.BasicBlock(256, name="plain")(placeholder(56, 56, 256))

    def kernels(block):
        return size(v.shape for n, v in get_vars().items() if n.startswith(block) and "kernel" in n)

    assert (kernels("left"), kernels("right")) == (73_728, 69_632)
    assert kernels("plain") == 1_179_648


def test_stride_sits_in_the_3x3_unless_told():
    """F097: the docstring of the document's Bottleneck."""

    def strides(graph):
        return {
            op.name.split("/")[-2]: op.get_attr("strides")[1]
            for op in graph.get_operations()
            if op.type == "Conv2D"
        }

    unit = {"strides": 2, "downsample": lambda x, training: x[:, ::2, ::2]}
    resnet.Bottleneck(16, **unit)(placeholder(8, 8, 64))
    assert strides(tf.get_default_graph()) == {"conv1": 1, "conv2": 2, "conv3": 1}
    with tf.Graph().as_default() as graph:
        variant = resnet.Variant(stride_in=1)
        resnet.Bottleneck(16, **unit, variant=variant)(placeholder(8, 8, 64))
        assert strides(graph) == {"conv1": 2, "conv2": 1, "conv3": 1}


def test_epsilons_and_momentum():
    """F103, 004-E23: 1e-5, and 1.001e-5 in the shortcut; momentum 0.9."""
    layer = resnet._make_layer(resnet.Bottleneck, 8, 2, 2, "block2", 2)
    layer(placeholder(8, 8, 8), training=True)
    norms = [
        op for op in tf.get_default_graph().get_operations() if op.type.startswith("FusedBatch")
    ]
    found = {op.name: op.get_attr("epsilon") for op in norms}
    want = {n: 1.001e-5 if "shortcut" in n else 1e-5 for n in found}
    assert len(found) == 7
    assert found == pytest.approx(want, rel=1e-6)
    update = tf.get_collection(tf.GraphKeys.UPDATE_OPS)
    variance = get_vars()["block2/unit_1/conv1/BatchNorm/moving_variance"]
    with tf.Session() as session:
        session.run(tf.global_variables_initializer())
        assert session.run(variance).tolist() == [1, 1]
        x = np.zeros((2, 8, 8, 8))  # of variance 0: what is left is the momentum's share
        session.run(update, {"Placeholder:0": x})
        assert session.run(variance) == pytest.approx([0.9, 0.9])


@pytest.mark.slow
def test_include_top_and_its_classes():
    """004-E26: num_classes counts for nothing without the top."""
    features, points = resnet.resnet34(32, 64, num_classes=5, include_top=False)(
        placeholder(64, 32, 3)
    )
    assert features.shape.as_list() == [None, 2, 1, 512]  # im_width comes first
    assert list(points)[-1] == "block4/unit_3"
    assert len(get_vars()) == 180
    assert size(v.shape for v in get_vars().values()) == 21_301_696


def test_frozen_features_do_not_move_and_tensorflow_alone_does_not_freeze():
    """F105, 004-E25: true of Keras, not of tf.layers; here, build with is_training=False."""
    x = np.random.RandomState(0).uniform(1, 2, (4, 5, 5, 3)).astype(np.float32)
    images = placeholder(5, 5, 3)
    literal = tf.layers.batch_normalization(images, trainable=False, training=True, name="literal")
    assert tf.get_collection(tf.GraphKeys.UPDATE_OPS) == []
    ours = tf.layers.batch_normalization(images, epsilon=1e-5, training=False, name="ours")
    with tf.Session() as session:
        session.run(tf.global_variables_initializer())
        got = session.run([literal, ours], {images: x})
    assert abs(got[0].mean()) < 1e-5  # normalised with the batch
    assert_close(got[1], x, 1e-4, "with the averages, 0 and 1")


def test_bias_ahead_of_a_batch_norm_is_useless():
    """F091, F093: batch statistics have mean 0 and variance 1, and swallow any bias."""
    images = placeholder(6, 6, 4)
    x = np.random.RandomState(0).normal(3, 2, (8, 6, 6, 4)).astype(np.float32)
    y = tf.layers.batch_normalization(images, momentum=0.9, epsilon=1e-5, training=True)
    with tf.Session() as session:
        session.run(tf.global_variables_initializer())
        plain, biased = (session.run(y, {images: x + bias}) for bias in (0, 7))
    assert abs(plain.mean((0, 1, 2))).max() < 1e-5
    assert abs(plain.var((0, 1, 2)) - 1).max() < 1e-4
    assert_close(biased, plain, 1e-5, "with a bias of 7")


def test_padding_of_torch_is_same_on_odd_maps_only():
    """004-E24: at stride 2 SAME pads even maps at the bottom and right alone."""
    outputs = {}
    for side in (8, 9):
        for padding in ("same", "torch"):
            x = tf.constant(fill.images([1, side, side, 2]))
            x, how = pad_window(x, 3, 2, padding)
            outputs[side, padding] = tf.layers.conv2d(
                x, 3, 3, 2, padding=how, name="conv", reuse=tf.AUTO_REUSE
            )
    with tf.Session() as session:
        session.run(tf.global_variables_initializer())
        got = session.run(outputs)
    assert [got[key].shape for key in got] == [
        (1, 4, 4, 3),
        (1, 4, 4, 3),
        (1, 5, 5, 3),
        (1, 5, 5, 3),
    ]
    assert_close(got[9, "torch"], got[9, "same"], INFERENCE, "odd")
    assert abs(got[8, "torch"] - got[8, "same"]).max() > 0.1 * abs(got[8, "same"]).max()
    assert pad_both_sides(tf.zeros([1, 4, 4, 1]), 7).shape.as_list() == [1, 10, 10, 1]


@pytest.mark.slow
def test_unknown_sizes_reuse_and_scope():
    images = tf.placeholder(tf.float32, [None, None, None, 3])
    logits, points = legacy_nets.build("resnet18", images, num_classes=4, scope="net")
    names = list(get_vars())
    again, _ = legacy_nets.build("resnet18", images, num_classes=4, scope="net", reuse=True)
    assert list(get_vars()) == names
    assert names[0] == "net/conv1/kernel"
    assert list(points)[-3:] == ["global_pool", "logits", "predictions"]
    with tf.Session() as session:
        session.run(tf.global_variables_initializer())
        one, two = session.run([logits, again], {images: np.ones((1, 33, 40, 3))})
        three = session.run(logits, {images: np.ones((3, 20, 20, 3))})
    assert one.shape == (1, 4)
    assert three.shape == (3, 4)
    np.testing.assert_array_equal(one, two)


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"padding": "valid"}, "resnet18 takes padding 'same', 'torch', 'slim', not 'valid'"),
        ({"stride_in": 1}, "resnet18 takes stride_in 3, not 1"),
    ],
)
def test_bad_options(options, says):
    with pytest.raises(BadInputError, match=says):
        legacy_nets.build("resnet18", placeholder(32, 32, 3), **options)


def test_bad_shapes():
    with pytest.raises(BadInputError, match=r"resnet50 takes images \[N, H, W, C\] of a known"):
        legacy_nets.build("resnet50", tf.placeholder(tf.float32, [None, 224, 224]))
    with pytest.raises(BadInputError, match=r"made for images of 64x32 \(im_height"):
        resnet.resnet34(32, 64)(placeholder(32, 64, 3))
    with pytest.raises(BadInputError, match="give it a downsample that projects .* 64 channels"):
        resnet.BasicBlock(64)(placeholder(8, 8, 32))
    with pytest.raises(BadInputError, match="with strides=2"):
        resnet.BasicBlock(32, strides=2, name="other")(placeholder(8, 8, 32))


@pytest.mark.parametrize(
    "net", [NETS[0], *(pytest.param(n, marks=pytest.mark.slow) for n in NETS[1:])]
)
def test_same_numbers_and_state_dict_as_torchvision(net):
    peer = load_peer(net)
    (case,) = peer["cases"]
    assert case["request"] == {"batch": 2, "height": 64, "width": 75}
    assert len(case["end_points"]) == 5
    entries = resnet_weights.map_torch_names(net)
    assert_agrees(net, entries, case, padding="torch")
    assert len({entry.stored for entry in entries}) == peer["tensors"]["count"]
    assert peer["parameters"] == legacy_nets.get_net(net).parameters  # of its graph: test_registry


def slim_logits(case, **options):
    """Ours, filled by slim's names."""
    request = case["request"]
    shape = [request[key] for key in ("batch", "height", "width")] + [3]
    images = tf.placeholder(tf.float32, shape)
    logits, _ = legacy_nets.build("resnet50", images, num_classes=7, **options)
    entries = resnet_weights.map_slim_names("resnet50")
    shapes = foreign_shapes(entries, get_vars())
    feed = {}
    for entry in entries:
        value = fill.variable(entry.stored, shapes[entry.stored])
        feed[get_vars()[entry.name].initializer.inputs[1]] = entry.transform.to_graph(value)
    with tf.Session() as session:
        session.run([v.initializer for v in get_vars().values()], feed)
        return session.run(logits, {images: fill.images(shape)}), shapes


@pytest.mark.slow
def test_slim_resnet_v1_50_with_its_padding_and_stride():
    peer = load_peer("tf1/slim_resnet_v1_50")
    got, shapes = slim_logits(peer["cases"][0], padding="slim", stride_in=1)
    assert peer["peer"] == "TensorFlow 1.15.5"
    assert len(shapes) == peer["tensors"]["count"] == 267
    assert_summary(got, peer["cases"][0]["logits"], INFERENCE, "logits")


@pytest.mark.slow
def test_the_documents_net_on_slims_weights_is_another_net():
    """What the document does with pretrain_weights.ckpt: stride in the 3x3, SAME padding."""
    case = load_peer("tf1/slim_resnet_v1_50")["cases"][0]
    got, _ = slim_logits(case)
    with pytest.raises(AssertionError, match="off by"):
        assert_summary(got, case["logits"], 0.05, "logits")


def test_names_of_slim_and_torchvision():
    slim = {entry.name: entry.stored for entry in resnet_weights.map_slim_names("resnet101")}
    prefix = "resnet_v1_101/block3/unit_23/bottleneck_v1"
    assert slim["block3/unit_23/conv2/kernel"] == f"{prefix}/conv2/weights"
    assert slim["block3/unit_23/conv2/BatchNorm/beta"] == f"{prefix}/conv2/BatchNorm/beta"
    assert slim["block1/unit_1/shortcut/conv1/kernel"] == (
        "resnet_v1_101/block1/unit_1/bottleneck_v1/shortcut/weights"
    )
    assert slim["logits/bias"] == "resnet_v1_101/logits/biases"
    torch = {entry.name: entry.stored for entry in resnet_weights.map_torch_names("resnet34")}
    assert torch["block2/unit_1/shortcut/BatchNorm/gamma"] == "layer2.0.downsample.1.weight"
    assert torch["block4/unit_3/conv2d_31/kernel"] == "layer4.2.conv2.weight"


@pytest.mark.slow
def test_golden_files_are_what_torchvision_and_timm_say(torch_python):
    """Of all nets of the script: ResNets, ResNeXts, MobileNets."""
    script = REPOSITORY / "scripts" / "peers" / "torchvision_zoo_b.py"
    done = subprocess.run([torch_python, script], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr[-2000:]
    assert done.stdout.count("largest relative difference") == 11
