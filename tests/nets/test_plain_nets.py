"""Demo CNN, AlexNet, VGG and GoogLeNet at work: dropout, reuse, sizes, training, bad input."""

from __future__ import annotations

import numpy as np
import pytest
from graphs import placeholder
from oracle_client import fill, measure

import legacy_nets
from legacy_nets import tf1 as tf
from legacy_nets.checkpoints.open import open_weights
from legacy_nets.checkpoints.restore import match
from legacy_nets.errors import BadInputError, CheckpointError
from legacy_nets.nets import alexnet, demo_cnn, googlenet, vgg
from legacy_nets.nets.weights import googlenet as googlenet_weights
from legacy_nets.nets.weights.translate_for_net import translate_for_net
from legacy_nets.registry import get_net
from legacy_nets.train.graph import build_training
from legacy_nets.train.settings import Settings, build_heads

SMALL = {"hidden": 16}


pytestmark = pytest.mark.usefixtures("graph")


@pytest.mark.parametrize(
    ("name", "side", "options"),
    [
        ("alexnet_v1", 64, {}),
        ("alexnet_v2", 64, {}),
        pytest.param("vgg11", 32, SMALL, marks=pytest.mark.slow),
        pytest.param("googlenet", 193, {"aux_logits": True}, marks=pytest.mark.slow),
    ],
)
def test_dropout_follows_a_tensor_and_the_batch_is_free(name, side, options):
    images = placeholder(side, side, 3)
    is_training = tf.placeholder_with_default(False, [])
    logits, points = legacy_nets.build(
        name, images, num_classes=4, is_training=is_training, **options
    )
    heads = [points.get(head) for head in legacy_nets.get_net(name).heads]
    with tf.Session() as session:
        measure.assign(session, tf.global_variables())
        three = fill.images((3, side, side, 3))
        still = session.run(heads, {images: three})
        again = session.run(heads, {images: three[:1]})
        dropped = [session.run(heads, {images: three, is_training: True}) for _ in range(2)]
    for head in range(len(heads)):
        assert still[head].shape == (3, 4)
        np.testing.assert_allclose(still[head][:1], again[head], rtol=1e-4, atol=1e-6)
        assert np.abs(dropped[0][head] - dropped[1][head]).max() > 1e-3
        assert np.abs(dropped[0][head] - still[head]).max() > 1e-3


def test_without_dropout_training_computes_what_inference_does():
    images = placeholder(64, 64, 3)
    trained, _ = alexnet.alexnet_v1(images, 4, True, dropout=0.0)
    tested, _ = alexnet.alexnet_v1(images, 4, reuse=True)
    assert len(tf.global_variables()) == 16
    with tf.Session() as session:
        measure.assign(session, tf.global_variables())
        got, want = session.run([trained, tested], {images: fill.images((2, 64, 64, 3))})
    np.testing.assert_array_equal(got, want)


def test_a_builder_is_called_twice_by_reuse_and_once_a_scope():
    net = demo_cnn.MyModel()
    first, _ = net(placeholder(28, 28, 1))
    net(placeholder(28, 28, 1), reuse=True)
    assert len(tf.global_variables()) == 6
    with pytest.raises(ValueError, match="my_model/conv2d/kernel already exists"):
        net(placeholder(28, 28, 1))
    with tf.variable_scope("mine"):
        net(placeholder(28, 28, 1))
    assert tf.global_variables()[6].op.name == "mine/my_model/conv2d/kernel"


def test_alexnet_learns_in_graph_mode():
    """Two classes of plain colour; 12 steps of Adam with dropout on."""
    settings = Settings("alexnet_v2", 2, (64, 64), learning_rate=1e-3)
    tf.set_random_seed(1)  # before the layers, whose initial values take it
    graph = build_training(settings)
    labels = np.arange(8) % 2
    images = np.zeros((8, 64, 64, 3), np.float32)
    images[labels == 0, ..., 0] = 1
    images[labels == 1, ..., 2] = 1
    with tf.Session() as session:
        session.run(tf.global_variables_initializer())
        feed = {graph.images: images, graph.labels: labels, graph.is_training: True}
        losses = [session.run([graph.loss, graph.train_step], feed)[0] for _ in range(12)]
        right = session.run(graph.probabilities, {graph.images: images}).argmax(1) == labels
    assert losses[-1] < 0.5 * losses[0]
    assert right.all()


