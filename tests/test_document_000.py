"""Document 000: variables, shapes and gradients of its nets, its errata literal and mended.

The golden files (test_golden.py) compare every value with TensorFlow 1.15.5.
"""

from __future__ import annotations

import numpy as np
import pytest
from oracle_client import fill
from oracle_client import measure

import legacy_nets
from legacy_nets import tf1 as tf
from legacy_nets.errors import BadInputError
from legacy_nets.nets import cnn_lstm as images_module
from legacy_nets.nets import video_resnet as video

LSTM = "rnn/multi_rnn_cell/cell_0/lstm_cell"
GREY = (28, 28, 1)
CLIP = (16, 112, 112, 3)
SMALL = (4, 16, 16, 3)


@pytest.fixture(autouse=True)
def graph():
    with tf.Graph().as_default() as graph:
        yield graph


def place(*shape):
    return tf.placeholder(tf.float32, [None, *shape])


def variables():
    return {v.op.name: v.shape.as_list() for v in tf.global_variables()}


def count():
    return sum(int(np.prod(v.shape)) for v in tf.trainable_variables())


def numbered(kind, number):
    """kind/kernel, kind/bias, kind_1/kernel, ..."""
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
    out, points = legacy_nets.build("cnn_lstm", place(*GREY))
    assert list(variables()) == [*numbered("conv2d", 16), f"{LSTM}/kernel", f"{LSTM}/bias"]
    assert variables()["conv2d/kernel"] == [3, 3, 1, 32]
    assert variables()[f"{LSTM}/kernel"] == [1536, 2048]
    assert variables()[f"{LSTM}/bias"] == [2048]
    assert (len(variables()), count()) == (34, 5_887_136)
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
    logits, points = legacy_nets.build("cnn_lstm_resnet", place(*GREY), lstm_map=lstm_map)
    names = list(variables())
    assert names[:32] == numbered("conv2d", 16)
    assert names[32:34] == [f"{LSTM}/kernel", f"{LSTM}/bias"]
    assert names[34:38] == numbered("conv2d", 18)[32:]
    assert names[38:] == [
        f"lstm_2/{LSTM}/kernel",
        f"lstm_2/{LSTM}/bias",
        "dense/kernel",
        "dense/bias",
    ]
    assert variables()["conv2d_16/kernel"] == [3, 3, 512, 512]
    assert variables()[f"lstm_2/{LSTM}/kernel"] == [kernel, 2048]
    assert variables()["dense/kernel"] == [512, 10]
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
    images_module.lstm_layer(place(4, 1024), 512, 2)
    assert variables() == {
        f"{LSTM}/kernel": [1536, 2048],
        f"{LSTM}/bias": [2048],
        "rnn/multi_rnn_cell/cell_1/lstm_cell/kernel": [1024, 2048],
        "rnn/multi_rnn_cell/cell_1/lstm_cell/bias": [2048],
    }


@pytest.mark.parametrize(
    ("build", "layers", "total", "grey", "last"),
    [
        (video.three_layers_3d_resnet, 16, 41_813_504, 41_810_048, (2, 14, 14, 512)),
        (video.three_layers_2plus1d_resnet, 21, 2_617_600, 2_611_328, (16, 7, 7, 256)),
        (video.three_layers_3d_resnet_2plus1d, 37, 46_027_328, 46_023_872, (2, 1, 1, 256)),
    ],
)
def test_video_nets_as_the_document_calls_them(build, layers, total, grey, last):
    out = build(place(*CLIP))
    assert list(variables()) == numbered("conv3d", layers)
    assert (len(variables()), count()) == (2 * layers, total)
    assert tuple(out.shape.as_list()[1:]) == last
    with tf.Graph().as_default():
        build(place(*CLIP[:3], 1))
        assert count() == grey


def test_kernels_of_the_video_nets():
    with tf.variable_scope("a"):
        video.three_layers_3d_resnet(place(*CLIP))
    with tf.variable_scope("b"):
        video.three_layers_2plus1d_resnet(place(*CLIP))
    kernels = variables()
    assert kernels["a/conv3d/kernel"] == [3, 3, 3, 3, 64]
    assert kernels["a/conv3d_15/kernel"] == [3, 3, 3, 512, 512]
    assert kernels["b/conv3d/kernel"] == [1, 7, 7, 3, 64]
    assert kernels["b/conv3d_1/kernel"] == [1, 3, 3, 64, 64]
    assert kernels["b/conv3d_2/kernel"] == [3, 1, 1, 64, 64]
    assert kernels["b/conv3d_20/kernel"] == [1, 1, 1, 256, 256]


def test_end_points_of_resnet_3d():
    _, points = legacy_nets.build("resnet_3d", place(*CLIP), num_classes=7)
    assert shapes(points) == {
        "conv1": (16, 112, 112, 64),
        **{key: (8, 56, 56, 128) for key in ("conv2", "residual1", "residual2")},
        **{key: (4, 28, 28, 256) for key in ("conv3", "residual3", "residual4")},
        **{key: (2, 14, 14, 512) for key in ("conv4", "residual5", "residual6")},
        "global_pool": (512,),
        "logits": (7,),
    }


