"""``describe`` of TensorFlow Lite models: rows, windows, parameters, multiply-adds, dtypes."""

from __future__ import annotations

import json

import numpy as np
import pytest
from click.testing import CliRunner

from legacy_nets import sandbox
from legacy_nets import tf1 as tf
from legacy_nets.anatomy.tflite import analyze_tflite
from legacy_nets.cli import main


@pytest.fixture(autouse=True)
def in_one_process(monkeypatch):
    """Runs the subprocess's work in this process, so that TensorFlow is imported once."""
    monkeypatch.setattr(sandbox, "run_sandboxed", lambda function, *values, **_: function(*values))


def create(*shape):
    return tf.constant(np.random.default_rng(0).random(shape, np.float32) - 0.5)


def convert(path, build, shape, precision="float32"):
    with tf.Graph().as_default(), tf.Session() as session:
        x = tf.placeholder(tf.float32, [None, *shape], name="images")
        converter = tf.lite.TFLiteConverter.from_session(session, [x], [build(x)])
        if precision != "float32":
            converter.optimizations = [tf.lite.Optimize.DEFAULT]
        if precision == "float16":
            converter.target_spec.supported_types = [tf.float16]
        if precision == "int8":
            rows = np.random.default_rng(1).random((4, 1, *shape), np.float32)
            converter.representative_dataset = lambda: ([row] for row in rows)
            converter.inference_input_type = tf.int8
        path.write_bytes(converter.convert())
    return path


def build_net(x):
    """Every kind of window, and a dense layer; no size is the same in both axes."""
    x = tf.nn.bias_add(tf.nn.conv2d(x, create(3, 5, 3, 8), [1, 2, 1, 1], "SAME"), create(8))
    x = tf.nn.depthwise_conv2d(x, create(3, 2, 8, 1), [1, 1, 1, 1], "VALID", dilations=[1, 1])
    x = tf.nn.max_pool2d(tf.nn.relu(x), [2, 3], [2, 1], "VALID")
    x = tf.nn.conv2d_transpose(x, create(2, 3, 4, 8), [1, 6, 28, 4], [1, 2, 2, 1], "SAME")
    x = tf.reshape(x, [-1, 6 * 28 * 4])
    return tf.nn.softmax(tf.matmul(x, create(6 * 28 * 4, 5)), name="y")


@pytest.mark.parametrize("precision", ["float32", "float16", "int8"])
def test_rows_windows_and_counts(tmp_path, precision):
    anatomy = analyze_tflite(convert(tmp_path / "x.tflite", build_net, (16, 17, 3), precision))
    image, conv, depthwise, pool, deconv, dense = anatomy.layers
    assert (image.name, image.layer_type, image.output) == ("images", "input", (None, 16, 17, 3))
    assert (conv.layer_type, conv.output) == ("convolution", (None, 8, 17, 8))
    assert (conv.kernel, conv.stride, conv.padding) == ((3, 5), (2, 1), "SAME")
    assert (conv.parameters, conv.multiply_adds) == (360 + 8, 8 * 17 * 8 * 45)
    assert (depthwise.layer_type, depthwise.output) == (
        "depthwise convolution",
        (None, 6, 16, 8),
    )
    assert (depthwise.kernel, depthwise.stride, depthwise.padding) == ((3, 2), (1, 1), "VALID")
    assert depthwise.multiply_adds == 6 * 16 * 8 * 6
    assert (pool.layer_type, pool.output) == ("max pool", (None, 3, 14, 8))
    assert (pool.kernel, pool.stride, pool.padding) == ((2, 3), (2, 1), "VALID")
    assert (pool.parameters, pool.multiply_adds) == (0, 0)
    assert (deconv.layer_type, deconv.kernel, deconv.stride) == (
        *("transposed convolution", (2, 3)),
        (2, 2),
    )
    assert deconv.multiply_adds == 3 * 14 * 8 * 4 * 6
    assert (dense.layer_type, dense.output) == ("dense", (None, 5))
    assert (dense.parameters, dense.multiply_adds) == (3360, 3360)
    assert [layer.notes for layer in anatomy.layers[1:]] == [
        ("computes in int8",) if precision == "int8" else ()
    ] * 5
    assert anatomy.unused == ()


def test_shared_weights_count_once_and_those_of_no_layer_are_named(tmp_path):
    def build(x):
        kernel = create(6, 6)
        return tf.matmul(tf.nn.relu(tf.matmul(x, kernel)), kernel)

    anatomy = analyze_tflite(convert(tmp_path / "x.tflite", build, (6,)))
    assert [layer.parameters for layer in anatomy.layers] == [0, 36, 0]
    assert anatomy.layers[2].notes == ("shares weights of a layer above",)
    assert anatomy.multiply_adds == 72


def test_the_command_prints_inputs_outputs_and_scales(tmp_path):
    path = convert(tmp_path / "x.bin", build_net, (16, 17, 3), "int8")
    done = CliRunner().invoke(main, ["describe", str(path)])
    assert done.exit_code == 0, done.stderr
    assert "x.bin: 3,976 parameters" in done.stdout and "┃ field" not in done.stdout
    assert "input images int8 [?, 16, 17, 3], scale 0.0039" in done.stdout
    assert "output y float32 [?, 5]\n" in done.stdout
    table = json.loads(CliRunner().invoke(main, ["describe", str(path), "--json"]).stdout)
    assert [layer["layer_type"] for layer in table["layers"]][-1] == "dense"


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"\x1c\0\0\0TFL3" + b"\xff" * 60, "damaged ("),
        (b"", "the file is empty"),
        (b"<!DOCTYPE html>", "HTML"),
        (b"version https://git-lfs.github.com/spec/v1", "git lfs pull"),
        (b"\x08\x08\x3a", "damaged, or no TensorFlow Lite model"),
    ],
)
def test_damaged_models_are_refused_in_one_line(tmp_path, data, reason):
    (tmp_path / "x.tflite").write_bytes(data)
    done = CliRunner().invoke(main, ["describe", str(tmp_path / "x.tflite")])
    assert done.exit_code == 2 and done.stdout == "" and reason in done.stderr
    assert done.stderr.startswith(f"legacy-nets: {tmp_path}") and done.stderr.count("\n") == 1
