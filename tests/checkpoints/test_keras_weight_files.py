"""Old weights of document 004's larger Keras models, and of Keras' MobileNets: the .h5 and the TF
format restore strictly and give the model's outputs; a Saver's copy goes round by .npz and .h5.
"""

from __future__ import annotations

import functools

import keras_plain_nets
import keras_resnet
import numpy as np
import pytest
from oracle_client import INFERENCE, assert_close, fill

import legacy_nets
from legacy_nets import tf1 as tf
from legacy_nets.checkpoints.open import open_weights
from legacy_nets.checkpoints.restore import match
from legacy_nets.nets.weights.translate_for_net import translate_for_net
from legacy_nets.port.formats import ckpt, h5, npz
from legacy_nets.port.weights import list_weights
from legacy_nets.registry import get_net

pytestmark = [
    pytest.mark.slow,
    pytest.mark.filterwarnings(
        "ignore:You are saving your model as an HDF5 file:UserWarning",
        "ignore:The `keras.initializers.serialize:UserWarning",
    ),
]
CLASSES = 5


def application(name, width_multiplier):
    """One of Keras' MobileNets for 32x32 pixels."""
    options = {"include_preprocessing": False} if "V3" in name else {}
    return getattr(tf.keras.applications, name)(
        (32, 32, 3), width_multiplier, weights=None, classes=CLASSES, **options
    )


def document_vgg(name):
    return keras_plain_nets.MODELS[name](tf.keras, CLASSES, 32, 32, hidden=16)


def document_resnet(name):
    return keras_resnet.resnet(tf.keras, name, CLASSES, 32, 32)


NARROW = {"width_multiplier": 0.25}
CASES = {  # net -> what makes the Keras model, options of ours
    **{
        name: (functools.partial(document_vgg, name), {"hidden": 16})
        for name in ("vgg13", "vgg16", "vgg19")
    },
    **{name: (functools.partial(document_resnet, name), {}) for name in ("resnet34", "resnet101")},
    **{
        net: (functools.partial(application, name, 0.25), NARROW)
        for net, name in (
            ("mobilenet_v1", "MobileNet"),
            ("mobilenet_v2", "MobileNetV2"),
            ("mobilenet_v3_small", "MobileNetV3Small"),
            ("mobilenet_v3_large", "MobileNetV3Large"),
        )
    },
}


def keras_model(build):
    """A model in eager mode, as in a fresh process; its weights are neither 0 nor 1."""
    tf.keras.backend.clear_session()
    model = build()
    model.set_weights(
        [
            fill.variable(
                f"{index}/{weight.name.rsplit('/', 1)[-1].removesuffix(':0')}", weight.shape
            )
            for index, weight in enumerate(model.weights)
        ]
    )
    return model


RARE = {"vgg16", "vgg19", "resnet101", "mobilenet_v3_small"}  # as the others of their family


@pytest.mark.parametrize(
    "net", [pytest.param(net, marks=[pytest.mark.rare] * (net in RARE)) for net in CASES]
)
def test_files_of_keras_restore_strictly_and_go_round(net, tmp_path):
    build, options = CASES[net]
    model = keras_model(build)
    images = fill.images((2, 32, 32, 3))
    want = np.asarray(model(images, training=False))
    files = [tmp_path / "weights.h5", tmp_path / "tf_format"]
    model.save_weights(str(files[0]))
    model.save_weights(str(files[1]), save_format="tf")
    if net in ("vgg13", "mobilenet_v1"):  # the document's ResNet cannot be saved whole
        files.append(tmp_path / "whole.h5")
        model.save(str(files[-1]), include_optimizer=False)
    with tf.Graph().as_default(), tf.Session() as session:
        place = tf.placeholder(tf.float32, [None, 32, 32, 3])
        _, points = legacy_nets.build(net, place, num_classes=CLASSES, **options)
        variables = tf.global_variables()
        saver = tf.train.Saver()
        for file in files:
            session.run(tf.global_variables_initializer())
            plan = match(variables, translate_for_net(open_weights(file), get_net(net)))
            plan.check()
            assert len(plan.matched) == len(variables)
            assert (plan.extra, plan.skipped) == ((), ())
            plan.apply(session)
            got = session.run(points["predictions"], {place: images})
            assert_close(got, want, INFERENCE, file.name)
        if net == "resnet101":  # as resnet34, but twice its size
            return
        source = tmp_path / "saver"
        saver.save(session, str(source), write_meta_graph=False)
        for writer, file in ((npz, "a.npz"), (h5, "b.h5"), (ckpt, "again")):
            tensors = list_weights(open_weights(source), averaged=False)
            source = tmp_path / file
            compared = list(writer.write(source, tensors, {}))
            assert [tensor.absolute for tensor in compared] == [0] * len(variables)
        session.run(tf.global_variables_initializer())
        saver.restore(session, str(source))
        np.testing.assert_array_equal(session.run(points["predictions"], {place: images}), got)