def test_end_points_of_resnet_2plus1d():
    out, points = legacy_nets.build("resnet_2plus1d", place(*CLIP))
    assert out is points["residual6"]
    assert shapes(points) == {
        "conv1": (16, 56, 56, 64),
        **{key: (16, 28, 28, 64) for key in ("pool1", "residual1", "residual2")},
        **{key: (16, 14, 14, 128) for key in ("conv2", "residual3", "residual4")},
        **{key: (16, 7, 7, 256) for key in ("conv3", "residual5", "residual6")},
    }


def test_end_points_of_resnet_3d_2plus1d():
    _, points = legacy_nets.build("resnet_3d_2plus1d", place(*CLIP))
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
    x = place(*NETS[name])
    first, _ = legacy_nets.build(name, x, num_classes=3, scope=scope)
    before = list(variables())
    assert all(variable.startswith(scope) for variable in before)
    second, _ = legacy_nets.build(name, x, num_classes=3, scope=scope, reuse=True)
    assert list(variables()) == before
    if name in ("cnn_lstm", "resnet_2plus1d"):  # the small ones: the same values too
        one, two = run([first, second], {x: fill.images([2, *NETS[name]])})
        np.testing.assert_array_equal(one, two)


@pytest.mark.slow
@pytest.mark.parametrize("name", NETS)
def test_gradients_reach_every_variable(name):
    x = place(*NETS[name])
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


# Errata: the mend, and the defect of the literal listing


@pytest.mark.parametrize(
    ("height", "width", "rows", "columns"), [(28, 28, 4, 4), (33, 45, 4, 6), (4, 5, 1, 1)]
)
def test_other_sizes_keep_a_row_a_time_step(height, width, rows, columns):
    _, points = legacy_nets.build("cnn_lstm", place(height, width, 1))
    assert shapes(points)["lstm_input"] == (rows, columns * 256)
    assert shapes(points)["lstm_output"] == (rows, 512)


def moved(tensor, x, examples, changed):
    """Rows of the tensor that move when one example changes."""
    before = fill.images([examples, *x.shape.as_list()[1:]])
    after = before.copy()
    after[changed] = fill.images(after[changed : changed + 1].shape, "other")[0]
    with tf.Session() as session:
        measure.assign(session, tf.global_variables())
        one, two = (session.run(tensor, {x: value}) for value in (before, after))
    return sorted({int(row) for row in np.argwhere(one != two)[:, 0]}), len(one)


@pytest.mark.parametrize("lstm_map", ["column", "tile"])
def test_e01_e02_mended_no_example_moves_another(lstm_map):
    x = place(*GREY)
    logits, _ = legacy_nets.build("cnn_lstm_resnet", x, lstm_map=lstm_map)
    assert moved(logits, x, 4, 2) == ([2], 4)


def literal_lstm_input(x):
    """Three pools that are all VALID, then the document's reshape (without its convolutions)."""
    for _ in range(3):
        x = tf.layers.max_pooling2d(x, 2, 2)
    assert x.shape.as_list()[1:] == [3, 3, 256]
    return tf.reshape(x, [-1, 4, 4 * 256])


def test_e01_literal_third_pool_mixes_examples():
    x = place(28, 28, 256)
    rows = literal_lstm_input(x)
    assert moved(rows, x, 16, 3) == ([1, 2], 9)


@pytest.mark.parametrize("batch", [1, 2, 3, 4, 8])
def test_e01_literal_third_pool_fails_at_most_batches(batch):
    x = place(28, 28, 256)
    rows = literal_lstm_input(x)
    with pytest.raises(tf.errors.InvalidArgumentError, match=f"with {batch * 2304} values"):
        run(rows, {x: np.zeros([batch, 28, 28, 256])})


def test_e02_literal_map_fuses_four_examples():
    x = place(4, 512)
    images = tf.reshape(x, [-1, 4, 4, 512])
    with tf.Session() as session:
        batch = np.zeros([16, 4, 512])
        batch[3] = 1
        maps = session.run(images, {x: batch})
        assert maps.shape == (4, 4, 4, 512)
        assert set(np.argwhere(maps)[:, 0]) == {0}
        for size in (1, 2, 3):
            with pytest.raises(tf.errors.InvalidArgumentError):
                session.run(images, {x: batch[:size]})


def test_e03_second_lstm_collides_without_a_scope():
    x = place(4, 8)
    images_module.lstm_layer(x, 5, 1)
    with pytest.raises(ValueError, match=f"{LSTM}/kernel already exists"):
        images_module.lstm_layer(x, 5, 1)
    with tf.variable_scope("lstm_2"):
        images_module.lstm_layer(x, 5, 1)
    assert list(variables())[-2:] == [f"lstm_2/{LSTM}/kernel", f"lstm_2/{LSTM}/bias"]


