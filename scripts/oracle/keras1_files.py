"""Writes complete models as Keras 1.2.2 saved them, with what they predict.

    .oracle/bin/python -m pip install --target /tmp/keras1 --no-deps keras==1.2.2
    KERAS_BACKEND=tensorflow PYTHONPATH=/tmp/keras1 .oracle/bin/python scripts/oracle/keras1_files.py

tests/golden/keras_1_2_2/*.h5 and predictions.json were written by Keras 1.2.2 on TensorFlow 1.15.5.
"""

import json
from pathlib import Path

import numpy as np
from keras import backend
from keras import layers as L
from keras.layers.advanced_activations import PReLU
from keras.models import Model, Sequential

FOLDER = Path(__file__).parents[2] / "tests" / "golden" / "keras_1_2_2"


def build_branches():
    x = L.Input((6, 5, 2))
    y = L.ZeroPadding2D((1, 2))(x)
    y = L.Convolution2D(3, 3, 2, subsample=(2, 1), border_mode="same", W_regularizer="l2")(y)
    z = PReLU()(L.AtrousConvolution2D(3, 2, 2, atrous_rate=(2, 2), border_mode="same")(y))
    joined = L.merge([L.merge([y, z], mode="sum"), z], mode="concat", concat_axis=-1)
    joined = L.BatchNormalization()(L.Dropout(0.3)(L.MaxPooling2D()(joined)))
    most = L.Flatten()(L.AveragePooling2D()(L.merge([y, z], mode="max")))
    both = L.merge([L.GlobalMaxPooling2D()(joined), L.Dense(6, bias=False)(most)], mode="mul")
    return Model(x, L.Dense(3)(both))


def build_recurrent():
    model = Sequential()
    model.add(L.Embedding(9, 4, input_length=6))
    model.add(L.Bidirectional(L.LSTM(3, return_sequences=True, dropout_W=0.2)))
    model.add(L.TimeDistributed(L.Dense(3, activation="tanh")))
    model.add(L.Convolution1D(3, 2, border_mode="same"))
    model.add(L.MaxPooling1D(2))
    model.add(L.GRU(3, return_sequences=True))
    model.add(L.SimpleRNN(2))
    model.add(L.RepeatVector(2))
    model.add(L.Permute((2, 1)))
    model.add(L.Flatten())
    model.add(L.Dense(2))
    return model


def build_nested():
    inner = Sequential()
    inner.add(L.Dense(5, input_dim=4, activation="hard_sigmoid"))
    inner.add(L.BatchNormalization())
    x = L.Input((4,))
    return Model(x, L.Dense(2)(inner(x)))


def build_transposed():
    model = Sequential()
    model.add(L.SeparableConvolution2D(3, 2, 2, input_shape=(4, 4, 2), depth_multiplier=2))
    shape = (None, 6, 6, 2)
    model.add(L.Deconvolution2D(2, 2, 2, output_shape=shape, subsample=(2, 2)))
    model.add(L.Cropping2D(((1, 0), (0, 1))))
    model.add(L.GlobalAveragePooling2D())
    return model


def main():
    backend.set_image_dim_ordering("tf")
    FOLDER.mkdir(exist_ok=True)
    predictions = {}
    for build in (build_branches, build_recurrent, build_nested, build_transposed):
        name = build.__name__[len("build_") :]
        model, random = build(), np.random.RandomState(1)
        model.set_weights([random.uniform(-0.6, 0.9, w.shape) ** 2 for w in model.get_weights()])
        shape = (3,) + model.input_shape[1:]
        x = random.randint(0, 9, shape) if name == "recurrent" else random.uniform(-1, 1, shape)
        x = x.astype(np.float32)
        predictions[name] = {"x": x.tolist(), "y": model.predict(x).tolist()}
        model.save(str(FOLDER / (name + ".h5")))
    (FOLDER / "predictions.json").write_text(json.dumps(predictions) + "\n")


if __name__ == "__main__":
    main()
