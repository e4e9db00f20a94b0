"""Document 000: variables, shapes and gradients of its nets.

The golden files (test_golden.py) compare every value with TensorFlow 1.15.5; the errata are in
test_errata_000.py.
"""

from __future__ import annotations

import numpy as np
import pytest
from graphs import get_shapes, placeholder
from oracle_client import fill, measure

import legacy_nets
from legacy_nets import tf1 as tf
from legacy_nets.nets import cnn_lstm as images_module
from legacy_nets.nets import video_resnet as video

LSTM = "rnn/multi_rnn_cell/cell_0/lstm_cell"
GREY = (28, 28, 1)
CLIP = (16, 112, 112, 3)
SMALL = (4, 16, 16, 3)


pytestmark = pytest.mark.usefixtures("graph")


def count():
    return sum(int(np.prod(v.shape)) for v in tf.trainable_variables())


def numbered(kind, number):
    """Lists layer/kernel, layer/bias, layer_1/kernel, ..."""
    layers = [f"{kind}_{n}" if n else kind for n in range(number)]
    return [f"{layer}/{part}" for layer in layers for part in ("kernel", "bias")]


def shapes(end_points):
    return {key: tuple(point.shape.as_list()[1:]) for key, point in end_points.items()}


def run(fetches, feed):
    """Runs with the variables filled by their names."""
    with tf.Session() as session:
        measure.assign(session, tf.global_variables())
        return session.run(fetches, feed)


# Variables (000.4) and shapes (000.2)


def test_cnn_lstm_variables_and_shapes():
    out, points = legacy_nets.build("cnn_lstm", placeholder(*GREY))
    assert list(get_shapes()) == [*numbered("conv2d", 16), f"{LSTM}/kernel", f"{LSTM}/bias"]
    assert get_shapes()["conv2d/kernel"] == [3, 3, 1, 32]
    assert get_shapes()[f"{LSTM}/kernel"] == [1536, 2048]
    assert get_shapes()[f"{LSTM}/bias"] == [2048]
    assert (len(get_shapes()), count()) == (34, 5_887_136)
    assert out is points["lstm_output"]
    assert shapes(points) == {
        **{key: (28, 28, 32) for key in ("conv1", "conv2", "residual1")},
        "pool1": (14, 14, 32),
        **{key: (14, 14, 64) for key in ("conv3", "conv4", "residual2")},
        "pool2": (7, 7, 64),
        **{key: (7, 7, 128) for key in ("conv5", "conv6", "residual3")},
        "pool3": (4, 4, 128),
        **{key: (4, 4, 256) for key in ("conv7", "conv8", "residual4")},
        "lstm_input": (4, 1024),
        "lstm_output": (4, 512),
    }


@pytest.mark.parametrize(
    ("lstm_map", "columns", "kernel", "total"),
    [("column", 1, 1024, 12_711_082), ("tile", 4, 2560, 15_856_810)],
)
def test_cnn_lstm_resnet_variables_and_shapes(lstm_map, columns, kernel, total):
    logits, points = legacy_nets.build("cnn_lstm_resnet", placeholder(*GREY), lstm_map=lstm_map)
    names = list(get_shapes())
    assert names[:32] == numbered("conv2d", 16)
    assert names[32:34] == [f"{LSTM}/kernel", f"{LSTM}/bias"]
    assert names[34:38] == numbered("conv2d", 18)[32:]
    assert names[38:] == [
        f"lstm_2/{LSTM}/kernel",
        f"lstm_2/{LSTM}/bias",
        "dense/kernel",
        "dense/bias",
    ]
    assert get_shapes()["conv2d_16/kernel"] == [3, 3, 512, 512]
    assert get_shapes()[f"lstm_2/{LSTM}/kernel"] == [kernel, 2048]
    assert get_shapes()["dense/kernel"] == [512, 10]
    assert count() == total
    assert logits is points["logits"]
    assert list(shapes(points).items())[-7:] == [
        ("lstm_output", (4, 512)),
        ("resnet_input", (4, columns, 512)),
        ("residual5", (4, columns, 512)),
        ("lstm_input2", (4, columns * 512)),
        ("lstm_output2", (4, 512)),
        ("flatten", (512,)),
        ("logits", (10,)),
    ]


def test_lstm_layer_with_two_layers():
    images_module.lstm_layer(placeholder(4, 1024), 512, 2)
    assert get_shapes() == {
        f"{LSTM}/kernel": [1536, 2048],
        f"{LSTM}/bias": [2048],
        "rnn/multi_rnn_cell/cell_1/lstm_cell/kernel": [1024, 2048],
        "rnn/multi_rnn_cell/cell_1/lstm_cell/bias": [2048],
    }


def test_an_unrolled_lstm_has_the_same_variables_and_outputs():
    """Its graph has no loop. The difference is that of float32."""
    sequences = placeholder(4, 6)
    loop = images_module.lstm_layer(sequences, 5, 2)
    variables = get_shapes()
    with tf.variable_scope("", reuse=True):
        unrolled = images_module.unrolled_lstm_layer(sequences, 5, 2)
    assert get_shapes() == variables and len(variables) == 4
    assert unrolled.shape.as_list() == [None, 4, 5]
    values = np.random.default_rng(0).random((3, 4, 6), np.float32)
    want, got = run([loop, unrolled], {sequences: values})
    np.testing.assert_allclose(got, want, rtol=1e-6, atol=1e-7)
    ancestors = tf.graph_util.extract_sub_graph(unrolled.graph.as_graph_def(), [unrolled.op.name])
    assert not {node.op for node in ancestors.node} & {"While", "StatelessWhile", "Enter"}


