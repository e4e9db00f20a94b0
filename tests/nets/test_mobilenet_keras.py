"""MobileNet v1 to v3 against Keras' applications, of tf_keras and of real TensorFlow 1.15.5."""

from __future__ import annotations

import numpy as np
import pytest
from oracle_client import INFERENCE, assert_close, assert_summary, fill
from peer_client import common, load_peer

import legacy_nets
from legacy_nets import tf1 as tf

pytestmark = pytest.mark.slow


def keras_logits(application, width_multiplier, images):
    """An application in eager mode, filled by name: shapes by name, and its logits."""
    options = {"include_preprocessing": False} if "V3" in application else {}
    model = getattr(tf.keras.applications, application)(
        input_shape=images.shape[1:],
        alpha=width_multiplier,
        weights=None,
        classes=7,
        classifier_activation=None,
        **options,
    )
    shapes = {w.name.removesuffix(":0"): w.shape.as_list() for w in model.weights}
    model.set_weights([fill.variable(name, shape) for name, shape in shapes.items()])
    return shapes, np.asarray(model(images, training=False))


def ours(net, images, renamed=("", ""), **options):
    """The same of our net, where a name may begin differently there."""

    def there(variable):
        name = variable.op.name
        return renamed[1] + name.removeprefix(renamed[0]) if name.startswith(renamed[0]) else name

    with tf.Graph().as_default(), tf.Session() as session:
        images_in = tf.placeholder(tf.float32, [None, *images.shape[1:]])
        logits, _ = legacy_nets.build(net, images_in, num_classes=7, **options)
        variables = {there(v): v for v in tf.global_variables()}
        shapes = {name: v.shape.as_list() for name, v in variables.items()}
        feed = {
            v.initializer.inputs[1]: fill.variable(name, shapes[name])
            for name, v in variables.items()
        }
        session.run([v.initializer for v in variables.values()], feed)
        return shapes, session.run(logits, {images_in: images})


@pytest.mark.parametrize(
    ("net", "application", "width_multiplier", "side"),
    [
        ("mobilenet_v1", "MobileNet", 0.25, 32),  # at other sides Keras pads on one side alone
        ("mobilenet_v2", "MobileNetV2", 0.5, 33),
        ("mobilenet_v3_small", "MobileNetV3Small", 1.0, 33),
        ("mobilenet_v3_large", "MobileNetV3Large", 0.75, 33),
    ],
)
def test_same_weights_and_logits_as_keras(net, application, width_multiplier, side):
    images = fill.images((2, side, 64, 3))
    shapes, want = keras_logits(application, width_multiplier, images)
    got_shapes, got = ours(net, images, width_multiplier=width_multiplier)
    assert list(got_shapes.items()) == list(shapes.items())  # in one order, too
    assert_close(got, want, INFERENCE, "logits")


@pytest.mark.parametrize(
    ("net", "renamed"),
    [("mobilenet_v1", ("", "")), ("mobilenet_v2", ("predictions/", "Logits/"))],
)
def test_numbers_of_tensorflow_1(net, renamed):
    golden = load_peer(f"tf1/{net}")
    assert golden["peer"] == "TensorFlow 1.15.5"
    shapes, got = ours(net, fill.images((2, 64, 96, 3)), renamed)
    assert common.names_and_shapes(shapes) == golden["tensors"]
    assert_summary(got, golden["cases"][0]["logits"], INFERENCE, "logits")
