"""Errata of document 004: small reproductions of the literal defects, and the fixes.

Other files: test_errata_004_keras3.py (Keras 3), test_errata_004_loops.py (training loops),
test_errata_004_vit.py (Vision Transformer). The facts (test_facts.py) and the tests of each net
cover comments and text.
"""

from __future__ import annotations

import os
import subprocess

import numpy as np
import pytest
import zoo_predict
from PIL import Image

import legacy_nets
from legacy_nets import tf1 as tf
from legacy_nets.data import preprocessing
from legacy_nets.documents.checks import document_004_errata as harm
from legacy_nets.errors import CheckpointError
from legacy_nets.nets import alexnet, vit


def picture(path, mode, size=(90, 70)):
    values = np.random.default_rng(0).integers(0, 256, (*size[::-1], 3), dtype=np.uint8)
    Image.fromarray(values).convert(mode).save(path)
    return path


def literal_image(path, side=64):
    """Runs the lines of the predict script for a net with images of that side."""
    image = Image.open(path)
    image = image.resize((side, side))
    return np.expand_dims(np.array(image) / 255.0, 0)


def test_e11_the_wrong_path_is_checked(tmp_path):
    """The assertion passes for any weights; HDF5 then reports the missing file."""
    img_path = picture(tmp_path / "tulip.png", "RGB")
    weighs_path = str(tmp_path / "myAlex.h5")
    assert os.path.exists(img_path), f"file: '{weighs_path}' dose not exist."
    model = tf.keras.Sequential([tf.keras.layers.Dense(2, input_shape=(2,))])
    with pytest.raises(OSError, match="[Uu]nable to (synchronously )?open file"):
        model.load_weights(weighs_path)


def test_e11_fixed_missing_weights_are_named(tmp_path):
    given = ["alexnet_v1", str(picture(tmp_path / "a.png", "RGB"))]
    with pytest.raises(CheckpointError, match="myAlex.h5"):
        zoo_predict.main([*given, "--weights", str(tmp_path / "myAlex.h5")])


@pytest.mark.parametrize(("mode", "shape"), [("RGBA", (1, 64, 64, 4)), ("L", (1, 64, 64))])
def test_e12_images_are_not_made_rgb(tmp_path, mode, shape):
    path = picture(tmp_path / "image.png", mode)
    image = literal_image(path)
    assert image.shape == shape
    layers = tf.keras.layers
    model = tf.keras.Sequential([layers.Conv2D(2, 11, 4, input_shape=(64, 64, 3))])
    with pytest.raises(ValueError, match="incompatible|expected"):
        model.predict(image, verbose=0)
    rgb = preprocessing.resize_picture(preprocessing.read_picture(path), "unit", (64, 64), 3)
    assert rgb.shape == (64, 64, 3)


def test_e13_prediction_resizes_another_way_than_training(tmp_path):
    """Pillow's default differs from that of flow_from_directory; ours resizes both alike."""
    (tmp_path / "flowers").mkdir()
    path = picture(tmp_path / "flowers" / "daisy.png", "RGB")
    # as flow_from_directory loads it, which also needs SciPy
    load = tf.keras.preprocessing.image.load_img
    trained = np.asarray(load(str(path), target_size=(64, 64)))[None] / 255.0
    assert np.abs(trained - literal_image(path)).mean() > 0.05
    nearest = Image.open(path).resize((64, 64), Image.Resampling.NEAREST)
    np.testing.assert_allclose(trained[0], np.asarray(nearest) / 255.0, atol=1e-6)


def test_e22_eager_names_are_not_unique_and_graph_names_are():
    """Builds two blocks, each with a projection and a unit_1, nested as in the document."""
    layers = tf.keras.layers
    names = []
    for number in (1, 2):
        shortcut = tf.keras.Sequential(
            [layers.Conv2D(4, 1, name="conv1"), layers.BatchNormalization(name="BatchNorm")],
            name="shortcut",
        )
        block = tf.keras.Sequential([shortcut], name=f"block{number}")
        block(tf.zeros([1, 4, 4, 2]))
        names += [weight.name for weight in block.weights]
    assert [names.count(name) for name in names] == [2] * len(names)
    assert "conv1/kernel:0" in names
    with tf.Graph().as_default():
        legacy_nets.build("resnet18", tf.zeros([1, 32, 32, 3]), num_classes=2)
        ours = [variable.op.name for variable in tf.global_variables()]
    assert len(set(ours)) == len(ours)
    assert "block2/unit_1/shortcut/conv1/kernel" in ours


