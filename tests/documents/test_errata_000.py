"""Errata of document 000: each literal defect, here and in TensorFlow 1.15.5, and its fix."""

from __future__ import annotations

import os
import re
import subprocess
import sys

import numpy as np
import pytest
from graphs import get_shapes, placeholder
from oracle_client import ask_outcomes, assert_outcome, fill, literal_000, measure

import legacy_nets
from legacy_nets import documents
from legacy_nets import tf1 as tf
from legacy_nets.errors import BadInputError
from legacy_nets.nets import cnn_lstm as images_module
from legacy_nets.nets import video_resnet as video

LSTM = "rnn/multi_rnn_cell/cell_0/lstm_cell"
GREY = (28, 28, 1)
SMALL = (4, 16, 16, 3)


pytestmark = pytest.mark.usefixtures("graph")


def shapes(end_points):
    return {key: tuple(point.shape.as_list()[1:]) for key, point in end_points.items()}


def run(fetches, feed):
    """Runs with the variables filled by their names."""
    with tf.Session() as session:
        measure.assign(session, tf.global_variables())
        return session.run(fetches, feed)


# The defects: what the literal lines (scripts/oracle/literal_000.py) do. An error is its type and
# a pattern of its message.


def reshape_fails(values, multiple):
    return (
        "InvalidArgumentError",
        f"Input to reshape is a tensor with {values} values, but the requested shape requires a "
        f"multiple of {multiple}",
    )


def takes_two(argument, given):
    return "ValueError", rf"The `{argument}` argument must be a tuple of 2 integers.*\({given}\)"


def sum_fails(one, two, *shapes):
    return "ValueError", rf"Dimensions must be equal, but are {one} and {two} for .*" + ", ".join(
        re.escape(f"[?,{shape}]") for shape in shapes
    )


DEFECTS = {
    "E01 size after the third pool": [None, 3, 3, 256],  # not 4x4
    **{f"E01 batch of {n}": reshape_fails(n * 2304, 4096) for n in (1, 2, 3, 4, 8)},
    "E01 batch of 16": {"rows": 9, "moved": [1, 2]},  # silent: example 3 moved two rows
    "E01 batch of 32 known when the graph is built": [18, 4, 1024],  # silent
    **{f"E02 batch of {n}": reshape_fails(n * 2048, 8192) for n in (1, 2, 3)},
    "E02 batch of 4": {"rows": 1, "moved": [0]},  # silent: four examples are one map
    "E02 batch of 16": {"rows": 4, "moved": [0]},
    "E02 loss of four examples": (
        "InvalidArgumentError",
        r"logits and labels must have the same first dimension, got logits shape \[1,10\] and "
        r"labels shape \[4\]",
    ),
    "E03 second LSTM": ("ValueError", f"Variable {LSTM}/kernel already exists, disallowed"),
    "E03 second LSTM, variables shared": (
        "ValueError",
        rf"Trying to share variable {LSTM}/kernel, but specified shape \(2560, 2048\) and found "
        r"shape \(1536, 2048\)",
    ),
    "E04 conv2d of a clip": takes_two("kernel_size", "1, 3, 3"),
    "E04 conv2d of an image": takes_two("kernel_size", "1, 3, 3"),
    "E05 conv2d of a clip": takes_two("kernel_size", "1, 7, 7"),
    "E05 max_pooling2d of a clip": takes_two("pool_size", "1, 3, 3"),
    "E06 padding": [[None, 3, 9, 9, 4], [None, 3, 9, 9, 4]],  # silent: valid would be 1x7x7
    "E07 strides of 2, image": sum_fails(7, 28, "7,7,4", "28,28,4"),
    "E07 strides of 2, clip": sum_fails(4, 16, "4,14,14,4", "16,56,56,4"),
    "E07 strides of 2, (2+1)D": sum_fails(8, 16, "8,28,28,4", "16,56,56,4"),
    "E07 padding valid, clip": sum_fails(12, 16, "12,52,52,4", "16,56,56,4"),
    "E08 one channel, image": [None, 28, 28, 32],  # silent
    "E08 one channel, clip": [None, 4, 8, 8, 64],  # silent
    "E08 three channels": sum_fails(32, 3, "28,28,32", "28,28,3"),
}


def test_every_defect_is_run():
    assert list(DEFECTS) == list(literal_000.LITERAL)


@pytest.mark.parametrize("name", DEFECTS)
def test_literal_defect(name):
    assert_outcome(literal_000.outcome(tf, name), DEFECTS[name])


@pytest.fixture(scope="module")
def outcomes_of_tensorflow_1(oracle, tmp_path_factory):
    return ask_outcomes(oracle, literal_000, tmp_path_factory.mktemp("literal"))


@pytest.mark.slow
@pytest.mark.parametrize("name", DEFECTS)
def test_literal_defect_under_tensorflow_1(outcomes_of_tensorflow_1, name):
    assert_outcome(outcomes_of_tensorflow_1[name], DEFECTS[name])


# The fixes


@pytest.mark.parametrize(
    ("height", "width", "rows", "columns"), [(28, 28, 4, 4), (33, 45, 4, 6), (4, 5, 1, 1)]
)
def test_other_sizes_keep_a_row_a_time_step(height, width, rows, columns):
    _, points = legacy_nets.build("cnn_lstm", placeholder(height, width, 1))
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
def test_e01_e02_fixed_no_example_moves_another(lstm_map):
    x = placeholder(*GREY)
    logits, _ = legacy_nets.build("cnn_lstm_resnet", x, lstm_map=lstm_map)
    assert moved(logits, x, 4, 2) == ([2], 4)