@pytest.mark.parametrize(
    ("build", "layers", "total", "grey", "last"),
    [
        (video.three_layers_3d_resnet, 16, 41_813_504, 41_810_048, (2, 14, 14, 512)),
        (video.three_layers_2plus1d_resnet, 21, 2_617_600, 2_611_328, (16, 7, 7, 256)),
        (video.three_layers_3d_resnet_2plus1d, 37, 46_027_328, 46_023_872, (2, 1, 1, 256)),
    ],
)
def test_video_nets_as_the_document_calls_them(build, layers, total, grey, last):
    out = build(placeholder(*CLIP))
    assert list(get_shapes()) == numbered("conv3d", layers)
    assert (len(get_shapes()), count()) == (2 * layers, total)
    assert tuple(out.shape.as_list()[1:]) == last
    with tf.Graph().as_default():
        build(placeholder(*CLIP[:3], 1))
        assert count() == grey


def test_kernels_of_the_video_nets():
    with tf.variable_scope("a"):
        video.three_layers_3d_resnet(placeholder(*CLIP))
    with tf.variable_scope("b"):
        video.three_layers_2plus1d_resnet(placeholder(*CLIP))
    kernels = get_shapes()
    assert kernels["a/conv3d/kernel"] == [3, 3, 3, 3, 64]
    assert kernels["a/conv3d_15/kernel"] == [3, 3, 3, 512, 512]
    assert kernels["b/conv3d/kernel"] == [1, 7, 7, 3, 64]
    assert kernels["b/conv3d_1/kernel"] == [1, 3, 3, 64, 64]
    assert kernels["b/conv3d_2/kernel"] == [3, 1, 1, 64, 64]
    assert kernels["b/conv3d_20/kernel"] == [1, 1, 1, 256, 256]


def test_end_points_of_resnet_3d():
    _, points = legacy_nets.build("resnet_3d", placeholder(*CLIP), num_classes=7)
    assert shapes(points) == {
        "conv1": (16, 112, 112, 64),
        **{key: (8, 56, 56, 128) for key in ("conv2", "residual1", "residual2")},
        **{key: (4, 28, 28, 256) for key in ("conv3", "residual3", "residual4")},
        **{key: (2, 14, 14, 512) for key in ("conv4", "residual5", "residual6")},
        "global_pool": (512,),
        "logits": (7,),
    }


def test_end_points_of_resnet_2plus1d():
    out, points = legacy_nets.build("resnet_2plus1d", placeholder(*CLIP))
    assert out is points["residual6"]
    assert shapes(points) == {
        "conv1": (16, 56, 56, 64),
        **{key: (16, 28, 28, 64) for key in ("pool1", "residual1", "residual2")},
        **{key: (16, 14, 14, 128) for key in ("conv2", "residual3", "residual4")},
        **{key: (16, 7, 7, 256) for key in ("conv3", "residual5", "residual6")},
    }


def test_end_points_of_resnet_3d_2plus1d():
    _, points = legacy_nets.build("resnet_3d_2plus1d", placeholder(*CLIP))
    assert len(points) == 20
    got = shapes(points)
    assert got["3d/residual6"] == (2, 14, 14, 512)
    assert got["2plus1d/conv1"] == (2, 7, 7, 64)
    assert got["2plus1d/pool1"] == (2, 4, 4, 64)
    assert got["2plus1d/conv2"] == (2, 2, 2, 128)
    assert got["2plus1d/residual6"] == (2, 1, 1, 256)


NETS = {
    "cnn_lstm": GREY,
    "cnn_lstm_resnet": GREY,
    "resnet_3d": SMALL,
    "resnet_2plus1d": SMALL,
    "resnet_3d_2plus1d": SMALL,
}


@pytest.mark.parametrize("name", NETS)
@pytest.mark.parametrize("scope", ["", "mine"])
def test_reuse_makes_no_variable(name, scope):
    x = placeholder(*NETS[name])
    first, _ = legacy_nets.build(name, x, num_classes=3, scope=scope)
    before = list(get_shapes())
    assert all(variable.startswith(scope) for variable in before)
    second, _ = legacy_nets.build(name, x, num_classes=3, scope=scope, reuse=True)
    assert list(get_shapes()) == before
    if name in ("cnn_lstm", "resnet_2plus1d"):  # the small ones: the same values too
        one, two = run([first, second], {x: fill.images([2, *NETS[name]])})
        np.testing.assert_array_equal(one, two)


@pytest.mark.slow
@pytest.mark.parametrize("name", NETS)
def test_gradients_reach_every_variable(name):
    x = placeholder(*NETS[name])
    logits, _ = legacy_nets.build(name, x, num_classes=3)
    loss = images_module.loss(logits, np.array([2, 0]))
    gradients = tf.gradients(loss, tf.trainable_variables())
    largest = [tf.reduce_max(tf.abs(gradient)) for gradient in gradients]
    values = run(largest, {x: fill.images([2, *NETS[name]])})
    assert np.all(np.isfinite(values))
    assert min(values) > 0


def test_loss_and_train_step():
    labels = tf.placeholder(tf.int32, [None])
    logits = tf.get_variable("logits", initializer=np.array([[0, 0], [0, np.log(3)]], "f"))
    loss = images_module.loss(logits, labels)
    step = images_module.train_step(loss)
    with tf.Session() as session:
        session.run(tf.global_variables_initializer())
        before = session.run(logits)
        value, _ = session.run([loss, step], {labels: [0, 0]})
        assert value == pytest.approx((np.log(2) + np.log(4)) / 2, rel=1e-6)
        # the first step of Adam moves each number by the learning rate
        want = 1e-4 * np.array([[1, -1], [1, -1]])
        np.testing.assert_allclose(session.run(logits) - before, want, rtol=0.01)
