"""Writes a model of Keras 2.3.1, and what it predicts as a file of each backend.

    .oracle/bin/python -m pip install --target /tmp/keras2 --no-deps keras==2.3.1 pyyaml scipy
    PYTHONPATH=/tmp/keras2 .oracle/bin/python scripts/oracle/keras_theano.py

tests/golden/keras_2_3_1_backends.h5 and .json were written by Keras 2.3.1 on TensorFlow 1.15.5. The
file names the backend tensorflow. For the predictions it named each of BACKENDS in turn: Keras
rotates the kernels of a file of Theano when it loads them.
"""

import json
import shutil
from pathlib import Path

import h5py
import keras
import numpy as np
from keras import layers as L
from keras.models import Model, Sequential

GOLDEN = Path(__file__).parents[2] / "tests" / "golden"
NAME = "keras_2_3_1_backends"
BACKENDS = ("tensorflow", "theano", "cntk")


def build():
    """Convolutions alone, in wrappers, and in a model that is called twice."""
    inner = Sequential(name="inner")
    inner.add(L.Conv2D(2, (2, 3), padding="same", input_shape=(4, 5, 2), activation="relu"))
    inner.add(L.SeparableConv2D(2, (3, 2), padding="same"))
    x = L.Input((3, 4, 5, 2))
    steps = L.TimeDistributed(L.Conv2D(2, (3, 2), padding="same"))(x)
    lstm = L.ConvLSTM2D(2, (2, 3), padding="same", return_sequences=True)
    steps = L.Bidirectional(lstm)(steps)
    steps = L.Conv3D(2, (2, 3, 2), padding="same")(steps)
    ends = ((0, 2), (2, 0))  # the first step, and the last one
    first, last = (L.Cropping3D((cut, 0, 0))(steps) for cut in ends)
    first, last = (inner(L.Reshape((4, 5, 2))(step)) for step in (first, last))
    y = L.Conv2DTranspose(2, (3, 2), strides=2)(L.add([first, last]))
    y = L.DepthwiseConv2D((2, 3))(y)
    y = L.Conv1D(3, 4)(L.Reshape((-1, 2))(y))
    return Model(x, L.Dense(2)(L.GlobalAveragePooling1D()(y)))


def main():
    model, random = build(), np.random.RandomState(1)
    model.set_weights([random.uniform(-0.6, 0.9, w.shape) for w in model.get_weights()])
    x = random.uniform(-1, 1, (2,) + model.input_shape[1:]).astype(np.float32)
    path = GOLDEN / f"{NAME}.h5"
    model.save(str(path))
    predictions = {"x": x.tolist()}
    for backend in BACKENDS:
        copy = path.with_suffix(f".{backend}.h5")
        shutil.copy(path, copy)
        with h5py.File(copy, "r+") as file:
            for group in (file, file["model_weights"]):
                group.attrs["backend"] = backend.encode()
        predictions[backend] = keras.models.load_model(str(copy)).predict(x).tolist()
        copy.unlink()
    (GOLDEN / f"{NAME}.json").write_text(json.dumps(predictions) + "\n")


if __name__ == "__main__":
    main()
