"""The documents' nets under TensorFlow 1.15.5: loss, gradients, Adam. Python 3.7."""

from __future__ import annotations

import os
import sys

import numpy as np
import tensorflow as tf
from protocol import count_per_second, read_arguments, serve

scripts = os.path.abspath(os.path.join(os.path.dirname(__file__), "..", "..", ".."))
sys.path.insert(0, os.path.join(scripts, "oracle"))
import nets

BATCH = 32
CASES = {  # net -> shape of an image, classes
    "hand_signs": ((64, 64, 3), 6),
    "inception_v3": ((149, 149, 3), 1000),
    "cnn_lstm": ((28, 28, 1), 10),
}

name = read_arguments()["net"]
shape, classes = CASES[name]
images = tf.placeholder(tf.float32, [None] + list(shape))
labels = tf.placeholder(tf.int64, [None])
logits, _ = nets.NETS[name](images, classes, True)
tf.losses.sparse_softmax_cross_entropy(labels, logits)
loss = tf.losses.get_total_loss()
with tf.control_dependencies(tf.get_collection(tf.GraphKeys.UPDATE_OPS)):
    step = tf.train.AdamOptimizer(1e-4).minimize(loss)
session = tf.Session()
session.run(tf.global_variables_initializer())
feed = {
    images: np.random.RandomState(0).rand(BATCH, *shape).astype("f"),
    labels: np.arange(BATCH) % classes,
}
measure = count_per_second(lambda: session.run(step, feed), BATCH)
serve({(f"batch {BATCH}", "TensorFlow 1.15.5 fp32"): measure}, {"TensorFlow 1": tf.__version__})
