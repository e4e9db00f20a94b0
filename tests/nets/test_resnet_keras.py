"""Document 004's ResNets against its Keras models: variables, outputs, and the files Keras saves.

The same names hold the same values on both sides (scripts/oracle/fill.py): under tf.keras here,
and in the golden files that tf.keras of real TensorFlow 1.15.5 wrote (scripts/peers).
"""

from __future__ import annotations

import subprocess

import keras_resnet
import numpy as np
import pytest
from oracle_client import INFERENCE, REPOSITORY, assert_close, assert_summary, fill, measure
from peer_client import common, load_peer

import legacy_nets
from legacy_nets import tf1 as tf
from legacy_nets.checkpoints.open import open_weights
from legacy_nets.checkpoints.restore import match
from legacy_nets.nets.resnet import UNITS
from legacy_nets.nets.weights.translate_for_net import translate_for_net
from legacy_nets.registry import get_net

pytestmark = pytest.mark.slow


@pytest.mark.parametrize("name", ["resnet34", "resnet50"])
def test_numbers_of_tensorflow_1(name):
    golden = load_peer(f"tf1/{name}")
    assert golden["peer"] == "TensorFlow 1.15.5"
    (case,) = golden["cases"]
    with tf.Graph().as_default(), tf.Session() as session:
        images = tf.placeholder(tf.float32, [None, 64, 96, 3])
        logits, _ = legacy_nets.build(name, images, num_classes=7)
        variables = tf.global_variables()
        measure.assign(session, variables)
        got = session.run(logits, {images: fill.images([2, 64, 96, 3])})
    shapes = {v.op.name: v.shape.as_list() for v in variables}
    assert common.names_and_shapes(shapes) == golden["tensors"]  # in one order, too
    assert sum(int(np.prod(shape)) for shape in shapes.values()) == golden["parameters"]
    assert_summary(got, case["logits"], INFERENCE, "logits")


def eager_model(build, **options):
    """A model in eager mode, as in a fresh process; its weights are neither 0 nor 1."""
    tf.keras.backend.clear_session()
    model = build(tf.keras, num_classes=5, height=33, width=64, **options)
    values = [
        fill.variable(f"{index}/{weight.name.rsplit('/', 1)[-1].removesuffix(':0')}", weight.shape)
        for index, weight in enumerate(model.weights)
    ]
    model.set_weights(values)
    return model


def ours(net, path, images, options):
    """Softmax with the weights of a file, every tensor of which is used."""
    with tf.Graph().as_default(), tf.Session() as session:
        images_in = tf.placeholder(tf.float32, [None, *images.shape[1:]])
        _, points = legacy_nets.build(net, images_in, num_classes=5, **options)
        plan = match(tf.global_variables(), translate_for_net(open_weights(path), get_net(net)))
        plan.check()
        assert len(plan.matched) == len(tf.global_variables())
        assert (plan.extra, plan.skipped) == ((), ())
        plan.apply(session)
        return session.run(points["predictions"], {images_in: images})


@pytest.mark.parametrize("net", ["resnet18", "resnet50"])
def test_files_of_keras_restore_strictly(net, tmp_path):
    model = eager_model(keras_resnet.resnet, name=net)
    images = fill.images((2, 33, 64, 3))
    want = np.asarray(model(images, training=False))
    model.save_weights(str(tmp_path / "weights.h5"))
    model.save_weights(str(tmp_path / "tf_format"), save_format="tf")
    for name in ("weights.h5", "tf_format"):
        assert_close(ours(net, tmp_path / name, images, {}), want, INFERENCE, name)


def test_checkpoint_of_the_train_script_restores_strictly(tmp_path):
    """resNet_50.ckpt: frozen features and a head of two dense layers; F106."""
    model = eager_model(keras_resnet.transfer)
    assert sum(int(np.prod(w.shape)) for w in model.weights) == 25_664_453
    assert sum(int(np.prod(w.shape)) for w in model.trainable_weights) == 2_103_301
    images = fill.images((2, 33, 64, 3))
    want = np.asarray(model(images, training=False))
    model.save_weights(str(tmp_path / "resNet_50.ckpt"), save_format="tf")
    got = ours("resnet50", tmp_path / "resNet_50.ckpt", images, {"dense": 1024})
    assert_close(got, want, INFERENCE, "softmax")


def test_units_are_the_documents():
    assert {name: UNITS[name] for name in keras_resnet.UNITS} == keras_resnet.UNITS


def test_golden_files_are_what_tensorflow_1_says(oracle):
    """Document 004's ResNets, slim's, and the MobileNets of Keras."""
    script = REPOSITORY / "scripts" / "peers" / "keras_zoo_b.py"
    done = subprocess.run([oracle, str(script)], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr[-2000:]
    assert done.stdout.count("largest relative difference") == 5