def test_e03_fixed_a_scope_of_its_own():
    x = placeholder(4, 8)
    images_module.lstm_layer(x, 5, 1)
    with pytest.raises(ValueError, match=f"{LSTM}/kernel already exists"):
        images_module.lstm_layer(x, 5, 1)
    with tf.variable_scope("lstm_2"):
        images_module.lstm_layer(x, 5, 1)
    assert list(get_shapes())[-2:] == [f"lstm_2/{LSTM}/kernel", f"lstm_2/{LSTM}/bias"]


def test_e04_fixed_block_is_space_then_time_then_linear():
    x = placeholder(3, 4, 5, 2)
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
def test_e08_fixed_blocks_refuse_other_channels(block, size):
    for channels in (1, 3):
        with pytest.raises(BadInputError) as caught:
            block(placeholder(*size, channels), 4, 3, 1, "same")
        assert str(caught.value) == (
            f"{block.__name__} adds its input ({channels} channels) to 4 filters: "
            "give it as many filters as channels"
        )


@pytest.mark.parametrize(("block", "size"), BLOCKS)
@pytest.mark.parametrize(("strides", "padding"), [(2, "same"), ((1, 2), "same"), (1, "valid")])
def test_e06_e07_fixed_blocks_refuse_what_does_not_fit_the_sum(block, size, strides, padding):
    with pytest.raises(BadInputError) as caught:
        block(placeholder(*size, 4), 4, 3, strides, padding)
    assert f"strides={strides}, padding='{padding}' cannot fit" in str(caught.value)
    assert "\n" not in str(caught.value)
    assert tf.global_variables() == []
    assert block(placeholder(*size, 4), 4, 3, (1,) * len(size), "SAME").shape[-1] == 4


def test_e09_kept_a_3d_block_only_adds():
    x = placeholder(3, 4, 4, 2)
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
        legacy_nets.build(name, placeholder(*shape))
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("name", "smallest"), [("resnet_3d", 5), ("resnet_2plus1d", 9), ("resnet_3d_2plus1d", 9)]
)
def test_smallest_clip(name, smallest):
    out, _ = legacy_nets.build(name, placeholder(1, smallest, smallest, 3))
    assert out.shape.as_list()[1:4] == [1, 1, 1]


def test_unknown_lstm_map():
    with pytest.raises(BadInputError, match="lstm_map='row': choose one of column, tile"):
        legacy_nets.build("cnn_lstm_resnet", placeholder(*GREY), lstm_map="row")


# Numbers, Keras 3 and the dropped state


@pytest.mark.parametrize("erratum", ["E01", "E02"])
def test_e01_harm_is_that_of_the_live_graph(erratum):
    """The reshapes alone move the same rows as a run of the graph."""
    live = literal_000.outcome(tf, f"{erratum} batch of 16")["result"]
    assert documents.errata(f"000-{erratum}")[0].harm == ", ".join(map(str, live["moved"]))


OLD_KERAS = {  # name -> a line that needs it
    "conv2d": "tf.layers.conv2d(tf.zeros([1, 4, 4, 1]), 2, 3)",
    "LSTMCell": "tf.nn.rnn_cell.LSTMCell(3)",
}
LITERAL_E17 = """
import sys
import tensorflow.compat.v1 as tf

tf.disable_eager_execution()
for line in sys.argv[1:]:
    try:
        eval(line)
        print("runs")
    except Exception as error:
        print(f"{type(error).__name__}: {error}".splitlines()[0])
"""


@pytest.mark.slow
def test_e17_layers_and_cells_need_the_older_keras():
    environment = {key: value for key, value in os.environ.items() if not key.startswith("TF_USE")}
    command = [sys.executable, "-c", LITERAL_E17, *OLD_KERAS.values()]
    done = subprocess.run(command, capture_output=True, text=True, env=environment, check=True)
    for (name, line), said in zip(OLD_KERAS.items(), done.stdout.splitlines(), strict=True):
        assert (
            said.startswith("AttributeError") and f"{name}` is not available with Keras 3" in said
        )
        with tf.Graph().as_default():
            eval(line, {"tf": tf})  # the fix: tf comes from legacy_nets


def test_e18_the_last_output_is_the_state_that_is_dropped():
    value = np.random.default_rng(0).normal(size=[2, 3, 4]).astype(np.float32)
    with tf.Graph().as_default(), tf.Session() as session:
        tf.set_random_seed(0)
        x = tf.placeholder(tf.float32, [None, 3, 4])
        outputs = images_module.lstm_layer(x, 5, 1)
        with tf.variable_scope(tf.get_variable_scope(), reuse=True):
            cells = tf.nn.rnn_cell.MultiRNNCell([tf.nn.rnn_cell.LSTMCell(5, name="lstm_cell")])
            _, (state,) = tf.nn.dynamic_rnn(cells, x, dtype=tf.float32)
        session.run(tf.global_variables_initializer())
        last, hidden = session.run([outputs[:, -1, :], state.h], {x: value})
    assert np.abs(last).max() > 0.01
    np.testing.assert_array_equal(last, hidden)
