"""Runs lines of document 004 that Keras 3 refuses, and prints the errors.

``python tests/support/keras3_literal.py`` runs them with Keras 3 in a separate process, because
Keras 3 and the tf.keras of ``legacy_nets.tf1`` exclude each other. test_errata_004_keras3.py runs
them with tf.keras.
"""

from __future__ import annotations

import json
import os
import pathlib
import tempfile


def run_literal_lines(keras, function, zeros):
    """Returns {line: [type of error, message]}, or None for a line that runs.

    ``function`` is tf.function, ``zeros`` is tf.zeros.
    """
    layers = keras.layers

    def model():
        return keras.Sequential([layers.Input((2,)), layers.Dense(2)])

    class Head(layers.Layer):
        def call(self, x):
            return layers.Dropout(rate=0.5)(x)

    class VisionTransformer(keras.Model):
        def __init__(self):
            super().__init__(name="ViT-B/16")
            self.head = layers.Dense(2)

        def call(self, x):
            return self.head(x)

    head, images = Head(), layers.Input((4, 4, 2))
    lines = {
        "E01": lambda: keras.metrics.Mean(name="train_loss").reset_states(),
        "E02": lambda: keras.callbacks.ModelCheckpoint(
            "myAlex.h5", save_best_only=True, save_weights_only=True, monitor="val_loss"
        ).set_model(model()),
        "E03 save": lambda: model().save_weights("resNet_50.ckpt", save_format="tf"),
        "E03 load": lambda: model().load_weights("resNet_50.ckpt"),
        "E04": lambda: keras.Sequential(
            [layers.Input((4, 4, 2)), layers.BatchNormalization(name="conv1/BatchNorm")]
        ),
        "E05": lambda: VisionTransformer()(zeros([1, 2])),
        "E06 convolution": lambda: layers.Conv2D(2, 3, padding="SAME")(images),
        "E06 pool": lambda: layers.MaxPool2D(3, 2, padding="SAME")(images),
        "E07": lambda: function(lambda x: head(x, training=True))(zeros([2, 8])),
    }

    def get_error(line):
        try:
            line()
        except Exception as error:
            return [type(error).__name__, str(error)]
        return None

    before = pathlib.Path.cwd()
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        try:
            return {name: get_error(line) for name, line in lines.items()}
        finally:
            os.chdir(before)


if __name__ == "__main__":
    import keras
    import tensorflow

    errors = run_literal_lines(keras, tensorflow.function, tensorflow.zeros)
    print(json.dumps([keras.__version__, errors]))
