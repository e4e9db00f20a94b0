"""Runs document 004's ResNets (tf.keras), slim's resnet_v1 and Keras' MobileNets under the
reference TensorFlow 1.15.5.

  .oracle/bin/python scripts/peers/keras_zoo_b.py [NET ...]          compare, change nothing
  .oracle/bin/python scripts/peers/keras_zoo_b.py --write [NET ...]  write tests/golden/peers/tf1

Runs under Python 3.7 (``make oracle``), in graph mode, with the models of the tests.
"""

from __future__ import annotations

import os
import sys
import warnings

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
warnings.filterwarnings("ignore")

import common  # noqa: E402
import fill  # noqa: E402
import keras_resnet  # noqa: E402
import measure  # noqa: E402
import numpy as np  # noqa: E402
import tensorflow as tf  # noqa: E402
from tensorflow.contrib import slim  # noqa: E402
from tensorflow.contrib.slim import nets as slim_nets  # noqa: E402

tf.logging.set_verbosity(tf.logging.ERROR)
CLASSES = 7
SHAPE = [2, 64, 96, 3]  # halves evenly, so that padding shows


def _softmax_input(model, images):
    return model(images).op.inputs[0]


def _document(name):
    return lambda images: _softmax_input(
        keras_resnet.resnet(tf.keras, name, CLASSES, *SHAPE[1:3]), images
    )


def _application(name):
    def build(images):
        model = getattr(tf.keras.applications, name)(
            input_tensor=tf.keras.layers.Input(tensor=images), weights=None, classes=CLASSES
        )
        return model.output.op.inputs[0]

    return build


def _slim(images):
    with slim.arg_scope(slim_nets.resnet_v1.resnet_arg_scope()):
        logits, _ = slim_nets.resnet_v1.resnet_v1_50(images, CLASSES, is_training=False)
    return tf.squeeze(logits, [1, 2])


BUILD = {
    "tf1/resnet34": _document("resnet34"),
    "tf1/resnet50": _document("resnet50"),
    "tf1/slim_resnet_v1_50": _slim,
    "tf1/mobilenet_v1": _application("MobileNet"),
    "tf1/mobilenet_v2": _application("MobileNetV2"),
}


def ask(net):
    """One net's numbers: its variables in order, and its logits."""
    with tf.Graph().as_default(), tf.Session() as session:
        images = tf.placeholder(tf.float32, SHAPE)
        logits = BUILD[net](images)
        variables = tf.global_variables()
        measure.assign(session, variables)
        value = session.run(logits, {images: fill.images(SHAPE)})
    shapes = {v.op.name: v.shape.as_list() for v in variables}
    request = {"batch": SHAPE[0], "height": SHAPE[1], "width": SHAPE[2], "num_classes": CLASSES}
    return {
        "net": net,
        "peer": "TensorFlow " + tf.__version__,
        "parameters": int(sum(np.prod(shape) for shape in shapes.values())),
        "tensors": common.names_and_shapes(shapes),
        "cases": [{"request": request, "logits": measure.summary(value), "end_points": {}}],
    }


if __name__ == "__main__":
    sys.exit(common.main(list(BUILD), ask, __doc__))
