"""MobileNet v1 to v3: the document's numbers, torchvision's and timm's; one short training.

Keras' applications: test_mobilenet_keras.py.
"""

from __future__ import annotations

import numpy as np
import pytest
from graphs import get_vars, placeholder
from oracle_client import fill
from peer_client import assert_agrees, load_peer

import legacy_nets
from legacy_nets import tf1 as tf
from legacy_nets.errors import BadInputError
from legacy_nets.nets import mobilenet, mobilenet_v3
from legacy_nets.nets.weights.families import get_layout
from legacy_nets.registry import get_net

NETS = ("mobilenet_v1", "mobilenet_v2", "mobilenet_v3_small", "mobilenet_v3_large")


pytestmark = pytest.mark.usefixtures("graph")


def count(trainable=True):
    listed = tf.trainable_variables() if trainable else tf.global_variables()
    return sum(int(np.prod(v.shape)) for v in listed)


@pytest.mark.slow
@pytest.mark.parametrize("net", NETS)
def test_same_numbers_and_state_dict_as_torch(net):
    peer = load_peer(net)
    entries = get_layout(get_net(net), "torch").map_names(net)
    epsilon = {} if "v3" in net else {"epsilon": 1e-5}
    assert_agrees(net, entries, peer["cases"][0], padding="torch", **epsilon)
    assert len({entry.stored for entry in entries}) == peer["tensors"]["count"]
    assert peer["parameters"] == legacy_nets.get_net(net).parameters  # of its graph: below


@pytest.mark.slow
@pytest.mark.parametrize(
    ("net", "trainable", "every"),
    [
        ("mobilenet_v1", 4_231_976, 4_253_864),
        ("mobilenet_v2", 3_504_872, 3_538_984),
        ("mobilenet_v3_small", 2_542_856, 2_554_968),
        ("mobilenet_v3_large", 5_483_032, 5_507_432),
    ],
)
def test_parameters_and_maps(net, trainable, every):
    _, points = legacy_nets.build(net, placeholder(224, 224, 3))
    assert (count(), count(trainable=False)) == (trainable, every)
    maps = [point.shape.as_list()[1:3] for point in points.values() if point.shape.rank == 4]
    sides = [rows for rows, columns in maps if rows == columns]
    assert sorted(set(sides), reverse=True)[:5] == [112, 56, 28, 14, 7]


def test_two_global_hyper_parameters():
    """F113: the width multiplier scales the parameters, the resolution multiplier only the maps."""
    _, points = legacy_nets.build("mobilenet_v1", placeholder(112, 112, 3), width_multiplier=0.5)
    assert count() == 1_331_592
    assert points["conv_pw_13"].shape.as_list() == [None, 4, 4, 512]


def test_cost_of_a_standard_convolution():
    """F110: 8 to 9 times that of depthwise and pointwise; below 8 up to 71 filters."""

    def ratio(filters, side=3):
        return 1 / (1 / filters + 1 / side**2)

    found = [round(ratio(filters), 2) for filters in (64, 72, 128, 512)]
    assert found == [7.89, 8.0, 8.41, 8.84]
    # the same of the variables of a pair of this net
    layers = mobilenet.Layers("net", False, "same", 0.9, 1e-3)
    x = layers.depthwise(placeholder(14, 14, 512), 3, 1, "dw", "dw_bn")
    layers.conv(x, 512, 1, 1, "pw", "pw_bn")
    kernels = [v for name, v in get_vars().items() if "kernel" in name]
    pair = sum(int(np.prod(v.shape)) for v in kernels)
    assert [v.shape.as_list() for v in kernels] == [[3, 3, 512, 1], [1, 1, 512, 512]]
    assert 3 * 3 * 512 * 512 / pair == pytest.approx(ratio(512))