@pytest.mark.parametrize("shape", [(8, 8, 3), (4, 8, 8, 3)])
def test_e04_e05_two_dimensional_layers_take_no_three_sizes(shape):
    x = place(*shape)
    with pytest.raises(ValueError, match="kernel_size. argument must be a tuple of 2 integers"):
        tf.layers.conv2d(x, 3, (1, 3, 3), (1, 1, 1), "same")
    with pytest.raises(ValueError, match="pool_size. argument must be a tuple of 2 integers"):
        tf.layers.max_pooling2d(x, (1, 3, 3), (1, 2, 2), "same")


def test_e04_mended_block_is_space_then_time_then_linear():
    x = place(3, 4, 5, 2)
    y = video.residual_2plus1d_block(x, 2, 3, 1, "same")
    assert [v.shape.as_list()[:3] for v in tf.global_variables() if "kernel" in v.op.name] == [
        [1, 3, 3],
        [3, 1, 1],
        [1, 1, 1],
    ]
    value = fill.images([2, 3, 4, 5, 2])
    with tf.Session() as session:
        session.run(tf.global_variables_initializer())
        last = [v for v in tf.global_variables() if v.op.name.startswith("conv3d_2/")]
        session.run([v.assign(tf.zeros_like(v) - (0.5 if v.shape.rank == 1 else 0)) for v in last])
        # a linear last layer: its bias of -0.5 reaches the sum, which a ReLU would have cut
        np.testing.assert_allclose(session.run(y, {x: value}), value - 0.5, atol=1e-6)


BLOCKS = [
    (images_module.residual_block, (6, 6)),
    (video.residual_3d_block, (3, 6, 6)),
    (video.residual_2plus1d_block, (3, 6, 6)),
]


@pytest.mark.parametrize(("block", "size"), BLOCKS)
def test_e08_literal_sum_broadcasts_one_channel(block, size):
    x = place(*size, 1)
    conv = tf.layers.conv2d if len(size) == 2 else tf.layers.conv3d
    assert tf.add(conv(x, 4, 3, padding="same"), x).shape.as_list() == [None, *size, 4]  # silent
    for channels in (1, 3):
        with pytest.raises(BadInputError) as caught:
            block(place(*size, channels), 4, 3, 1, "same")
        assert str(caught.value) == (
            f"{block.__name__} adds its input ({channels} channels) to 4 filters: "
            "give it as many filters as channels"
        )


@pytest.mark.parametrize(("block", "size"), BLOCKS)
@pytest.mark.parametrize(("strides", "padding"), [(2, "same"), ((1, 2), "same"), (1, "valid")])
def test_e06_e07_blocks_refuse_what_does_not_fit_the_sum(block, size, strides, padding):
    with pytest.raises(BadInputError) as caught:
        block(place(*size, 4), 4, 3, strides, padding)
    assert f"strides={strides}, padding='{padding}' cannot fit" in str(caught.value)
    assert "\n" not in str(caught.value)
    assert tf.global_variables() == []
    assert block(place(*size, 4), 4, 3, (1,) * len(size), "SAME").shape[-1] == 4


def test_e09_kept_a_3d_block_only_adds():
    x = place(3, 4, 4, 2)
    y = video.residual_3d_block(x, 2, 3, 1, "same")
    value = fill.images([2, 3, 4, 4, 2])
    assert (run(y, {x: value}) - value).min() >= -1e-6


@pytest.mark.parametrize(
    ("name", "shape", "words"),
    [
        ("cnn_lstm", (3, 28, 1), "images of 3x28 are too small for cnn_lstm: the smallest is 4x4"),
        ("cnn_lstm_resnet", (None, 28, 1), "cnn_lstm_resnet takes images [N, H, W, C] of known"),
        ("cnn_lstm", SMALL, "cnn_lstm takes images [N, H, W, C] of known height and width"),
        ("resnet_3d", (64, 64, 3), "resnet_3d takes clips [N, T, H, W, C], not (None, 64, 64, 3)"),
        ("resnet_3d", (4, 5, 4, 3), "clips of 4x5x4 (frames, height, width) are too small for"),
        ("resnet_2plus1d", (4, 8, 9, 3), "resnet_2plus1d: the smallest is 1x9x9"),
        ("resnet_3d_2plus1d", (4, 9, 8, 3), "resnet_3d_2plus1d: the smallest is 1x9x9"),
        ("resnet_3d", (0, 9, 9, 3), "clips of 0x9x9"),
    ],
)
def test_bad_input(name, shape, words):
    with pytest.raises(BadInputError) as caught:
        legacy_nets.build(name, place(*shape))
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("name", "smallest"), [("resnet_3d", 5), ("resnet_2plus1d", 9), ("resnet_3d_2plus1d", 9)]
)
def test_smallest_clip(name, smallest):
    out, _ = legacy_nets.build(name, place(1, smallest, smallest, 3))
    assert out.shape.as_list()[1:4] == [1, 1, 1]


def test_unknown_lstm_map():
    with pytest.raises(BadInputError, match="lstm_map='row': choose one of column, tile"):
        legacy_nets.build("cnn_lstm_resnet", place(*GREY), lstm_map="row")
