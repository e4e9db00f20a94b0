"""What Keras saves of document 004's smaller models restores strictly into ours, and gives its
outputs: .h5 (weights, whole models) and the TF format, both made in eager mode.
"""

from __future__ import annotations

import keras_plain_nets
import numpy as np
import pytest
from oracle_client import INFERENCE, assert_close, fill

import legacy_nets
from legacy_nets import tf1 as tf
from legacy_nets.checkpoints.open import open_weights
from legacy_nets.checkpoints.restore import match
from legacy_nets.nets.weights.translate_for_net import translate_for_net
from legacy_nets.registry import get_net

pytestmark = pytest.mark.filterwarnings(
    "ignore:You are saving your model as an HDF5 file:UserWarning",
    "ignore:The `keras.initializers.serialize:UserWarning",
)
SLOW = pytest.mark.slow
CASES = [  # net, side, options
    ("demo_cnn", 28, {}),
    ("alexnet_v2", 64, {}),
    pytest.param("alexnet_v1", 64, {}, marks=SLOW),
    pytest.param("vgg11", 32, {"hidden": 16}, marks=SLOW),
    pytest.param("googlenet", 193, {"aux_logits": True}, marks=SLOW),
    pytest.param("googlenet", 193, {"aux_logits": False}, marks=SLOW),
]


def keras_model(name, side, options):
    """The model in eager mode, as in a fresh process; filled by the names of our variables."""
    channels = legacy_nets.get_net(name).channels
    with tf.Graph().as_default():
        place = tf.placeholder(tf.float32, [None, side, side, channels])
        legacy_nets.build(name, place, num_classes=4, **options)
        names = [variable.op.name for variable in tf.global_variables()]
    names.sort(key=lambda name: name.startswith("aux_"))  # Keras puts outputs last
    tf.keras.backend.clear_session()
    model = keras_plain_nets.MODELS[name](tf.keras, 4, side, side, **options)
    model(tf.zeros([1, side, side, channels]))
    model.set_weights(
        [fill.variable(n, w.shape.as_list()) for n, w in zip(names, model.weights, strict=True)]
    )
    return model


def ours(name, path, images, options, save=None):
    """Our logits and softmaxes, with the weights of a file; every tensor of it is used."""
    with tf.Graph().as_default(), tf.Session() as session:
        place = tf.placeholder(tf.float32, [None, *images.shape[1:]])
        _, points = legacy_nets.build(name, place, num_classes=4, **options)
        plan = match(tf.global_variables(), translate_for_net(open_weights(path), get_net(name)))
        plan.check()
        assert len(plan.matched) == len(tf.global_variables())
        assert (plan.extra, plan.skipped) == ((), ())
        plan.apply(session)
        if save:
            tf.train.Saver().save(session, str(save), write_meta_graph=False)
        heads = [points[key] for key in ("aux_1", "aux_2", "logits") if key in points]
        return session.run([tf.nn.softmax(head) for head in heads], {place: images})


@pytest.mark.parametrize(("name", "side", "options"), CASES)
def test_files_of_keras_restore_strictly(name, side, options, tmp_path):
    model = keras_model(name, side, options)
    images = fill.images((2, side, side, legacy_nets.get_net(name).channels))
    if name == "googlenet":  # 004-E21: the stem's name again, within inception_3a
        assert [weight.name for weight in model.weights].count("conv2d_1/kernel:0") == 2
    outputs = model(images, training=False)
    want = [np.asarray(out) for out in (outputs if isinstance(outputs, list) else [outputs])]
    paths = [tmp_path / "weights.h5", tmp_path / "tf_format"]
    model.save_weights(str(paths[0]))
    model.save_weights(str(paths[1]), save_format="tf")
    if name in ("alexnet_v1", "vgg11"):  # Keras saves functional models whole
        weights = model.get_weights()
        model.compile(tf.keras.optimizers.Adam(), "categorical_crossentropy")
        model.train_on_batch(images, np.eye(4)[:2])  # the file has the optimizer's slots, too
        model.set_weights(weights)
        paths.append(tmp_path / "whole.h5")
        model.save(str(paths[-1]))
    for path in paths:
        got = ours(name, path, images, options, save=tmp_path / "saver")
        assert len(got) == len(want)
        for index, (value, wanted) in enumerate(zip(got, want, strict=True)):
            assert_close(value, wanted, INFERENCE, f"output {index} of {path.name}")
    again = ours(name, tmp_path / "saver", images, options)  # the last, by way of a Saver
    for value, wanted in zip(again, got, strict=True):
        np.testing.assert_array_equal(value, wanted)
