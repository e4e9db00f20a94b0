"""The playgrounds compute what the Python functions and TensorFlow compute."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest

from legacy_nets import tf1 as tf
from legacy_nets.anatomy import formulas
from legacy_nets.errors import BadInputError

DOCS = Path(__file__).parents[2] / "docs"
SCRIPTS = DOCS / "_static" / "playgrounds"


def compute(*calls):
    """Runs functions of values.js: each call is [name, argument, ...]."""
    if shutil.which("node") is None:
        pytest.skip("no Node.js")
    program = (
        f"const values = require({json.dumps(str(SCRIPTS / 'values.js'))});"
        f"const calls = {json.dumps(calls)};"
        "console.log(JSON.stringify(calls.map(([name, ...given]) =>"
        " name.split('.').reduce((found, part) => found[part], values)(...given))));"
    )
    done = subprocess.run(["node", "-e", program], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def run(build):
    with tf.Graph().as_default(), tf.Session() as session:
        return session.run(build())


WINDOWS = [
    (size, kernel, stride, dilation)
    for size in (1, 5, 6, 7, 15, 224, 299)
    for kernel in (1, 2, 3, 7)
    for stride in (1, 2, 3)
    for dilation in (1, 2)
]


@pytest.mark.parametrize("padding", ["SAME", "VALID", 0, 1, 3])
def test_output_sizes(padding):
    def python(size, kernel, stride, dilation):
        try:
            return formulas.compute_output_size(size, kernel, stride, padding, dilation)
        except BadInputError:
            return None

    calls = [["outputSize", *window[:3], padding, window[3]] for window in WINDOWS]
    assert compute(*calls) == [python(*window) for window in WINDOWS]


def test_zeros_of_same():
    calls = [["samePadding", *window] for window in WINDOWS]
    assert compute(*calls) == [list(formulas.compute_same_padding(*window)) for window in WINDOWS]


def test_receptive_fields():
    nets = [[[7, 2], [3, 2], [1, 1], [3, 1]], [[3, 1, 2]], [[3, 1]] * 5, [[2, 2, 1], [5, 3, 4]], []]
    calls = [["receptiveField", layers] for layers in nets]
    assert compute(*calls) == [19, 5, 11, 34, 1]


def test_parameters():
    got = compute(
        ["parameters.convolution", 7, 3, 64, True],
        ["parameters.convolution", 3, 16, 32, False],
        ["parameters.depthwise", 3, 32, 0, True],
        ["parameters.depthwise", 5, 8, 0, False],
        ["parameters.dense", 0, 2048, 6, True],
        ["parameters.lstm", 0, 28, 64],
    )
    assert got == [9472, 4608, 320, 200, 12294, 23808]


def test_batch_norm_as_tensorflow():
    batch = [4.0, 5.0, 6.0, 9.0]
    [mean, variance], path = compute(["moments", batch], ["movingAverage", 0, 6, 0.9, 3])
    with tf.Graph().as_default(), tf.Session() as session:
        images = tf.constant(batch, shape=[4, 1])
        outputs = [
            tf.layers.batch_normalization(
                images, momentum=0.9, training=mode, name="bn", reuse=tf.AUTO_REUSE
            )
            for mode in (True, False)
        ]
        session.run(tf.global_variables_initializer())
        moving = {v.op.name: v for v in tf.global_variables()}
        in_training = session.run(outputs[0]).ravel()
        for value in path[1:]:
            session.run(tf.get_collection(tf.GraphKeys.UPDATE_OPS))
            assert session.run(moving["bn/moving_mean"])[0] == pytest.approx(value, rel=1e-6)
        statistics = [
            float(session.run(moving[f"bn/moving_{kind}"])[0]) for kind in ("mean", "variance")
        ]
        in_evaluation = session.run(outputs[1]).ravel()
    got = compute(["normalize", batch, mean, variance], ["normalize", batch, *statistics])
    np.testing.assert_allclose(got, [in_training, in_evaluation], rtol=1e-5)


@pytest.mark.parametrize("label", [0, 2])
def test_softmax_and_its_gradients_as_tensorflow(label):
    logits = [4.0, 1.0, -2.0]
    once, twice_gradient, once_gradient = compute(
        ["softmax", logits], ["gradientTwice", logits, label], ["gradientOnce", logits, label]
    )
    np.testing.assert_allclose(once, run(lambda: tf.nn.softmax(logits)), rtol=1e-5)

    def gradient(transform):
        x = tf.constant([logits])
        loss = tf.nn.sparse_softmax_cross_entropy_with_logits(labels=[label], logits=transform(x))
        return tf.gradients(loss, x)[0][0]

    np.testing.assert_allclose(once_gradient, run(lambda: gradient(tf.identity)), atol=1e-6)
    np.testing.assert_allclose(twice_gradient, run(lambda: gradient(tf.nn.softmax)), atol=1e-6)


def test_both_meanings_of_dropout():
    draws = [0.0, 0.1, 0.19, 0.2, 0.21, 0.5, 0.79, 0.81, 0.99]
    inputs = [1.0] * len(draws)
    kept, dropped = compute(
        ["dropoutKeepProb", inputs, draws, 0.8], ["dropoutRate", inputs, draws, 0.8]
    )
    # 1.15.5 keeps where the draw is at least the rate, which is 1 - keep_prob.
    assert kept == [0, 0, 0, 1.25, 1.25, 1.25, 1.25, 1.25, 1.25]
    np.testing.assert_allclose(dropped, [0, 0, 0, 0, 0, 0, 0, 5, 5])


def test_one_value_of_a_convolution_as_tensorflow():
    picture = np.arange(36).reshape(6, 6) % 7
    kernel = [[1, 0, -1], [2, 0, -2], [1, 0, -1]]
    got = compute(
        *(["convolveAt", picture.tolist(), kernel, i, j] for i in range(4) for j in range(4))
    )
    wanted = run(
        lambda: tf.nn.conv2d(
            tf.constant(picture[None, :, :, None], tf.float32),
            tf.constant(np.array(kernel)[:, :, None, None], tf.float32),
            [1, 1, 1, 1],
            "VALID",
        )
    )
    assert [value["sum"] for value in got] == wanted.ravel().tolist()


def test_every_playground_is_on_a_page_and_has_a_widget():
    pages = "".join(path.read_text("utf-8") for path in (DOCS / "playgrounds").glob("*.md"))
    placed = re.findall(r'data-name="([\w-]+)"', pages)
    script = (SCRIPTS / "widgets.js").read_text("utf-8")
    table = script[script.index("const widgets = {") : script.index("function build")]
    built = re.findall(r'^    "?([\w-]+)"?: \{$', table, re.MULTILINE)
    assert sorted(placed) == sorted(built) and len(set(built)) == 7
