"""Runs document 004's smaller models in tf.keras of the reference TensorFlow 1.15.5.

  .oracle/bin/python scripts/peers/keras_zoo_a.py [NET ...]          compare, change nothing
  .oracle/bin/python scripts/peers/keras_zoo_a.py --write [NET ...]  write tests/golden/peers

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
import keras_plain_nets  # noqa: E402
import measure  # noqa: E402
import numpy as np  # noqa: E402
import tensorflow as tf  # noqa: E402

tf.logging.set_verbosity(tf.logging.ERROR)
REQUESTS = {
    "demo_cnn": {"batch": 3, "height": 28, "width": 28, "channels": 1, "num_classes": 10},
    "alexnet_v1": {"batch": 2, "height": 67, "width": 99, "channels": 3, "num_classes": 5},
    "alexnet_v2": {"batch": 2, "height": 67, "width": 99, "channels": 3, "num_classes": 5},
    "googlenet": {
        "batch": 1,
        "height": 224,
        "width": 224,
        "channels": 3,
        "num_classes": 5,
        "options": {"aux_logits": True},
    },
}
HEADS = {"googlenet": ["aux_1", "aux_2", "logits"]}  # in the order of the model's outputs


def ask(net):
    """One net's numbers: its variables in order, and the logits of each head."""
    request = REQUESTS[net]
    height, width, classes = (request[key] for key in ("height", "width", "num_classes"))
    images = fill.images([request["batch"], height, width, request["channels"]])
    with tf.Graph().as_default(), tf.Session() as session:
        place = tf.placeholder(tf.float32, [None] + list(images.shape[1:]))
        options = request.get("options", {})
        outputs = keras_plain_nets.MODELS[net](tf.keras, classes, height, width, **options)(place)
        outputs = outputs if isinstance(outputs, list) else [outputs]
        logits = [output.op.inputs[0] for output in outputs]  # what the softmax is taken of
        variables = tf.global_variables()
        measure.assign(session, variables)
        arrays = session.run(logits, {place: images})
        values = dict(zip(HEADS.get(net, ["logits"]), arrays))  # noqa: B905 (Python 3.7)
    shapes = {v.op.name: v.shape.as_list() for v in variables}
    return {
        "net": net,
        "peer": "tf.keras of TensorFlow " + tf.__version__,
        "parameters": int(sum(np.prod(shape) for shape in shapes.values())),
        "tensors": common.names_and_shapes(shapes),
        "cases": [
            {
                "request": request,
                "logits": measure.summary(values.pop("logits")),
                "end_points": {key: measure.summary(value) for key, value in values.items()},
            }
        ],
    }


if __name__ == "__main__":
    sys.exit(common.main(list(REQUESTS), ask, __doc__))