def test_e28_prediction_needs_the_means_too():
    """Without the means, or divided by 255, the net gets a different image than in training."""
    net = legacy_nets.get_net("resnet50")
    white = np.full([1, 2, 2, 3], 255, np.uint8)
    got = preprocessing.scale_pixels(white, net.preprocessing)
    np.testing.assert_allclose(got[0, 0, 0], [131.32, 138.22, 151.06], atol=2e-3)
    assert net.preprocessing != "unit"


def test_e29_a_softmax_too_many_bounds_the_loss_from_below():
    """Of five classes, a perfect score still costs 0.905; ours returns logits."""
    assert harm.compute_least_loss("5", "2") == pytest.approx(np.log(np.e + 4) - 1, abs=1e-5)
    assert harm.compute_least_loss("5", "1") == pytest.approx(0, abs=1e-5)
    with tf.Graph().as_default():
        logits, points = alexnet.alexnet_v1(tf.zeros([1, 64, 64, 3]), num_classes=5)
    assert logits.op.type == "BiasAdd"
    assert points["predictions"].op.inputs[0] is logits


def test_e30_a_vit_gives_logits_where_the_others_give_probabilities():
    with tf.Graph().as_default():
        images = tf.zeros([1, 32, 32, 3])
        logits, points = vit.VisionTransformer(32, 16, 8, 1, 2, num_classes=2)(images)
    assert logits.op.type == "BiasAdd"
    assert "predictions" not in points


def test_e32_one_initializer_makes_all_layers_alike():
    assert harm.compare_initial_values("shared") == "100 % equal"
    assert harm.compare_initial_values("own") == "0 % equal"


@pytest.mark.slow
def test_e36_e46_what_tensorflow_1_lacks(oracle):
    """Covers the initializers and gelu (E36), and grouped convolutions on the CPU (E46)."""
    done = subprocess.run([oracle, "-c", LACKS], capture_output=True, text=True)
    assert done.stdout.splitlines() == [
        "GlorotUniform False",
        "LecunNormal False",
        "ValueError Unknown activation function:gelu",
        "UnimplementedError The Conv2D op currently does not support grouped convolutions on the "
        "CPU.",
    ], done.stderr[-2000:]


LACKS = """
import tensorflow as tf
for name in ("GlorotUniform", "LecunNormal"):
    print(name, hasattr(tf.keras.initializers, name))
try:
    tf.keras.layers.Activation("gelu")
except ValueError as error:
    print(type(error).__name__, error)
y = tf.nn.conv2d(tf.zeros([1, 4, 4, 8]), tf.zeros([3, 3, 2, 8]), strides=1, padding="SAME")
try:
    tf.compat.v1.Session().run(y)
except tf.errors.OpError as error:
    print(type(error).__name__, str(error).split(" A ")[0])
"""


def test_e40_e41_widths_are_the_document_s():
    """AlexNet has half of the paper's filters; a VGG of 2048 units fits no weights of 4096."""
    with tf.Graph().as_default():
        images = tf.placeholder(tf.float32, [None, 64, 64, 3])
        points = alexnet.alexnet_v1(images)[1]
        paper = (96, 256, 384, 384, 256)
        assert [2 * points[f"conv{n}"].shape[-1] for n in range(1, 6)] == list(paper)
        widths = {}
        for hidden in (4096, 2048):
            scope = f"of_{hidden}"
            points = legacy_nets.build("vgg11", images, hidden=hidden, scope=scope)[1]
            widths[hidden] = points["dense1"].shape[-1]
    assert widths == {4096: 4096, 2048: 2048}
