"""tf.contrib.sparsemax against numbers that TensorFlow 1.15.5 gave for the same logits."""

from __future__ import annotations

import numpy as np

from legacy_nets import tf1 as tf

LOGITS = np.float32([[1.0, 0.5, -1.0], [0.0, 0.0, 0.0], [2.0, -np.inf, 1.5], [np.nan, 0.0, 1.0]])
LABELS = np.float32([[0, 1, 0], [1, 0, 0], [0, 0, 1], [0, 0, 1]])
# What 1.15.5 computes.
PROBABILITIES = np.float32([[0.75, 0.25, 0], [1 / 3] * 3, [0.75, 0, 0.25], [np.nan] * 3])
LOSSES = np.float32([0.5625, 1 / 3, 0.5625, np.nan])
GRADIENT = np.float32([[0.75, -0.75, 0], [-2 / 3, 1 / 3, 1 / 3], [0.75, 0, -0.75]])


def test_values_and_gradients_are_1_15s():
    sparse = tf.contrib.sparsemax
    with tf.Graph().as_default(), tf.Session() as session:
        probabilities = sparse.sparsemax(LOGITS)
        losses = sparse.sparsemax_loss(LOGITS, probabilities, LABELS)
        logits = tf.constant(LOGITS[:3])
        inner = sparse.sparsemax(logits, name="inner")
        [gradient] = tf.gradients(sparse.sparsemax_loss(logits, inner, LABELS[:3]), logits)
        assert inner.op.name == "inner/Select" and probabilities.shape.as_list() == [4, 3]
        got = session.run([probabilities, losses, gradient])
    for value, want in zip(got, (PROBABILITIES, LOSSES, GRADIENT), strict=True):
        np.testing.assert_allclose(value, want, atol=1e-6)
