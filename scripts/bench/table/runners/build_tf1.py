"""CPU seconds of building the documents' nets under TensorFlow 1.15.5. Python 3.7."""

from __future__ import annotations

import gc
import os
import sys
import time

import tensorflow as tf
from protocol import serve

scripts = os.path.abspath(os.path.join(os.path.dirname(__file__), "..", "..", ".."))
sys.path.insert(0, os.path.join(scripts, "oracle"))
import nets

SHAPES = {"inception_v3": (299, 299, 3), "hand_signs": (64, 64, 3), "cnn_lstm": (28, 28, 1)}
SHAPES.update({f"resnet_v2_{depth}": (224, 224, 3) for depth in (50, 101, 152, 200)})


def make(name, shape):
    """Makes a measure of one net."""

    def measure():
        gc.collect()  # else one graph pays for collecting the others
        with tf.Graph().as_default():
            images = tf.placeholder(tf.float32, [None] + list(shape))
            start = time.process_time()
            nets.NETS[name](images, 10, False)
            return time.process_time() - start

    return measure


measures = {(name, "TensorFlow 1.15.5"): make(name, shape) for name, shape in SHAPES.items()}
next(iter(measures.values()))()  # the first building of a process sets things up
serve(measures, {"TensorFlow 1": tf.__version__})
