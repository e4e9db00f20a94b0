"""Files of a model of the package keras: both sides run this file.

  keras_file.py write MODEL.h5 OUT.json    trains and saves the model; OUT is what it predicts
  keras_file.py read MODEL.h5 OUT.json     what it predicts after each way of reading the file

tests/golden/keras_2_3_1_model.h5 and .json were written by Keras 2.3.1 on TensorFlow 1.15.5.
"""

from __future__ import annotations

import json
import sys

import keras
import numpy as np
from keras import layers


def build():
    """A model with a model inside, recurrent layers, a regularizer and several initializers."""
    np.random.seed(5)
    inner = [layers.SeparableConv1D(3, 2, input_shape=(5, 3), activation="relu")]
    inner += [layers.BatchNormalization(), layers.LSTM(2), layers.GaussianNoise(0.1)]
    x = layers.Input((5, 3))
    y = layers.Bidirectional(layers.GRU(2, return_sequences=True))(x)
    y = layers.concatenate(
        [keras.models.Sequential(inner)(x), layers.GlobalAveragePooling1D()(y)]
    )
    y = layers.Dense(2, kernel_initializer="he_normal")(layers.Dense(3)(layers.Dense(4)(y)))
    l2 = keras.regularizers.l2(0.1)
    y = layers.Dense(2, activation="softmax", kernel_regularizer=l2)(layers.Dropout(0.3)(y))
    model = keras.models.Model(x, y)
    model.compile("rmsprop", "categorical_crossentropy", metrics=["accuracy"])
    return model


def predict(model):
    """What the model outputs for fixed inputs, of shape [4, 2], to 5 digits."""
    x = np.random.RandomState(0).rand(4, 5, 3).astype("float32")
    return np.round(model.predict(x).astype("float64"), 5).tolist()


def write(path):
    """Saves a model after some steps; returns its outputs."""
    model = build()
    x, y = np.random.RandomState(1).rand(8, 5, 3), np.eye(2)[[0, 1] * 4]
    model.fit(x, y, epochs=3, verbose=0, shuffle=False)
    model.save(path)
    return {"saved": predict(model)}


def read(path):
    """Outputs by each way of reading the file."""
    by_name, in_order = build(), build()
    by_name.load_weights(path, by_name=True)
    in_order.load_weights(path)
    model = keras.models.load_model(path)
    copied = keras.models.model_from_json(model.to_json())
    copied.set_weights(model.get_weights())
    return {
        "by_name": predict(by_name),
        "in_order": predict(in_order),
        "load_model": predict(model),
        "to_json": predict(copied),
        "steps": int(model.optimizer.get_weights()[0]),
    }


def main():
    command, path, out = sys.argv[1:]
    with open(out, "w") as file:
        json.dump({"write": write, "read": read}[command](path), file)
        file.write("\n")


if __name__ == "__main__":
    main()
