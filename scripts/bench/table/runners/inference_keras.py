"""Keras 3's own net of the same architecture, as a compiled function of TensorFlow."""

from __future__ import annotations

import keras
import numpy as np
import tensorflow as tf
from protocol import count_per_second, read_arguments, serve

NETS = {
    "inception_v3": "InceptionV3",
    "resnet_v2_50": "ResNet50V2",
    "resnet_v2_152": "ResNet152V2",
    "mobilenet_v2": "MobileNetV2",
}

arguments = read_arguments()
if arguments["net"] not in NETS:
    raise SystemExit(f"keras.applications has no {arguments['net']}")
model = getattr(keras.applications, NETS[arguments["net"]])(weights=None)
call = tf.function(lambda images: model(images, training=False))
measures = {}
for batch in arguments["batches"]:
    images = np.random.default_rng(0).uniform(-1, 1, (batch, *model.input_shape[1:])).astype("f")
    images = tf.constant(images)
    run = count_per_second(lambda x=images: call(x).numpy(), batch)
    measures[f"batch {batch}", "Keras 3 fp32"] = run
serve(measures, {"Keras": keras.__version__})