def test_depthwise_is_not_depthwise_separable():
    """F111, F112, 004-E44: a channel of the output reads one channel of the input."""
    layers = mobilenet.Layers("net", False, "same", 0.9, 1e-3)
    images = placeholder(5, 5, 3)
    y = layers.depthwise(images, 3, 1, "dw", "dw_bn")
    (gradient,) = tf.gradients(y[..., 1], images)
    with tf.Session() as session:
        session.run(tf.global_variables_initializer())
        got = session.run(gradient, {images: fill.images([1, 5, 5, 3])})
    assert abs(got).max((0, 1, 2)).astype(bool).tolist() == [False, True, False]


def test_inverted_residual():
    """F114, F115: expand six times, depthwise, project; relu6 but for the last."""
    layers = mobilenet.Layers("net", False, "same", 0.9, 1e-3)
    y = mobilenet.inverted_residual(placeholder(8, 8, 4), layers, 6, 4, 1, "block")
    shapes = [v.shape.as_list() for name, v in get_vars().items() if "kernel" in name]
    assert shapes == [[1, 1, 4, 24], [3, 3, 24, 1], [1, 1, 24, 4]]
    ops = tf.get_default_graph().get_operations()
    relu6 = [op.outputs[0] for op in ops if op.type == "Relu6"]
    assert len(relu6) == 2
    assert y.op.type == "AddV2"
    with tf.Session() as session:
        session.run(tf.global_variables_initializer())
        x = 50 * fill.images([1, 8, 8, 4])
        assert session.run(y, {"Placeholder:0": x}).min() < 0
        relu6 = [
            op.outputs[0] for op in tf.get_default_graph().get_operations() if op.type == "Relu6"
        ]
        assert [z.max() for z in session.run(relu6, {"Placeholder:0": x})] == [6, 6]


def test_h_swish_and_rounding():
    with tf.Session() as session:
        got = session.run(mobilenet_v3.hard_swish(tf.constant([-4.0, -3, -1, 0, 1, 3, 5])))
    np.testing.assert_allclose(got, [0, 0, -1 / 3, 0, 2 / 3, 3, 5], atol=1e-6)
    assert [mobilenet.round_filters(n) for n in (1, 11, 12, 16 * 0.35, 88, 100)] == [
        8,
        16,
        16,
        8,
        88,
        104,
    ]


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"padding": "valid"}, "mobilenet_v2 takes padding 'same', 'torch', not 'valid'"),
        ({"width_multiplier": 0}, "mobilenet_v2 takes a width_multiplier above 0 .*, not 0"),
    ],
)
def test_bad_options(options, says):
    with pytest.raises(BadInputError, match=says):
        legacy_nets.build("mobilenet_v2", placeholder(32, 32, 3), **options)


@pytest.mark.slow
@pytest.mark.parametrize("net", ["mobilenet_v1", "mobilenet_v3_small"])
def test_training_lowers_the_loss_and_moves_the_averages(net):
    """Twenty steps on one batch of 32x32 images at a quarter of the width."""
    tf.set_random_seed(1)
    images = placeholder(32, 32, 3)
    options = {"width_multiplier": 0.25, "momentum": 0.5, "dropout": 0.0}
    with tf.variable_scope("net"):
        logits, _ = legacy_nets.build(net, images, num_classes=4, is_training=True, **options)
    loss = tf.losses.sparse_softmax_cross_entropy(np.arange(8) % 4, logits)
    with tf.variable_scope("net", reuse=True):
        after, _ = legacy_nets.build(net, images, num_classes=4, **options)
    with tf.control_dependencies(tf.get_collection(tf.GraphKeys.UPDATE_OPS)):
        step = tf.train.AdamOptimizer(0.003).minimize(loss)
    x = fill.images([8, 32, 32, 3])
    with tf.Session() as session:
        session.run(tf.global_variables_initializer())
        losses = [session.run([loss, step], {images: x})[0] for _ in range(20)]
        evaluated = session.run(after, {images: x})
    assert losses[-1] < 0.5 * losses[0]
    assert np.isfinite(evaluated).all()
    assert evaluated.std(0).min() > 0  # the averages do not squash the images onto each other