@pytest.mark.slow
def test_googlenet_trains_on_three_losses():
    """0.3 for each auxiliary head: 004-E20."""
    settings = build_heads(Settings("googlenet", 3, (193, 193), aux_weight=0.3))
    graph = build_training(settings)
    images, labels = fill.images((2, 193, 193, 3)), [2, 0]
    with tf.Session() as session:
        session.run(tf.global_variables_initializer())
        measure.assign(session, graph.variables)
        feed = {graph.images: images, graph.labels: labels}
        heads = [graph.end_points[key] for key in ("logits", "aux_1", "aux_2")]
        *scores, loss, _ = session.run([*heads, graph.loss, graph.train_step], feed)
        moved = session.run(graph.variables)
    terms = [np.mean(np.log(np.exp(rows).sum(1)) - rows[np.arange(2), labels]) for rows in scores]
    np.testing.assert_allclose(loss, terms[0] + 0.3 * (terms[1] + terms[2]), rtol=1e-5)
    for variable, value in zip(graph.variables, moved, strict=True):
        before = fill.variable(variable.op.name, variable.shape.as_list())
        assert np.abs(value - before).max() > 0, f"{variable.op.name} has no gradient"


@pytest.mark.parametrize(
    ("name", "smallest", "channels", "options"),
    [
        ("demo_cnn", demo_cnn.SMALLEST, 1, {}),
        ("alexnet_v1", alexnet.SMALLEST, 3, {}),
        ("alexnet_v2", alexnet.SMALLEST, 3, {}),
        ("vgg11", vgg.SMALLEST, 3, SMALL),
        pytest.param(*("googlenet", googlenet.SMALLEST, 3, {}), marks=pytest.mark.slow),
    ],
)
def test_the_smallest_image_is_stated(name, smallest, channels, options):
    logits, points = legacy_nets.build(name, placeholder(smallest, smallest, channels), **options)
    flat = next(points[key] for key in ("flatten", "output_flatten") if key in points)
    assert flat.shape.as_list()[1] > 0
    small = placeholder(smallest, smallest - 1, channels)
    with pytest.raises(BadInputError, match=f"{smallest}x{smallest - 1} are too small for {name}"):
        legacy_nets.build(name, small, scope="small", **options)


@pytest.mark.parametrize("shape", [[None, None, 224, 3], [None, 224, 224, None], [None, 224, 224]])
def test_images_of_unknown_size_are_refused(shape):
    for name in ("alexnet_v1", "vgg16", "googlenet"):
        with pytest.raises(BadInputError, match=f"{name} takes images .N, H, W, C. of known"):
            legacy_nets.build(name, tf.placeholder(tf.float32, shape))


def test_images_without_a_rank_are_refused():
    with pytest.raises(BadInputError, match="demo_cnn takes images"):
        demo_cnn.demo_cnn(tf.placeholder(tf.float32))


def test_a_model_of_the_document_has_the_size_it_was_made_for():
    with pytest.raises(BadInputError, match=r"made for images of 64x80 .*, not"):
        alexnet.AlexNet_v1(im_height=64, im_width=80)(placeholder(80, 64, 3))
    _, points = alexnet.AlexNet_v1(im_height=64, im_width=80)(placeholder(None, None, 3))
    assert points["pool3"].shape.as_list() == [None, 1, 1, 128]
    with tf.Graph().as_default():
        vgg.VGG(vgg.make_feature([2, "M"]), 32, 32)(tf.placeholder(tf.float32))
        assert tf.global_variables()[0].shape.as_list() == [3, 3, 3, 2]


@pytest.mark.parametrize("aux_logits", [True, False])
@pytest.mark.parametrize("layout", ["", "keras"])
@pytest.mark.slow
def test_a_googlenet_with_other_heads_than_the_file_is_told_the_option(
    tmp_path, aux_logits, layout
):
    """Without heads Keras numbers the layers after them again: there is no rule that renames."""
    if layout:
        names = (
            googlenet_weights.map_keras_no_aux_names
            if aux_logits
            else googlenet_weights.map_keras_names
        )
        stored = [entry.stored for entry in names("googlenet")]
    else:
        with tf.Graph().as_default():
            googlenet.googlenet(placeholder(193, 193, 3), 5, aux_logits=not aux_logits)
            stored = [variable.op.name for variable in tf.global_variables()]
    np.savez(tmp_path / "w.npz", **{name: np.zeros(1, np.float32) for name in stored})
    googlenet.googlenet(placeholder(193, 193, 3), 5, aux_logits=aux_logits)
    source = translate_for_net(open_weights(tmp_path / "w.npz"), get_net("googlenet"))
    with pytest.raises(CheckpointError) as caught:
        match(tf.global_variables(), source).check()
    message = str(caught.value)
    what = "no auxiliary heads" if aux_logits else "auxiliary heads"
    assert (
        f"hint: the checkpoint has {what} (aux_1): build with aux_logits={not aux_logits} (--op"
        in (message)
    )
    assert "\n" not in message
