"""Document 004's demo CNN, AlexNet, VGG and GoogLeNet against its Keras models.

The same names hold the same values on both sides (scripts/oracle/fill.py): under tf.keras here,
and in the golden files that tf.keras of real TensorFlow 1.15.5 wrote (scripts/peers).
"""

from __future__ import annotations

import subprocess

import keras_plain_nets
import numpy as np
import pytest
from oracle_client import INFERENCE, REPOSITORY, assert_close, assert_summary, fill, measure
from peer_client import common, load_peer

import legacy_nets
from legacy_nets import tf1 as tf

CASES = [  # net, height, width, options
    ("demo_cnn", 28, 28, {}),
    ("demo_cnn", 5, 9, {}),
    ("alexnet_v1", 64, 83, {}),
    ("alexnet_v2", 67, 67, {}),
    pytest.param("vgg11", 32, 65, {"hidden": 64}, marks=pytest.mark.slow),
    pytest.param("vgg16", 32, 32, {"hidden": 64}, marks=pytest.mark.slow),
    pytest.param("googlenet", 193, 224, {"aux_logits": True}, marks=pytest.mark.slow),
    pytest.param("googlenet", 225, 200, {"aux_logits": False}, marks=pytest.mark.slow),
]


def run(build, shape):
    """Builds in a graph of its own: the variables in order, and the values of what it returns."""
    with tf.Graph().as_default(), tf.Session() as session:
        images = tf.placeholder(tf.float32, [None, *shape[1:]])
        outputs = build(images)
        variables = tf.global_variables()
        measure.assign(session, variables)
        named = [(v.op.name, v.shape.as_list()) for v in variables]
        return named, session.run(outputs, {images: fill.images(shape)})


@pytest.mark.parametrize(("name", "height", "width", "options"), CASES)
def test_variables_and_outputs_are_those_of_the_keras_model(name, height, width, options):
    net = legacy_nets.get_net(name)
    shape = (2, height, width, net.channels)

    def keras(images):
        outputs = keras_plain_nets.MODELS[name](tf.keras, 7, height, width, **options)(images)
        return outputs if isinstance(outputs, list) else [outputs]

    def ours(images):
        _, points = legacy_nets.build(name, images, num_classes=7, **options)
        heads = [tf.nn.softmax(points[head]) for head in net.heads[1:] if head in points]
        return [*heads, points["predictions"]]

    (names, want), (our_names, got) = run(keras, shape), run(ours, shape)
    assert our_names == names
    assert len(got) == len(want)
    for index, (value, wanted) in enumerate(zip(got, want, strict=True)):
        assert wanted.shape == (2, 7)
        assert_close(value, wanted, INFERENCE, f"output {index}")


@pytest.mark.parametrize(
    "name",
    ["demo_cnn", "alexnet_v1", "alexnet_v2", pytest.param("googlenet", marks=pytest.mark.slow)],
)
def test_numbers_of_tensorflow_1(name):
    golden = load_peer(name)
    assert golden["peer"] == "tf.keras of TensorFlow 1.15.5"
    (case,) = golden["cases"]
    request = case["request"]
    shape = [request[key] for key in ("batch", "height", "width", "channels")]

    def ours(images):
        options = {"num_classes": request["num_classes"], **request.get("options", {})}
        logits, points = legacy_nets.build(name, images, **options)
        return {"logits": logits, **{key: points[key] for key in case["end_points"]}}

    names, got = run(ours, shape)
    assert common.names_and_shapes(dict(names)) == golden["tensors"]
    assert sum(int(np.prod(shape)) for _, shape in names) == golden["parameters"]
    for key, want in {"logits": case["logits"], **case["end_points"]}.items():
        assert_summary(got[key], want, INFERENCE, key)


@pytest.mark.slow
def test_golden_files_are_what_tensorflow_1_says(oracle):
    script = REPOSITORY / "scripts" / "peers" / "keras_zoo_a.py"
    done = subprocess.run([oracle, str(script)], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr[-2000:]
    assert done.stdout.count("largest relative difference") == 4
